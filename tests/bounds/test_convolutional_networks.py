"""Every method on networks with convolutions, pools and scalings."""

import numpy as np
import pytest

from lipexplore import METHODS, Ball, Norm, bound
from lipexplore.cli import main
from lipexplore.errors import UnsupportedQuestion
from lipexplore.figures.sparsity import weight_patterns
from tests.networks.structured import cnn, every_kind
from tests.oracles import fast_polynomial_maximum

LINE = (1.0, 1.0)
SLOPES = [LINE, (0.0, 1.0), LINE]
GLOBAL = [method for method in METHODS if not method.bounded_regions_only]


def pattern_maximum(network, norm):
    """Return P* by trying all slopes: the unrolled matrices, fixed slopes of the identities."""
    widths = network.widths[1:-1]
    lower, upper = (
        [np.full(width, pair[end]) for width, pair in zip(widths, SLOPES, strict=True)]
        for end in (0, 1)
    )
    weights = [layer.dense for layer in network.layers]
    return fast_polynomial_maximum(weights, lower, upper, norm)


def answers(method, network, norm):
    names = {act.name for act in network.activations}
    return (
        Norm(norm) in method.norms
        and (method.depths is None or network.depth in method.depths)
        and (method.activations is None or names <= set(method.activations))
    )


@pytest.mark.parametrize("method", GLOBAL, ids=lambda method: method.name)
@pytest.mark.parametrize("norm", [norm.value for norm in Norm])
def test_every_method_against_all_slope_patterns(method, norm):
    network = every_kind(seed=3)
    largest = pattern_maximum(network.head(0), norm)
    if not answers(method, network, norm):
        with pytest.raises(UnsupportedQuestion, match=f"{method.name} does not answer"):
            bound(network, method.name, norm=norm)
        return
    found = bound(network, method.name, norm=norm, time_limit=200)
    assert found.network_hash == network.content_hash
    assert found.lower <= largest * (1.0 + 1e-12)
    if method.side != "lower" and found.of == "P*":
        assert found.value >= largest * (1.0 - 1e-12)
        assert found.verified
    if method.name in ("exact", "lipopt-lp"):
        assert found.value <= largest * (1.0 + 1e-6)


def test_a_local_bound_and_the_unrolled_network_agree():
    network = every_kind(seed=3)
    region = Ball(np.full(18, 0.5), 0.1, "linf")
    for method in ("interval-jacobian", "exact", "huang-local"):
        values = [
            bound(each, method, norm="linf", region=region, time_limit=200).value
            for each in (network, network.to_dense())
        ]
        assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_the_drawn_pattern_is_the_unrolled_one():
    network = every_kind(seed=3).head(0)
    for pattern, layer in zip(weight_patterns(network), network.layers, strict=True):
        drawn = np.zeros(pattern.shape, dtype=bool)
        drawn[pattern.rows, pattern.columns] = True
        np.testing.assert_array_equal(drawn, layer.dense != 0.0)


def test_show_names_the_layers(capsys):
    assert main(["show", "digits-conv-64-36-24-10-relu"]) == 0
    shown = capsys.readouterr().out
    assert "<Convolution 4x3x3 to 6x2x2>, 24 x 36, 384 non-zeros" in shown


CNN = {
    "C1": {
        "network": {"seed": 0},
        "checksum": 1.4421677,
        "shapes": [(32, 36), (8, 32), (3, 8)],
        "layer_norms": [2.0633045, 1.2930473, 1.3245222],
        "norm-product": 3.5337595,
        "combettes-pesquet": 2.4901682,
        "path": 6.8412407,
        "slope-lmi": 1.693958,
    },
    "C2": {
        "network": {"seed": 1, "padding": (1, 1), "stride": (2, 2)},
        "checksum": -1.4092542,
        "shapes": [(18, 36), (8, 18), (3, 8)],
        "layer_norms": [0.7995145, 1.1665554, 0.8961686],
        "norm-product": 0.8358367,
        "combettes-pesquet": 0.5748585,
        "path": 1.2676951,
        "slope-lmi": 0.3899352,
    },
}
"""Acceptance values of the specification, for l_2 on both sides."""


@pytest.mark.parametrize("case", CNN)
def test_acceptance_values(case):
    expected = CNN[case]
    network = cnn(**expected["network"])
    first, second, last = network.layers
    total = first.kernel.sum() + second.kernel.sum() + last.weight.sum()
    assert total == pytest.approx(expected["checksum"], rel=1e-6)
    assert [layer.matrix.shape for layer in network.layers] == expected["shapes"]
    norms = [np.linalg.norm(layer.dense, 2) for layer in network.layers]
    assert norms == pytest.approx(expected["layer_norms"], rel=1e-6)
    for method in ("norm-product", "combettes-pesquet", "path"):
        found = bound(network, method, norm="l2", output="all", output_norm="l2")
        assert found.value == pytest.approx(expected[method], rel=1e-6)
    found = bound(network, "slope-lmi", norm="l2", output="all", output_norm="l2")
    assert found.value == pytest.approx(expected["slope-lmi"], rel=1e-5)
    assert found.value >= expected["slope-lmi"] * (1.0 - 1e-6)
    assert found.verified
