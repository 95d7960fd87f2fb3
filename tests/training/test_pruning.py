import numpy as np
import pytest

from lipexplore.errors import InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.training import (
    Recipe,
    initial_network,
    magnitude_mask,
    train_pruned,
    units_with_path,
)


def test_smallest_weights_go_and_biases_stay():
    network = Network([[[1.0, -0.1], [0.3, 0.2]], [[-2.0, 0.05]]], [[0.0, 0.0], [0.0]])
    np.testing.assert_array_equal(magnitude_mask(network, 0.5), [1, 0, 1, 0, 1, 1, 1, 0, 1])


@pytest.mark.parametrize("zeros", [0.0, 0.3, 0.5, 0.9])
def test_share_of_zeros_is_met(zeros):
    rng = np.random.default_rng(0)
    images, labels = rng.random((40, 6)), rng.integers(3, size=40)
    start = initial_network((6, 8, 3), "relu", 0)
    network = train_pruned(start, images, labels, Recipe(epochs=2), [zeros / 2, zeros])
    assert sum(np.count_nonzero(w == 0.0) for w in network.weights) == round(zeros * 72)


@pytest.mark.parametrize("zeros", [-0.1, 1.0, np.nan])
def test_share_outside_the_range_is_refused(zeros):
    with pytest.raises(InvalidSetting, match="share"):
        magnitude_mask(initial_network((2, 2), "relu", 0), zeros)


def test_units_without_inputs_or_outputs_are_not_counted():
    first = [[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]]
    second = [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    assert units_with_path(Network([first, second, [[1.0, 1.0]]])) == [1, 1]
    assert units_with_path(Network([first])) == []
