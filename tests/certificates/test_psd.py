"""Upper bounds of spectral norms against exact elimination over the rationals."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipexplore.certificates.psd import definiteness_defect, spectral_norm_above
from tests.oracles import is_above_spectral_norm, is_positive_semidefinite
from tests.strategies import examples, half_integers, matrices, numbers, ordinary

SCALES = (1.0, 1e-300, 1e-160, 1e-6, 1e6, 1e150, 1e300)


@examples(150)
@given(data=st.data(), rows=st.integers(1, 4), columns=st.integers(1, 4))
def test_never_below_the_exact_norm(data, rows, columns):
    elements = data.draw(st.sampled_from((numbers, half_integers, ordinary)))
    matrix = data.draw(matrices(rows, columns, elements))
    assert is_above_spectral_norm(spectral_norm_above(matrix), matrix)


@examples(60)
@given(data=st.data(), n=st.integers(1, 4))
def test_rank_one(data, n):
    """A repeated column: the Gram matrix is singular and its top eigenvalue known."""
    column = data.draw(matrices(n, 1, half_integers))
    matrix = np.hstack([column, 2 * column, -column])
    value = spectral_norm_above(matrix)
    exact = 6 * sum(Fraction(x) ** 2 for x in column[:, 0])
    assert Fraction(value) ** 2 >= exact
    assert value == pytest.approx(math.sqrt(exact), rel=1e-11)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("matrix", "exact"),
    [
        ([[3.0, 0.0], [4.0, 5.0]], math.sqrt(45)),
        ([[1.0, 1.0, 1.0]], math.sqrt(3)),
        ([[2.0], [3.0], [6.0]], 7.0),
        ([[-5.0]], 5.0),
        (np.eye(6), 1.0),
        (np.ones((5, 7)), math.sqrt(35)),
        ([[1.0, 1.0], [1.0, -1.0]], math.sqrt(2)),
    ],
)
def test_known_norms_at_every_scale(matrix, exact, scale):
    scaled = np.array(matrix) * scale
    value = spectral_norm_above(scaled)
    assert is_above_spectral_norm(value, scaled)
    assert value == pytest.approx(exact * scale, rel=1e-11)


@pytest.mark.parametrize("shape", [(30, 30), (60, 12), (12, 60), (1, 200), (200, 1), (128, 64)])
def test_tight_on_random_matrices(shape):
    matrix = np.random.default_rng(3).standard_normal(shape)
    top = np.linalg.svd(matrix, compute_uv=False)[0]
    value = spectral_norm_above(matrix)
    assert top * (1 - 1e-14) < value <= top * (1 + 1e-11)
    assert spectral_norm_above(matrix.T) == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize("seed", range(20))
def test_a_float_singular_value_is_no_bound_but_this_is(seed):
    """The plain SVD comes out below the exact norm about every other time."""
    matrix = np.random.default_rng(seed).standard_normal((4, 3))
    assert is_above_spectral_norm(spectral_norm_above(matrix), matrix)


def test_plain_svd_fails_somewhere():
    below = 0
    for seed in range(20):
        matrix = np.random.default_rng(seed).standard_normal((4, 3))
        below += not is_above_spectral_norm(np.linalg.norm(matrix, 2), matrix)
    assert below > 0


def test_clustered_and_graded_singular_values():
    rng = np.random.default_rng(5)
    q, _ = np.linalg.qr(rng.standard_normal((8, 8)))
    for values in (np.ones(8), 10.0 ** -np.arange(8.0), [1, 1 - 1e-15, *np.zeros(6)]):
        matrix = q * np.array(values) @ q.T
        value = spectral_norm_above(matrix)
        assert is_above_spectral_norm(value, matrix)
        assert value <= 1 + 1e-11


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (2, 5)])
def test_zero_matrix(shape):
    assert spectral_norm_above(np.zeros(shape)) == 0.0


def test_extreme_entries():
    tiny = np.array([[5e-324, 0.0], [0.0, 5e-324]])
    assert is_above_spectral_norm(spectral_norm_above(tiny), tiny)
    mixed = np.array([[1e150, 5e-324], [1e-200, -1e150]])
    assert is_above_spectral_norm(spectral_norm_above(mixed), mixed)
    huge = np.full((2, 2), 1.7e308)
    assert spectral_norm_above(huge) == math.inf
    assert spectral_norm_above(np.array([[math.inf, 1.0]])) == math.inf


def test_falls_back_on_frobenius_where_cholesky_fails(monkeypatch):
    monkeypatch.setattr("lipexplore.certificates.psd._has_cholesky", lambda matrix: False)
    matrix = np.random.default_rng(0).standard_normal((5, 4))
    value = spectral_norm_above(matrix)
    exact = sum(Fraction(x) ** 2 for x in matrix.ravel())
    assert exact <= Fraction(value) ** 2
    assert value == pytest.approx(np.linalg.norm(matrix), rel=1e-8)


@examples(100)
@given(data=st.data(), n=st.integers(1, 4))
def test_cholesky_proves_definiteness_up_to_the_defect(data, n):
    """Whenever the float factorisation of B succeeds, B + c I is semidefinite, exactly."""
    factor = data.draw(matrices(n, n, data.draw(st.sampled_from((numbers, ordinary)))))
    matrix = factor @ factor.T
    matrix = np.tril(matrix) + np.tril(matrix, -1).T
    matrix -= data.draw(st.sampled_from((0.0, 1e-17, 1e-16))) * np.diag(np.diag(matrix))
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return
    defect = Fraction(definiteness_defect(matrix))
    exact = [[Fraction(x) for x in row] for row in matrix]
    for i in range(n):
        exact[i][i] += defect
    assert is_positive_semidefinite(exact)


def test_the_oracle_itself():
    assert is_positive_semidefinite([[1, 1], [1, 1]])
    assert not is_positive_semidefinite([[1, 2], [2, 1]])
    assert not is_positive_semidefinite([[0, 1], [1, 0]])
    assert is_positive_semidefinite([[0, 0], [0, 2]])
    assert not is_positive_semidefinite([[1, 1, 0], [1, 1, 1], [0, 1, 5]])
    assert is_above_spectral_norm(5.0, [[3.0, 4.0]])
    assert not is_above_spectral_norm(math.nextafter(5.0, 0), [[3.0, 4.0]])


@pytest.mark.parametrize("factor", [0.5, 1 - 1e-3, 1 - 1e-9, 1 - 1e-12, 1 - 1e-14, 1 + 1e-6, 2.0])
def test_an_inaccurate_svd_costs_tightness_not_truth(monkeypatch, factor):
    norm = np.linalg.norm
    monkeypatch.setattr(np.linalg, "norm", lambda *a, **k: norm(*a, **k) * math.sqrt(factor))
    for seed in range(5):
        matrix = np.random.default_rng(seed).standard_normal((4, 3))
        assert is_above_spectral_norm(spectral_norm_above(matrix), matrix)
