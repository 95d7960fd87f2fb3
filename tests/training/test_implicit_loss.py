from itertools import product

import numpy as np
import pytest

from lipexplore.errors import InvalidSetting
from lipexplore.training.implicit_loss import (
    ImplicitLoss,
    adjoints,
    embedded_matrix,
    fixed_points,
    lipschitz_and_gradient,
)
from lipexplore.training.implicit_parameters import initial_parameters

LOSSES = {
    "plain": ImplicitLoss(),
    "worst": ImplicitLoss(kappa=1.0, radius=0.1),
    "mixed": ImplicitLoss(kappa=0.5, radius=0.05),
    "penalty": ImplicitLoss(lipschitz=0.02),
    "all": ImplicitLoss(kappa=0.3, radius=0.1, lipschitz=0.01),
}


def shaken(seed=1, gamma=0.4, widths=(3, 5, 3)):
    start = initial_parameters(*widths, gamma, seed)
    rng = np.random.default_rng(seed)
    return start.with_vector(start.vector + 0.3 * rng.standard_normal(len(start.vector)))


def data(count=9, n_inputs=3, n_outputs=3):
    rng = np.random.default_rng(0)
    return rng.random((count, n_inputs)), rng.integers(n_outputs, size=count)


def by_patterns(A, offset):
    """Return every solution of z = relu(A z + q), found by trying all activation patterns."""
    n, found = len(A), []
    for pattern in product((0.0, 1.0), repeat=n):
        S = np.diag(pattern)
        z = np.linalg.solve(np.eye(n) - S @ A, S @ offset)
        if np.allclose(z, np.maximum(A @ z + offset, 0.0), atol=1e-9):
            found.append(z)
    return found


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("gamma", [-0.5, 0.4, 0.9])
def test_gradient_agrees_with_finite_differences(name, gamma):
    parameters, (images, labels) = shaken(gamma=gamma), data()
    point = parameters.vector
    _, gradient = LOSSES[name].value_and_gradient(parameters, images, labels)

    def value(vector):
        moved = parameters.with_vector(vector)
        return LOSSES[name].value_and_gradient(moved, images, labels)[0]

    steps = 1e-6 * np.eye(len(point))
    differences = np.array([(value(point + h) - value(point - h)) / 2e-6 for h in steps])
    assert np.abs(gradient - differences).max() <= 1e-6 * np.abs(gradient).max()


def test_fixed_points_are_the_only_solutions_over_all_patterns():
    A = shaken(widths=(2, 6, 2)).A
    offsets = np.random.default_rng(2).standard_normal((20, 6))
    for state, offset in zip(fixed_points(A, offsets), offsets, strict=True):
        (only,) = by_patterns(A, offset)
        np.testing.assert_allclose(state, only, atol=1e-11)


def test_adjoint_solves_its_equation():
    A = shaken().A
    rng = np.random.default_rng(4)
    states = fixed_points(A, rng.standard_normal((30, 5)))
    errors = rng.standard_normal((30, 5))
    for v, z, e in zip(adjoints(A, states, errors), states, errors, strict=True):
        S = np.diag((z > 0).astype(float))
        np.testing.assert_allclose(v, S @ np.linalg.solve(np.eye(5) - A.T @ S, e), atol=1e-11)


def test_embedded_states_enclose_the_states_of_the_ball():
    parameters, rng = shaken(), np.random.default_rng(6)
    A, B, b, n = parameters.A, parameters.B, parameters.b, 5
    center, radius = rng.standard_normal(3), 0.2
    points = center + radius * rng.choice([-1.0, 1.0, 0.3], size=(2000, 3))
    spread = radius * np.abs(B).sum(axis=1)
    offset = np.concatenate([B @ center + b - spread, B @ center + b + spread])
    box = fixed_points(embedded_matrix(A), offset[None])[0]
    states = fixed_points(A, points @ B.T + b)
    assert (states >= box[:n] - 1e-11).all()
    assert (states <= box[n:] + 1e-11).all()


def test_worst_loss_is_above_the_loss_of_every_attack():
    parameters, (images, labels) = shaken(), data()
    rng, radius = np.random.default_rng(7), 0.1
    worst, _ = ImplicitLoss(1.0, radius).value_and_gradient(parameters, images, labels)
    plain = ImplicitLoss()
    losses = [
        plain.value_and_gradient(
            parameters, images + radius * rng.choice([-1.0, 1.0], images.shape), labels
        )[0]
        for _ in range(300)
    ]
    assert max(losses) <= worst
    centre, _ = plain.value_and_gradient(parameters, images, labels)
    at_zero, _ = ImplicitLoss(1.0, 0.0).value_and_gradient(parameters, images, labels)
    assert at_zero == pytest.approx(centre, rel=1e-12)


def test_plain_loss_is_the_cross_entropy_of_the_outputs():
    parameters, (images, labels) = shaken(), data()
    outputs = [
        parameters.C @ by_patterns(parameters.A, parameters.B @ x + parameters.b)[0] + parameters.c
        for x in images
    ]
    expected = [np.log(np.exp(y).sum()) - y[k] for y, k in zip(outputs, labels, strict=True)]
    value, _ = ImplicitLoss().value_and_gradient(parameters, images, labels)
    assert value == pytest.approx(np.mean(expected), rel=1e-10)


def test_penalty_is_the_sum_over_all_walks():
    parameters = shaken()
    A, B, C = parameters.A, parameters.B, parameters.C
    # without loops: z_i = (sum_{j != i} |a_ij| z_j + (|B| 1)_i) / (1 - a_ii), repeated
    walks = np.zeros(5)
    for _ in range(3000):
        outer = np.abs(A) @ walks - np.abs(np.diag(A)) * walks
        walks = (outer + np.abs(B).sum(axis=1)) / (1.0 - np.diag(A))
    value, _ = lipschitz_and_gradient(parameters)
    assert value == pytest.approx((np.abs(C) @ walks).max(), rel=1e-10)


@pytest.mark.parametrize("settings", [(1.5,), (-0.1,), (0.5, -1.0), (0.0, 0.0, -1.0), (np.nan,)])
def test_bad_loss_is_refused(settings):
    with pytest.raises(InvalidSetting, match="kappa"):
        ImplicitLoss(*settings)
