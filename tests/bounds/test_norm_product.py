"""Norm products: hand computation, every pair of norms, the best norms between layers."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given

import lipexplore
from lipexplore.bounds.operator_norms.matrices import MOST_SIGNS, pair_norm_above
from lipexplore.norms import Norm
from tests.bounds.specification import checksum, seeded_network
from tests.oracles import is_upper, polynomial_maximum
from tests.strategies import matrices

PAIRS = list(product(Norm, Norm))
BEST = {  # seed, widths, sum of all numbers, best product for l1, l2, linf
    0: ((2, 5, 1), -1.7133523, (0.7978783, 1.0217126, 1.4443182)),
    2: ((3, 4, 4, 2), 0.4224861, (4.1512801, 4.1600924, 5.9373114)),
    3: ((2, 3, 3, 3, 1), 0.2276363, (2.5520838, 3.2523179, 4.5731415)),
}


def true_pair_norm(matrix, start, end):
    """Return ||A||_{p->q} over the ball's vertices, or over the dual ball's, or by the SVD."""
    columns = matrix.shape[1]
    if start is Norm.L1:
        return max(np.linalg.norm(column, end.exponent) for column in matrix.T)
    if start is Norm.LINF:
        signs = product((-1.0, 1.0), repeat=columns)
        return max(np.linalg.norm(matrix @ np.array(x), end.exponent) for x in signs)
    if end is Norm.L2:
        return np.linalg.svd(matrix, compute_uv=False)[0]
    return true_pair_norm(matrix.T, end.dual, start.dual)


@pytest.mark.parametrize(("start", "end"), PAIRS, ids=lambda norm: norm.value)
def test_pairs_of_norms(start, end):
    rng = np.random.default_rng(1)
    for shape in ((3, 4), (5, 2), (1, 6), (6, 1), (4, 4)):
        matrix = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4)
        truth = true_pair_norm(matrix, start, end)
        above = pair_norm_above(matrix, start, end)
        assert truth * (1 - 1e-13) <= above <= truth * (1 + 1e-9)


@pytest.mark.parametrize(("start", "end"), PAIRS, ids=lambda norm: norm.value)
def test_wide_matrices_are_bounded_entrywise(start, end):
    matrix = np.random.default_rng(2).standard_normal((MOST_SIGNS + 2, MOST_SIGNS + 1))
    above = pair_norm_above(matrix, start, end)
    assert above >= true_pair_norm(matrix, start, end) * (1 - 1e-13)
    assert pair_norm_above(np.abs(matrix), start, end) == pytest.approx(
        true_pair_norm(np.abs(matrix), start, end), rel=1e-9
    )


@given(matrices(3, 2))
def test_pairs_of_norms_at_any_scale(matrix):
    for start, end in PAIRS:
        truth = true_pair_norm(matrix, start, end)
        assert pair_norm_above(matrix, start, end) >= truth * (1 - 1e-13)


def test_by_hand():
    network = lipexplore.Network([[[1.0, -2.0], [3.0, 0.0]], [[1.0, -1.0]]], activations="sigmoid")
    for norm, value in (("linf", 2.0 * 3.0 / 4.0), ("l1", 1.0 * 4.0 / 4.0)):
        assert lipexplore.bound(network, "norm-product", norm).value == pytest.approx(value)


@pytest.mark.parametrize("seed", BEST)
def test_best_norms_between_layers(seed):
    widths, total, values = BEST[seed]
    network = seeded_network(seed, widths)
    assert checksum(network) == pytest.approx(total, abs=1e-7)
    for norm, expected in zip(Norm, values, strict=True):
        ask = {"output": "all", "output_norm": norm} if network.n_outputs > 1 else {}
        best = lipexplore.bound(network, "norm-product", norm, hidden_norm="best", **ask).value
        same = lipexplore.bound(network, "norm-product", norm, **ask).value
        assert best == pytest.approx(expected, rel=1e-6)
        assert best <= same * (1 + 1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e90])
@pytest.mark.parametrize("hidden_norm", ["same", "best"])
def test_zero_rows_width_one_and_any_scale(scale, hidden_norm):
    first, last = np.array([[scale, 0.0], [0.0, 0.0]]), np.array([[-3.0, 1.0]])
    for weights in ([first, last], [first[:1], [[2.0]]]):
        network = lipexplore.Network(weights)
        for norm in Norm:
            truth = polynomial_maximum(
                network.weights, *([[x] * len(weights[0])] for x in (0.0, 1.0)), norm.value
            )
            answer = lipexplore.bound(network, "norm-product", norm, hidden_norm=hidden_norm)
            assert is_upper(answer.value, truth, norm.value)
            assert answer.value <= 4.0001 * scale
