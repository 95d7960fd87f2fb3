import numpy as np
import pytest

from lipexplore.errors import InvalidSetting
from lipexplore.training import Recipe
from lipexplore.training.implicit import train_implicit
from lipexplore.training.implicit_loss import ImplicitLoss, lipschitz_and_gradient
from lipexplore.training.implicit_moons import two_moons
from lipexplore.training.implicit_parameters import initial_parameters

SHORT = Recipe(epochs=4, batch=16, step=0.02)


def test_first_step_of_adam_has_the_length_of_the_step_size():
    points, labels = two_moons(16, 0.1, 0)
    start = initial_parameters(2, 5, 2)
    recipe = Recipe(epochs=1, batch=16, step=0.125, decay=0.0)
    moved = train_implicit(start, points, labels, recipe)
    _, gradient = ImplicitLoss().value_and_gradient(start, points, labels)
    change, clear = moved.vector - start.vector, np.abs(gradient) > 1e-3
    np.testing.assert_allclose(change[clear], -0.125 * np.sign(gradient[clear]), atol=1e-5)
    assert clear.sum() > 20


def test_seed_decides():
    points, labels = two_moons(40, 0.1, 0)
    hashes = [
        train_implicit(
            initial_parameters(2, 5, 2), points, labels, Recipe(epochs=3, seed=seed)
        ).network().content_hash
        for seed in (1, 1, 2)
    ]  # fmt: skip
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("kappa", [0.0, 0.5])
def test_trained_matrix_keeps_the_guarantee(kappa):
    points, labels = two_moons(40, 0.1, 0)
    start = initial_parameters(2, 8, 2, gamma=-0.3)
    trained = train_implicit(start, points, labels, SHORT, ImplicitLoss(kappa, 0.1))
    assert trained.network().contraction.measure <= -0.3 + 1e-12
    assert np.abs(trained.vector - start.vector).max() > 0.05


def test_mask_keeps_exact_zeros_and_makes_a_feedforward_network():
    points, labels = two_moons(40, 0.1, 0)
    start = initial_parameters(2, 6, 2)
    mask = np.concatenate([np.full(a.size, k > 1.0) for k, a in enumerate(start.arrays)])
    trained = train_implicit(start, points, labels, SHORT, ImplicitLoss(0.5, 0.1), mask)
    assert not trained.A.any()
    network = trained.network()
    hidden = np.maximum(points @ network.B.T + network.b, 0.0)
    np.testing.assert_allclose(network(points), hidden @ network.C.T + network.c, atol=1e-12)
    assert np.abs(trained.B - start.B).max() > 0.05


def test_other_rounding_errors_give_the_same_bits(monkeypatch):
    points, labels = two_moons(40, 0.1, 0)
    start, loss = initial_parameters(2, 8, 2, 0.5), ImplicitLoss(0.5, 0.1, 0.005)
    recipe = Recipe(epochs=30, batch=10, step=0.02)
    plain = train_implicit(start, points, labels, recipe, loss).network()
    rng, exact = np.random.default_rng(0), ImplicitLoss.value_and_gradient

    def shaken(*arguments):
        value, gradient = exact(*arguments)
        return value, gradient * (1.0 + rng.uniform(-1e-15, 1e-15, len(gradient)))

    monkeypatch.setattr(ImplicitLoss, "value_and_gradient", shaken)
    again = train_implicit(start, points, labels, recipe, loss).network()
    assert again.content_hash == plain.content_hash


def test_decay_acts_on_matrices_only():
    points, labels = two_moons(40, 0.1, 0)
    start = initial_parameters(2, 5, 2)
    free, decayed = (
        train_implicit(start, points, labels, Recipe(epochs=60, step=0.02, decay=decay))
        for decay in (0.0, 0.1)
    )
    for place in (0, 2, 4):
        assert np.abs(decayed.arrays[place]).sum() < 0.7 * np.abs(free.arrays[place]).sum()


def test_lipschitz_penalty_lowers_the_proven_bound():
    points, labels = two_moons(80, 0.1, 0)
    recipe = Recipe(epochs=60, batch=80, step=0.03, decay=0.0)
    bounds = [
        lipschitz_and_gradient(
            train_implicit(
                initial_parameters(2, 8, 2), points, labels, recipe, ImplicitLoss(lipschitz=weight)
            )
        )[0]
        for weight in (0.0, 0.01)
    ]
    assert bounds[1] < 0.5 * bounds[0]


@pytest.mark.parametrize(
    ("points", "labels", "word"),
    [
        (np.ones((3, 5)), np.zeros(3, int), "images"),
        (np.ones((0, 2)), np.zeros(0, int), "images"),
        (np.ones((3, 2)), np.zeros(2, int), "labels"),
        (np.ones((3, 2)), np.array([0, 1, 2]), "labels"),
        (np.ones((3, 2)), np.array([0, 1, -1]), "labels"),
    ],
)
def test_bad_data_is_refused(points, labels, word):
    with pytest.raises(InvalidSetting, match=word):
        train_implicit(initial_parameters(2, 4, 2), points, labels, SHORT)


def test_two_moons_lie_on_their_half_circles():
    points, labels = two_moons(200, 0.0, 3)
    assert (labels == np.arange(200) % 2).all()
    upper, lower = points[labels == 0], points[labels == 1]
    np.testing.assert_allclose((upper**2).sum(axis=1), 1.0)
    np.testing.assert_allclose(((lower - [1.0, 0.5]) ** 2).sum(axis=1), 1.0)
    assert upper[:, 1].min() >= 0.0
    assert lower[:, 1].max() <= 0.5
    moved, _ = two_moons(200, 0.1, 3)
    assert 0.0 < np.abs(moved - points).max() <= 2.0
