"""What a worker answers."""

import gc
from dataclasses import fields

import numpy as np
import pytest

from lipexplore.bounds import Bound
from lipexplore.bounds.margins import margins
from lipexplore.errors import InvalidCertificate, InvalidSetting
from lipexplore.jobs import worker as child
from lipexplore.jobs.client import Job, RadiiJob, Worker
from lipexplore.jobs.radii import ATTACK
from lipexplore.networks.activations import Activation
from lipexplore.networks.feedforward import Network
from lipexplore.networks.gallery import gallery_network
from lipexplore.networks.generators import random_dense
from lipexplore.norms import Norm
from lipexplore.properties.attack import attack
from lipexplore.properties.local_radius import local_radius
from lipexplore.properties.robustness import certified_radii
from lipexplore.regions import Ball, Box
from lipexplore.training.images import digits_for
from tests.jobs.running import LAST, PATIENCE, answer, quick, until

NETWORK = random_dense((6, 5, 4, 3), 1, "elu:0.7")
BALL = Ball(np.linspace(-1.0, 1.0, 6) / 3.0, 0.1, Norm.L2)
BOX = Box(-np.ones(6) / 7.0, np.ones(6) / 3.0)
NOT_SENT = ("certificate", "witness", "build_seconds", "solve_seconds", "verify_seconds")

JOBS = {
    "defaults": Job(NETWORK, "lipopt-lp"),
    "ball": Job(NETWORK, "lipopt-lp", "linf", BALL, 1, 2, settings={"degree": 4}),
    "box": Job(NETWORK, "interval-jacobian", Norm.L2, BOX, output=2),
    "slice": Job(NETWORK, "path", "l1", BALL, layers=(2, 3)),
    "lower": Job(NETWORK, "vertex-search", "l2", settings={"starts": 7, "seed": 3}),
    "all": Job(NETWORK, "norm-product", "l1", output="all", output_norm="linf"),
    "limit": Job(NETWORK, "sampled-gradient", settings={"points": 10}, time_limit=5.0),
}


def sent(found):
    return {f.name: getattr(found, f.name) for f in fields(Bound) if f.name not in NOT_SENT}


@pytest.mark.parametrize("name", JOBS)
def test_a_worker_answers_bit_for_bit_what_bound_answers(worker, name):
    found, expected = answer(worker, JOBS[name]), JOBS[name].run()
    np.testing.assert_equal(sent(found), sent(expected))
    assert found.certificate is None
    assert found.witness is None
    assert found.seconds > 0.0


def test_arrays_stay_in_a_file_until_nobody_can_ask_for_them(worker):
    job = Job(NETWORK, "lipopt-lp")
    event = until(worker, "result", worker.submit(job))[-1]
    certificate, witness = event.arrays.read()
    expected = job.run()
    assert witness is expected.witness is None
    assert [part.value for part in certificate] == [p.value for p in expected.certificate]
    for part, own in zip(certificate, expected.certificate, strict=True):
        np.testing.assert_equal(vars(part), vars(own))
    path = event.arrays.path
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0
    del event
    gc.collect()
    assert not path.exists()
    assert until(worker, "result", worker.submit(Job(NETWORK, "path")))[-1].arrays is None


def test_the_folder_goes_with_the_worker():
    with Worker() as fresh:
        kept = until(fresh, "result", fresh.submit(quick()))[-1].arrays
        folder = kept.path.parent
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(InvalidCertificate, match="run the method again"):
        kept.read()


def test_arrays_above_the_limit_are_not_kept(changed_worker):
    worker = changed_worker("from lipexplore.jobs import arrays; arrays.LARGEST = 50")
    event = until(worker, "result", worker.submit(quick()))[-1]
    assert event.data.verified
    assert event.arrays.path is None
    with pytest.raises(InvalidCertificate, match="--certificate FILE"):
        event.arrays.read()


def test_radii_are_those_of_the_functions_and_their_progress_is_told(worker):
    network = gallery_network("digits-16-12-8-10-relu")
    pixels = digits_for(network)[0][:20]
    events = until(worker, "result", worker.submit(RadiiJob(network, "path", "l2", 20)))
    found = events[-1].arrays.read()
    expected = certified_radii(network, pixels, margins(network, "path", "l2"))
    np.testing.assert_equal(vars(found), vars(expected))
    ticks = [event.data for event in events if event.kind == "progress"]
    assert ticks[0] == {"done": 1, "total": 55}
    assert ticks[-1] == {"done": 55, "total": 55}
    found = answered(worker, RadiiJob(network, ATTACK, "l2", 20))
    np.testing.assert_equal(vars(found), vars(attack(network, pixels, "l2")))
    ball = Ball(pixels[3], 0.2, Norm.L2)
    found = answered(worker, RadiiJob(network, "path", "l2", 20, ball))
    assert found == local_radius(network, "path", "l2", ball)


def answered(worker, job):
    return until(worker, "result", worker.submit(job))[-1].arrays.read()


