"""Norms of layers with structure, against their unrolled matrices."""

import resource
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given

from lipexplore import Network, Norm, bound
from lipexplore.bounds.operator_norms import layers as layer_norms
from lipexplore.bounds.operator_norms.layers import last_layer_norm_above, layer_norm_above
from lipexplore.networks.layers import AveragePool, Convolution, Dense, Scaling
from tests.networks.structured import every_kind
from tests.networks.test_convolution import convolutions
from tests.oracles import is_above_spectral_norm, rational
from tests.strategies import examples

POOLS = [
    AveragePool((2, 6, 7), *settings)
    for settings in (
        (2, 2, 0),
        (3, 1, 1),
        (3, 2, 1, False),
        ((1, 3), (1, 1), 0),
        (3, 1, 1, False),
        (3, 4, 0),
        (4, 4, 2, False),
    )
]
SCALINGS = [Scaling([2.0, -3.5], 1.0, (2, 2, 2)), Scaling(0.0, 1.0, 3), Scaling(1e-200, 0.0, 2)]


def exact(matrix, norm):
    """Return the exact l_1 or l_inf operator norm."""
    rows = rational(matrix if norm is Norm.LINF else matrix.T)
    return max(sum(map(abs, row), Fraction(0)) for row in rows)


@examples(30)
@given(convolutions())
def test_norms_of_any_convolution(layer):
    matrix = layer.dense
    for norm in (Norm.L1, Norm.LINF):
        value = layer_norm_above(layer, norm, norm)
        assert exact(matrix, norm) <= Fraction(value)
        assert value <= float(exact(matrix, norm)) * (1.0 + 1e-12)
    assert layer_norm_above(layer, Norm.L2, Norm.L2) >= np.linalg.norm(matrix, 2) * (1.0 - 1e-14)


@pytest.mark.parametrize("layer", [*POOLS, *SCALINGS, *every_kind().layers[:3]], ids=repr)
def test_norms_of_every_other_kind(layer):
    matrix = layer.dense
    for norm in (Norm.L1, Norm.LINF):
        value = layer_norm_above(layer, norm, norm)
        assert exact(matrix, norm) <= Fraction(value) <= exact(matrix, norm) * Fraction(1 + 1e-12)
    value = layer_norm_above(layer, Norm.L2, Norm.L2)
    if matrix.size < 400:
        assert is_above_spectral_norm(value, matrix)
    assert value == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-9)


def test_the_l2_norm_of_a_pool_in_closed_form():
    """Windows side by side: the rows are orthogonal, of length 1 / sqrt(kh kw)."""
    pool = AveragePool((3, 8, 8), 2)
    assert layer_norm_above(pool, Norm.L2, Norm.L2) == pytest.approx(0.5, rel=1e-12)
    long = AveragePool((1, 2048, 4), 4)
    assert layer_norm_above(long, Norm.L2, Norm.L2) == pytest.approx(0.25, rel=1e-12)


def pair_norm(matrix, start, end):
    """Return the operator norm where it has a closed form, else what bounds it entry by entry."""
    sizes = np.abs(matrix)
    dual = {Norm.L1: np.inf, Norm.L2: 2, Norm.LINF: 1}
    if start is Norm.L1:
        return np.linalg.norm(sizes, ord=end.exponent, axis=0).max()
    if end is Norm.LINF:
        return np.linalg.norm(sizes, ord=dual[start], axis=1).max()
    if start is Norm.L2:
        return np.linalg.norm(sizes.sum(axis=0))
    return np.linalg.norm(sizes.sum(axis=1), ord=end.exponent)


@pytest.mark.parametrize("mode", ["zeros", "circular", "replicate", "reflect"])
def test_norms_of_pairs(mode):
    kernel = np.random.default_rng(1).standard_normal((4, 2, 3, 2)) * 1e-150
    layer = Convolution(kernel, None, (4, 4, 5), (1, 2), 1, 1, 2, mode)
    for start, end in product(Norm, Norm):
        if start is not end:
            expected = pair_norm(layer.dense, start, end)
            assert layer_norm_above(layer, start, end) == pytest.approx(expected, rel=1e-12)
            assert layer_norm_above(layer, start, end) >= expected * (1.0 - 1e-15)


def test_a_dense_layer_and_a_single_row():
    rng = np.random.default_rng(2)
    dense = Dense(rng.standard_normal((3, 4)))
    assert layer_norm_above(dense, Norm.LINF, Norm.LINF) == pytest.approx(
        np.abs(dense.weight).sum(axis=1).max()
    )
    row = Convolution(rng.standard_normal((1, 1, 2, 2)), None, (1, 2, 2))
    for start, end in product(Norm, Norm):
        length = np.linalg.norm(row.kernel.ravel(), ord=start.dual.exponent)
        assert last_layer_norm_above(row, start, end) == pytest.approx(length, rel=1e-12)


def test_the_l2_norm_of_windows_that_overlap_on_a_long_axis(monkeypatch):
    """There it is bounded by sqrt(l_1 norm times l_inf norm), here nearly attained."""
    monkeypatch.setattr(layer_norms, "LARGEST_AXIS", 100)
    for counted in (True, False):
        long = AveragePool((1, 1, 200), (1, 4), 1, (0, 2), counted)
        value = layer_norm_above(long, Norm.L2, Norm.L2)
        assert 0.99 < np.linalg.norm(long.dense, 2) <= value <= 1.3


def test_a_zero_kernel_has_norm_zero():
    layer = Convolution(np.zeros((1, 1, 3, 3)), None, (1, 4, 4), padding=1)
    assert {layer_norm_above(layer, a, b) for a, b in product(Norm, Norm)} == {0.0}


def test_a_large_network_is_bounded_without_its_matrices():
    """64 channels on 32 x 32 pixels, 3 x 3 taps: dense 34 GB, sparse 0.4 GB."""
    kernel = np.random.default_rng(0).standard_normal((64, 64, 3, 3)) / 24.0
    layer = Convolution(kernel, None, (64, 32, 32), padding=1)
    pool = AveragePool(layer.output_shape, 32)
    network = Network([layer, pool, np.ones((1, 64))], (), ["relu", "identity"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row_sum = np.abs(kernel).sum(axis=(1, 2, 3)).max()
    found = bound(network, "norm-product", norm="linf")
    assert found.verified
    assert found.value == pytest.approx(row_sum * 64.0, rel=1e-9)  # 1 for the mean, 64 for the sum
    assert bound(network, "norm-product", norm="l1").value == pytest.approx(
        np.abs(kernel).sum(axis=(0, 2, 3)).max() / 1024.0, rel=1e-9
    )
    assert bound(network, "norm-product", norm="l1", hidden_norm="best").verified
    euclidean = bound(network, "norm-product", norm="l2").value
    assert euclidean <= 1.05 * (2.0 * 8.0 / 24.0 * 3.0) * 8.0 / 32.0
    assert "matrix" not in vars(layer)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB on Linux
