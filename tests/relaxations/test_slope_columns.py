"""The slope LMI for l_1: one program per input."""

import time

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds import estimate
from lipexplore.bounds.saving import save_certificate
from lipexplore.certificates.files import load_certificate, verify_certificate
from lipexplore.errors import InvalidCertificate, RelaxationTooLarge, UnsupportedQuestion
from lipexplore.networks.generators import random_dense
from tests.oracles import exact_float, fast_polynomial_maximum, is_upper


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("widths", [(4, 5, 1), (3, 4, 4, 1), (2, 3, 3, 2, 1)])
def test_not_below_brute_force_and_close(widths, seed):
    network = random_dense(widths, seed)
    answer = lipexplore.bound(network, "slope-lmi", "l1")
    count = [np.zeros(w) for w in widths[1:-1]]
    exact = fast_polynomial_maximum(network.weights, count, [c + 1.0 for c in count], "l1")
    assert answer.verified
    assert is_upper(answer.value, exact, "l1")
    assert answer.value <= 1.2 * exact_float(exact, "l1")


@pytest.mark.parametrize("seed", range(4))
def test_one_hidden_layer_has_a_closed_form(seed):
    """max_k max(sum_j A_kj^+, sum_j A_kj^-): with one input the relaxation is exact."""
    network = random_dense((6, 9, 1), seed)
    paths = network.weights[0].T * network.weights[1][0]
    closed = max(np.maximum(paths, 0).sum(1).max(), np.maximum(-paths, 0).sum(1).max())
    answer = lipexplore.bound(network, "slope-lmi", "l1")
    assert closed <= answer.value == pytest.approx(closed, rel=1e-7)


def test_agrees_with_the_linear_program():
    """Of degree 6 it is exact for 5 units; so is this one for one hidden layer."""
    network = random_dense((4, 5, 1), 3)
    program = lipexplore.bound(network, "lipopt-lp", "l1", degree=6)
    answer = lipexplore.bound(network, "slope-lmi", "l1")
    assert answer.value == pytest.approx(program.value, rel=1e-6)


def test_columns_below_the_largest_stop_early():
    network = random_dense((8, 15, 15, 1), 0)
    answer = lipexplore.bound(network, "slope-lmi", "l1", tolerance=1e-9)
    alone = [
        lipexplore.bound(
            lipexplore.Network([network.weights[0][:, [k]], *network.weights[1:]], network.biases),
            "slope-lmi", "l2",
        )
        for k in range(8)
    ]  # fmt: skip
    assert answer.value == pytest.approx(max(run.value for run in alone), rel=1e-8)
    assert answer.size["programs"] == 8
    assert answer.size["iterations"] < 0.8 * sum(run.size["iterations"] for run in alone)
    assert all(c.value <= answer.value for c in answer.certificate)


def test_inputs_without_weights_and_fixed_gradients():
    network = lipexplore.Network([[[0.0, 2.0]], [[3.0]]], [[-5.0], None])
    assert lipexplore.bound(network, "slope-lmi", "l1").value == pytest.approx(6.0, rel=1e-7)
    region = lipexplore.Ball(np.zeros(2), 1.0)
    answer = lipexplore.bound(network, "slope-lmi", "l1", region)
    assert (answer.value, answer.status) == (0.0, "constant gradient")


def test_certificate_of_every_column(tmp_path):
    network, path = random_dense((3, 5, 4, 2), 1), tmp_path / "l1.json"
    answer = lipexplore.bound(network, "slope-lmi", "l1", output=1, minus=0)
    save_certificate(answer, path)
    fields = load_certificate(path)
    verdict = verify_certificate(fields, network)
    assert verdict.proven <= verdict.claimed == answer.value
    with pytest.raises(InvalidCertificate):
        verify_certificate({**fields, "parts": fields["parts"][:2]}, network)
    with pytest.raises(InvalidCertificate, match="prove"):
        verify_certificate({**fields, "value": 0.999 * answer.value}, network)
    for part in range(3):
        halved = [dict(item) for item in fields["parts"]]
        halved[part]["outer"] *= 0.5
        with pytest.raises(InvalidCertificate, match="semidefinite"):
            verify_certificate({**fields, "parts": halved}, network)


def test_refusals():
    network = random_dense((2000, 500, 1), 0)
    for run in (lipexplore.bound, estimate):
        with pytest.raises(RelaxationTooLarge, match="2,000 programs"):
            run(network, "slope-lmi", "l1")
        with pytest.raises(UnsupportedQuestion, match="unsound"):
            run(random_dense((3, 3, 1), 0), "slope-lmi", "l1", reduce_input="yes")


def test_time_limit_leaves_a_proof():
    network = random_dense((5, 12, 12, 1), 0)
    best = lipexplore.bound(network, "slope-lmi", "l1").value
    early = lipexplore.bound(network, "slope-lmi", "l1", time_limit=1e-6)
    assert early.status == "time limit"
    assert early.verified
    assert best <= early.value < np.inf


@pytest.mark.parametrize(("widths", "norm"), [((6, 20, 1), "linf"), ((10, 60, 60, 1), "l2")])
def test_predicted_seconds_are_of_the_right_order(widths, norm):
    network = random_dense(widths, 0)
    lipexplore.bound(network, "slope-lmi", norm)
    before = time.process_time()
    lipexplore.bound(network, "slope-lmi", norm)
    seconds = time.process_time() - before
    predicted = estimate(network, "slope-lmi", norm).seconds
    assert seconds / 8 <= predicted <= 12 * seconds


def test_units_that_make_equal_multipliers_singular():
    """Four units of one input: mu = t = 1 gives 1 - 4 / 4 = 0."""
    network = lipexplore.Network([np.ones((4, 1)), [[1.0, -1.0, 2.0, 1.0]]])
    for norm in ("l1", "l2", "linf"):
        assert lipexplore.bound(network, "slope-lmi", norm).value == pytest.approx(4.0, rel=1e-7)