def test_jobs_run_one_at_a_time_in_their_order(worker):
    numbers = [worker.submit(quick(output=0)) for _ in range(5)]
    assert worker.busy
    events = worker.wait(PATIENCE)
    assert not worker.busy
    assert worker.queued == 0
    assert numbers == sorted(set(numbers))
    story = [(e.job, e.kind) for e in events if e.kind in ("started", *LAST)]
    assert story == [(n, kind) for n in numbers for kind in ("started", "result")]


BAD = {
    "degree 1 is too low for this network and norm": quick(settings={"degree": 1}),
    "unknown method 'guess'": Job(NETWORK, "guess"),
    "unknown norm 'l7'": Job(NETWORK, "path", "l7"),
    "the region has 6 coordinates": quick(region=BALL),
    "there is no output 9": quick(output=9),
    "no path of non-zero weights": Job(Network([np.zeros((2, 2)), np.ones((1, 2))]), "path"),
    "has no setting 'colour'": quick(settings={"colour": "red"}),
    "above the limit of 1e-09 GB": quick(settings={"memory_limit": 1e-9}),
    "unknown activation": Job(
        Network([[[1.0]], [[1.0]]], activations=Activation("own", np.abs, np.sign, (-1.0, 1.0))),
        "path",
    ),
}


@pytest.mark.parametrize("words", BAD)
def test_an_error_is_one_sentence_and_the_worker_goes_on(worker, words):
    number = worker.submit(BAD[words])
    event = until(worker, "error", number)[-1]
    assert words in event.data
    assert "\n" not in event.data
    assert "Traceback" not in event.data
    assert event.expected
    assert event.error not in event.data
    assert answer(worker, quick()).verified


def test_a_mistake_in_a_method_is_marked_and_the_worker_goes_on(changed_worker):
    worker = changed_worker(
        "run = job.run\n"
        "def wrong(self, tick):\n"
        "    if self.method == 'path': raise KeyError('a\\nb')\n"
        "    return run(self, tick)\n"
        "job.run = wrong"
    )
    event = until(worker, "error", worker.submit(Job(NETWORK, "path")))[-1]
    assert (event.error, event.expected, "\n" in event.data) == ("KeyError", False, False)
    assert answer(worker, quick()).verified


def test_what_libraries_print_does_not_reach_the_protocol(changed_worker):
    worker = changed_worker(
        "run = job.run\n"
        "def loud(self, tick):\n"
        "    import os\n"
        '    print(\'{"kind": "died", "job": 1}\', flush=True)\n'
        "    os.write(1, b'half a line')\n"
        "    os.write(2, b'complaint' * 100_000)\n"
        "    assert os.read(0, 1) == b''\n"
        "    return run(self, tick)\n"
        "job.run = loud"
    )
    for _ in range(2):
        events = until(worker, "result", worker.submit(quick()))
        assert {e.kind for e in events} <= {"ready", "started", "progress", "result"}
        assert events[-1].data.value == quick().run().value


def test_each_iteration_is_told_once_and_before_the_result(worker):
    job, direct = Job(random_dense((20, 16, 1), 0), "lipopt-lp", settings={"degree": 3}), []
    found = job.run(direct.append)
    events = until(worker, "result", worker.submit(job))
    kinds = [e.kind for e in events if e.kind != "ready"]
    ticks = [e.data for e in events if e.kind == "progress"]
    assert kinds == ["started", *["progress"] * len(ticks), "result"]
    told = [tick["iteration"] for tick in ticks]
    assert told == sorted(set(told))
    assert len(told) > 2
    assert ticks[0] == direct[0]
    assert ticks[-1] == direct[-1]
    assert told[-1] == found.size["iterations"]
    assert [e.seconds for e in events[-len(ticks) :]] == sorted(
        e.seconds for e in events[-len(ticks) :]
    )


@pytest.mark.parametrize(("gap", "expected"), [(0.001, [0, 50, 99]), (1.0, list(range(100)))])
def test_ticks_come_at_most_every_fiftieth_of_a_second(monkeypatch, gap, expected):
    now, told = [0.0], []
    monkeypatch.setattr(child.time, "perf_counter", lambda: now[0])
    ticker = child.Ticker(lambda _, data: told.append(data["iteration"]))
    for i in range(100):
        now[0] = i * gap
        ticker({"iteration": i})
    ticker.flush()
    ticker.flush()
    assert told == expected


def test_a_certificate_is_saved_on_request(worker, tmp_path):
    from lipexplore.certificates.files import load_certificate, verify_certificate

    path = tmp_path / "proof.json"
    found = answer(worker, quick(certificate=path))
    verdict = verify_certificate(load_certificate(path), quick().network)
    assert verdict.claimed == found.value


def test_a_setting_that_cannot_be_sent_is_refused_at_once(worker):
    with pytest.raises(InvalidSetting, match="cannot be sent"):
        worker.submit(quick(settings={"degree": {1, 2}}))
    assert not worker.busy


def test_ready_tells_the_versions():
    with Worker() as fresh:
        event = until(fresh, "ready", None)[-1]
    assert {"python", "lipexplore", "numpy", "scipy", "picos", "cvxopt"} <= set(event.data)
    with pytest.raises(InvalidSetting, match="at least one thread"):
        Worker(threads=0)
