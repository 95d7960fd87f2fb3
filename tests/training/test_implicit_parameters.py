from fractions import Fraction

import numpy as np
import pytest

from lipexplore.errors import InvalidSetting
from lipexplore.training.implicit_parameters import ImplicitParameters, initial_parameters


def shaken(gamma=0.4, seed=0, n=7, size=0.5):
    start = initial_parameters(3, n, 2, gamma, seed)
    rng = np.random.default_rng(seed)
    return start.with_vector(start.vector + size * rng.standard_normal(len(start.vector)))


def exact_measure(A, eta):
    """Return max_i (a_ii + sum_j |a_ij| eta_j / eta_i) in rational arithmetic."""
    A, eta = [[Fraction(float(a)) for a in row] for row in A], [Fraction(float(e)) for e in eta]
    rows = []
    for i, row in enumerate(A):
        sizes = [abs(a) * e for a, e in zip(row, eta, strict=True)]
        rows.append(row[i] + (sum(sizes) - sizes[i]) / eta[i])
    return max(rows)


@pytest.mark.parametrize("gamma", [-0.7, 0.0, 0.5, 0.95])
@pytest.mark.parametrize("seed", range(3))
def test_measure_of_the_stored_matrix_is_at_most_gamma_exactly(gamma, seed):
    parameters = shaken(gamma, seed)
    network = parameters.network()
    assert exact_measure(network.A, np.exp(parameters.log_eta)) <= Fraction(gamma)
    assert network.contraction.measure <= gamma + 1e-12
    np.testing.assert_allclose(network.A, parameters.A, atol=2.0**-18)


def test_positive_diagonal_of_t_makes_the_measure_gamma():
    parameters = shaken()
    T = parameters.T.copy()
    np.fill_diagonal(T, 0.25)
    tight = ImplicitParameters(T, *parameters.arrays[1:], gamma=0.4)
    assert float(exact_measure(tight.A, np.exp(tight.log_eta))) == pytest.approx(0.4, abs=1e-12)
    stored = tight.network()
    assert exact_measure(stored.A, np.exp(tight.log_eta)) <= Fraction(0.4)


def test_every_matrix_of_measure_at_most_gamma_is_reached():
    rng = np.random.default_rng(5)
    A, eta, gamma = rng.standard_normal((6, 6)), np.exp(rng.standard_normal(6)), 0.3
    for i in range(6):
        row = np.abs(A[i]) * eta / eta[i]
        A[i, i] = gamma - 0.1 * rng.random() - (row.sum() - row[i])
    shifted = A * eta / eta[:, None] - gamma * np.eye(6)
    T = shifted - np.diag(np.diag(shifted))
    measure = np.diag(shifted) + np.abs(T).sum(axis=1)
    T += np.diag(measure / 2.0)
    others = shaken(gamma, n=6).arrays[2:]
    reached = ImplicitParameters(T, np.log(eta), *others, gamma=gamma)
    np.testing.assert_allclose(reached.A, A, atol=1e-13)


def test_vector_and_arrays_are_inverse():
    parameters = shaken()
    back = parameters.with_vector(parameters.vector)
    for one, other in zip(parameters.arrays, back.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    assert back.gamma == parameters.gamma


def test_stored_numbers_are_short_rationals():
    network = shaken().network("mine")
    for array in (network.A, network.B, network.b, network.C, network.c):
        np.testing.assert_array_equal(array * 2.0**20, np.round(array * 2.0**20))
    assert not network.D.any()
    assert (network.name, network.activation.name) == ("mine", "relu")


def test_bad_parameters_are_refused():
    with pytest.raises(InvalidSetting, match="below 1"):
        initial_parameters(3, 4, 2, 1.0)
    with pytest.raises(InvalidSetting, match="below 1"):
        initial_parameters(3, 4, 2, np.nan)
    arrays = initial_parameters(3, 4, 2).arrays
    with pytest.raises(InvalidSetting, match="shapes"):
        ImplicitParameters(*arrays[:5], np.zeros(3))
