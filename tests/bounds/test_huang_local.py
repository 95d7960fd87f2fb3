"""The local product: values of independent code, traps of naive versions, exact constants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lipexplore
from lipexplore.norms import Norm
from tests.bounds.specification import checksum, clipped_relu, seeded_network
from tests.oracles import box_halfspaces, exact_lipschitz, is_upper, l1_halfspaces
from tests.strategies import balls, networks

# seed, widths, threshold, checksum, {radius: (box, ball, kept in the box, kept in the ball)}
VALUES = [
    (1, (2, 4, 4, 1), 0.8, 1.0711999, {
        0.2: (0.3654237, 0.3654237, 4, 4),
        0.6: (0.7074133, 0.5994463, 6, 5),
        1.2: (0.7074133, 0.7074133, 6, 6),
    }),
    (1, (2, 4, 4, 1), None, 1.0711999, {
        0.2: (0.7194037, 0.7194037, 5, 5),
        0.6: (1.1962541, 0.8365787, 7, 6),
        1.2: (1.1962541, 1.1962541, 7, 7),
    }),
    (3, (2, 4, 4, 4, 2), 0.8, -1.9324237, {
        0.2: (4.8365439, 4.8365439, 9, 9),
        0.6: (4.8365439, 4.8365439, 9, 9),
    }),
]  # fmt: skip
RELU = (0.0, 1.0)


def center(seed):
    return np.random.default_rng(seed).standard_normal(2)


@pytest.mark.parametrize(("seed", "widths", "threshold", "total", "radii"), VALUES)
def test_values_of_independent_code(seed, widths, threshold, total, radii):
    act = "relu" if threshold is None else clipped_relu(threshold)
    network = seeded_network(seed, widths, act)
    assert checksum(network) == pytest.approx(total, abs=1e-7)
    for radius, (box, ball, kept_box, kept_ball) in radii.items():
        for norm, value, kept in (("linf", box, kept_box), ("l2", ball, kept_ball)):
            region = lipexplore.Ball(center(50 + seed), radius, norm)
            answer = lipexplore.bound(network, "huang-local", "l2", region, output="all")
            assert answer.value == pytest.approx(value, rel=1e-6)
            assert answer.size["kept"] == kept


@pytest.mark.parametrize(
    ("seed", "radius", "naive"),
    [(49, 0.3, 0.309148), (260, 0.1, 0.013037)],
    ids=["masks of the centre", "masks of the clipped ReLU"],
)
def test_networks_on_which_naive_masks_fail(seed, radius, naive):
    network = seeded_network(seed, (2, 4, 1))
    lower, upper = center(51 + seed) - radius, center(51 + seed) + radius
    truth = exact_lipschitz(
        network.weights, network.biases, [RELU], "l2", box_halfspaces(lower, upper)
    )
    answer = lipexplore.bound(network, "huang-local", "l2", lipexplore.Box(lower, upper))
    assert naive**2 < truth
    assert is_upper(answer.value, truth, "l2")


def test_leaky_units_are_not_deleted():
    network = seeded_network(27, (2, 4, 1), "leaky_relu:0.2")
    lower, upper = center(78) - 0.1, center(78) + 0.1
    truth = exact_lipschitz(
        network.weights, network.biases, [(0.2, 1.0)], "l2", box_halfspaces(lower, upper)
    )
    answer = lipexplore.bound(network, "huang-local", "l2", lipexplore.Box(lower, upper))
    assert truth == pytest.approx(0.291685**2, rel=1e-5)
    assert is_upper(answer.value, truth, "l2")


def test_by_hand():
    weights, biases = [[[1.0, 0.0], [0.0, 2.0]], [[3.0, 5.0]]], [[-2.0, 0.0], None]
    network = lipexplore.Network(weights, biases)
    near, far = (lipexplore.Ball(np.zeros(2), radius) for radius in (1.0, 3.0))
    assert lipexplore.bound(network, "huang-local", "l2", near).value == pytest.approx(10.0)
    expected = 2.0 * np.sqrt(34.0)
    assert lipexplore.bound(network, "huang-local", "l2", far).value == pytest.approx(expected)
    dead = lipexplore.Network(weights, [[-9.0, -9.0], None])
    assert lipexplore.bound(dead, "huang-local", "l2", near).value == 0.0


@given(data=st.data())
def test_never_below_the_exact_constant(data):
    network = data.draw(
        networks(("relu", "leaky_relu:0.01", "abs"), n_inputs=2, n_outputs=1, max_units=5)
    )
    ball = data.draw(balls(2, norms=("linf", "l1")))
    if not network.has_path():
        return
    names = {"relu": RELU, "leaky_relu:0.01": (0.01, 1.0), "abs": (-1.0, 1.0)}
    slopes = [names[act.name] for act in network.activations]
    if ball.norm is Norm.L1:
        faces = l1_halfspaces(ball.center, ball.radius)
    else:
        lower, upper = ball.center - ball.radius, ball.center + ball.radius
        if not (lower < upper).all():
            return
        ball, faces = lipexplore.Box(lower, upper), box_halfspaces(lower, upper)
    for norm in Norm:
        truth = exact_lipschitz(network.weights, network.biases, slopes, norm.value, faces)
        for kind in ("interval", "back-substitution"):
            answer = lipexplore.bound(network, "huang-local", norm, ball, slopes=kind)
            assert is_upper(answer.value, truth, norm.value)


@pytest.mark.parametrize("act", ["relu", "silu", "elu:1.0"])
@pytest.mark.parametrize("seed", range(4))
def test_between_sampled_gradients_and_the_norm_product(act, seed):
    network = seeded_network(seed, (3, 6, 6, 1), act)
    region = lipexplore.Ball(np.full(3, 0.1), 0.2, "l2")
    for norm in Norm:
        sampled = lipexplore.bound(network, "sampled-gradient", norm, region, points=500).lower
        local = lipexplore.bound(network, "huang-local", norm, region)
        product = lipexplore.bound(network, "norm-product", norm, region)
        assert 0.0 < sampled <= local.value <= product.value * (1 + 1e-12)
        assert local.of == "L"
