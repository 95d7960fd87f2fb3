"""The layered form of a network: powers of two, and units that no path leads through."""

import numpy as np
import pytest

from lipexplore import WHOLE_SPACE, Network
from lipexplore.networks.generators import random_sparse
from lipexplore.networks.slope_chain import slope_chain
from lipexplore.networks.slope_ranges import SlopeRanges, slope_ranges


def gradient(chain, slopes):
    product = chain.weights[0]
    for weight, slope in zip(chain.weights[1:], slopes, strict=True):
        product = weight @ (slope[:, None] * product)
    return np.ldexp(product, chain.exponent)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("density", [0.15, 0.4, 1.0])
def test_has_the_gradients_of_the_network(seed, density):
    rng = np.random.default_rng(seed)
    network = random_sparse((5, 6, 4, 6, 2), density, seed)
    low = [rng.uniform(-1.0, 0.5, width) for width in network.widths[1:-1]]
    high = [a + rng.uniform(0.0, 40.0, a.size) for a in low]
    chain = slope_chain(network, SlopeRanges(tuple(low), tuple(high)))
    share = rng.random()
    slopes = [a + share * (b - a) for a, b in zip(low, high, strict=True)]
    ours = [a + share * (b - a) for a, b in zip(chain.lower, chain.upper, strict=True)]
    expected = network.jacobian_of_slopes([slope[None] for slope in slopes])[0]
    assert gradient(chain, ours) == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_units_without_a_path_are_fixed():
    network = Network(
        [
            [[1.0, 0.0], [0.0, 0.0], [2.0, 1.0]],  # the second unit reads nothing
            [[1.0, 5.0, 0.0], [0.0, 7.0, 0.0]],  # nothing reads the third; the last reads nothing
            [[1.0, 3.0]],
        ]
    )
    chain = slope_chain(network, slope_ranges(network, WHOLE_SPACE))
    assert [low.tolist() for low in chain.lower] == [[0.0, 0.0, 0.0], [0.0, 0.0]]
    assert [high.tolist() for high in chain.upper] == [[1.0, 0.0, 0.0], [1.0, 0.0]]


def test_a_zero_that_underflow_made_is_no_missing_path():
    tiny = Network([[[1.0], [5e-324]], [[1.0, 1.0]]])
    chain = slope_chain(tiny, slope_ranges(tiny, WHOLE_SPACE))
    assert chain.upper[0].tolist() == [1.0, 1.0]


def test_no_hidden_layer_is_a_chain_too():
    network = Network([[[4.0, 0.0], [1.0, 2.0]]])
    chain = slope_chain(network, slope_ranges(network, WHOLE_SPACE))
    assert gradient(chain, []).tolist() == network.weights[0].tolist()
