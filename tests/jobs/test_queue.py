"""What a worker is sent, and jobs that are taken back."""

import json
import threading

import pytest

from lipexplore.jobs.client import Job, Worker
from lipexplore.jobs.process import Child
from lipexplore.jobs.protocol import NETWORKS_KEPT
from lipexplore.networks.generators import random_dense
from tests.jobs.running import PATIENCE, answer, long, until

NETWORKS = [random_dense((3, 4, 1), seed) for seed in range(NETWORKS_KEPT + 1)]


@pytest.fixture
def sent(monkeypatch):
    """What is written to workers: the messages."""
    messages, send = [], Child.send

    def spy(child, line):
        messages.append(json.loads(line))
        send(child, line)

    monkeypatch.setattr(Child, "send", spy)
    return messages


def parcels(sent):
    return [message["parcel"] for message in sent if "parcel" in message]


def ask(worker, network):
    job = Job(network, "path")
    assert answer(worker, job).value == job.run().value


def test_a_network_is_sent_once_and_again_to_a_new_process_or_when_it_was_dropped(sent):
    with Worker() as worker:
        for network in NETWORKS[:-1] * 2:
            ask(worker, network)
        assert len(parcels(sent)) == NETWORKS_KEPT
        ask(worker, NETWORKS[-1])
        ask(worker, NETWORKS[1])
        assert len(parcels(sent)) == NETWORKS_KEPT + 1
        ask(worker, NETWORKS[0])
        assert parcels(sent)[-1] == parcels(sent)[0]
        assert len(parcels(sent)) == NETWORKS_KEPT + 2
        worker.cancel(until(worker, "started", worker.submit(long()))[-1].job)
        ask(worker, NETWORKS[0])
        assert parcels(sent)[-1] == parcels(sent)[0]
        assert len(parcels(sent)) == NETWORKS_KEPT + 4
    assert all(len(json.dumps(message)) < 1000 for message in sent if "parcel" not in message)


def test_a_waiting_job_can_be_taken_back_and_a_running_one_cannot(worker):
    first, second = worker.submit(long()), worker.submit(Job(NETWORKS[0], "path"))
    until(worker, "started", first)
    assert not worker.withdraw(first)
    assert worker.withdraw(second)
    assert not worker.withdraw(second)
    assert (worker.busy, worker.queued) == (True, 0)
    worker.cancel(first)
    assert {event.job for event in worker.wait(PATIENCE)} == {first}


def test_the_bell_rings_for_every_event(worker):
    bell = threading.Event()
    worker.ring(bell)
    try:
        number, kinds = worker.submit(Job(NETWORKS[0], "path")), []
        while "result" not in kinds:
            assert bell.wait(PATIENCE)
            bell.clear()
            kinds += [event.kind for event in worker.poll() if event.job == number]
        assert kinds[0] == "started"
    finally:
        worker.ring(None)
