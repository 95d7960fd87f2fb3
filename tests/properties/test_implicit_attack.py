import numpy as np
import pytest

from lipexplore.errors import InvalidNetwork, NoContraction
from lipexplore.networks.gallery import digits, gallery_network
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.properties.attack import attack
from lipexplore.properties.implicit.attack import attack_implicit


def test_distance_to_a_hyperplane_is_found():
    # y_1 - y_2 = 2 z - 1 with z = relu(-3 z + x_1 + x_2) = (x_1 + x_2) / 4 where that is positive
    network = ImplicitNetwork([[-3.0]], [[1.0, 1.0]], None, [[2.0], [0.0]], c=[0.0, 1.0])
    found = attack_implicit(network, [[2.0, 2.0], [3.0, 1.0], [0.0, 0.5]])
    np.testing.assert_allclose(found.radius, [1.0, 1.0, 0.75], rtol=1e-5)
    assert (found.radius >= [1.0, 1.0, 0.75]).all()


def test_feedforward_network_is_attacked_as_well_as_by_its_own_attack():
    network = gallery_network("digits-64-20-10-relu")
    images, _ = digits()
    own = attack(network, images[:40]).radius
    implicit = attack_implicit(ImplicitNetwork.from_feedforward(network), images[:40])
    assert np.median(implicit.radius / own) < 1.02
    assert implicit.radius.max() < np.inf


def test_answers_differ_at_the_points_found():
    rng = np.random.default_rng(0)
    A = 0.1 * rng.standard_normal((8, 8))
    B, C = rng.standard_normal((8, 3)), rng.standard_normal((4, 8))
    network = ImplicitNetwork(A, B, np.ones(8), C)
    images = rng.standard_normal((30, 3))
    found = attack_implicit(network, images)
    done = np.isfinite(found.radius)
    assert done.sum() > 10
    assert (network(found.points[done]).argmax(1) != network(images[done]).argmax(1)).all()
    assert (np.abs(found.points - images).max(axis=1)[done] <= found.radius[done]).all()
    np.testing.assert_array_equal(found.points[~done], images[~done])


def test_constant_class_cannot_be_attacked():
    network = ImplicitNetwork([[0.0]], [[1.0]], None, [[0.0], [0.0]], c=[1.0, 0.0])
    found = attack_implicit(network, [[0.5]])
    assert np.isinf(found.radius).all()


def test_refusals():
    with pytest.raises(InvalidNetwork, match="two outputs"):
        attack_implicit(ImplicitNetwork([[0.0]], [[1.0]], None, [[1.0]]), [[0.0]])
    with pytest.raises(NoContraction):
        attack_implicit(ImplicitNetwork([[2.0]], [[1.0]], None, [[1.0], [2.0]]), [[0.0]])
