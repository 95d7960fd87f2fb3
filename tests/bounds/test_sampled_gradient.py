"""Sampled gradients where float64 fails: the certified point is one of the region."""

import numpy as np

import lipexplore


def test_the_point_is_in_the_region_although_every_gradient_overflows():
    """On [9, 11] the first two units cancel and the third is off: the gradient is 0, not NaN.

    At the origin, outside, only the third unit is on, with a gradient of 1.
    """
    wide = np.diag([1e100, 1e100, 1.0])
    network = lipexplore.Network(
        [[[1e99], [1e99], [-1.0]], wide, wide, [[1e100, -1e100, 1.0]]],
        [[-5e99, -5e99, 1.0], [-1.0, -1.0, 0.0], [-1.0, -1.0, 0.0], None],
    )
    region = lipexplore.Ball(np.array([10.0]), 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isnan(network.jacobian(np.array([10.0]))).all()
    assert network.jacobian(np.zeros(1)).tolist() == [[-1.0]]
    answer = lipexplore.bound(network, "sampled-gradient", region=region, points=20)
    assert abs(answer.witness[0] - 10.0) <= 1.0
    assert answer.lower == 0.0
