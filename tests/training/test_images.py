import numpy as np
import pytest

from lipexplore.errors import InvalidSetting
from lipexplore.networks.gallery import digits
from lipexplore.training import digits_for, enlarge, initial_network, pool
from lipexplore.training.images import interpolation_matrix


def test_pool_averages_blocks():
    image = np.arange(16.0).reshape(1, 16)
    np.testing.assert_allclose(pool(image, 2), [[2.5, 4.5, 10.5, 12.5]])
    np.testing.assert_allclose(pool(image, 1), [[7.5]])
    np.testing.assert_array_equal(pool(image, 4), image)


def test_enlarged_plane_stays_a_plane():
    rows, columns = np.mgrid[0:8, 0:8]
    large = enlarge((2.0 * rows + columns).reshape(1, 64), 28).reshape(28, 28)[4:-4, 4:-4]
    np.testing.assert_allclose(np.diff(large, axis=0), 2.0 * 8 / 28)
    np.testing.assert_allclose(np.diff(large, axis=1), 8 / 28)


@pytest.mark.parametrize("size", [8, 9, 28])
def test_interpolation_rows_are_weighted_means(size):
    matrix = interpolation_matrix(8, size)
    assert (matrix >= 0.0).all()
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-15)


def test_enlarging_to_the_same_size_changes_nothing():
    images, _ = digits()
    np.testing.assert_array_equal(enlarge(images, 8), images)


@pytest.mark.parametrize("inputs", [4, 16, 64, 784])
def test_digits_fit_the_network(inputs):
    images, labels = digits_for(initial_network((inputs, 10), "relu", 0), "train")
    assert images.shape == (1437, inputs)
    assert labels.shape == (1437,)
    assert images.min() >= 0.0
    assert images.max() <= 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: pool(np.ones((1, 64)), 3),
        lambda: pool(np.ones((1, 64)), 0),
        lambda: pool(np.ones((1, 63)), 1),
        lambda: pool(np.ones(64), 4),
        lambda: enlarge(np.ones((1, 64)), 7),
        lambda: digits_for(initial_network((10, 10), "relu", 0)),
    ],
)
def test_sizes_that_do_not_fit_are_refused(call):
    with pytest.raises(InvalidSetting):
        call()
