"""Bounds of kernels: published values, grid factors, and what is no bound without its factor."""

import math
from functools import cache

import numpy as np
import pytest

from lipexplore.bounds.operator_norms.kernels import (
    dilated_kernel,
    fine_samples,
    grid_factor,
    lip_bound,
    lip_bound_estimate,
    polyphase_kernel,
    symbol_bound,
    symbol_estimate,
    torus_bound,
    unfolding_bound,
)
from tests.bounds.convolutions import B3, NAMES, normal_kernel, unrolled_by_loops

TEN = (10, 10)
DERIVATIVE = np.outer([1.0, 0.0, -1.0], [1.0, 0.0, -1.0])[None, None]
SECOND_DIFFERENCE = np.outer([-1.0, 2.0, -1.0], [-1.0, 2.0, -1.0])[None, None]


def zero_padded(kernel, size, padding, stride=1):
    matrix = unrolled_by_loops(
        kernel,
        (kernel.shape[1], size, size),
        (stride, stride),
        ((padding, padding), (padding, padding)),
        (1, 1),
        1,
        "zeros",
    )
    return float(np.linalg.norm(matrix, 2))


@cache
def supremum(c_out, c_in, taps):
    return symbol_estimate(normal_kernel(c_out, c_in, taps, taps), (512, 512))


@pytest.mark.parametrize("case", B3)
def test_published_values(case):
    c_out, c_in, taps, size, padding, stride = case
    kernel = normal_kernel(c_out, c_in, taps, taps)
    checksum, *values = B3[case]
    assert kernel.sum() == pytest.approx(checksum, abs=1e-7)
    n_polyphase = -(-(size + 2 * padding) // stride)
    found = {
        "exact": zero_padded(kernel, size, padding, stride),
        "outputs_raw": lip_bound_estimate(kernel, TEN),
        "inputs_raw": lip_bound_estimate(kernel, TEN, inputs=True),
        "outputs": lip_bound(kernel, TEN),
        "inputs": lip_bound(kernel, TEN, inputs=True),
        "symbol": symbol_bound(kernel, TEN),
        "symbol_grid512": supremum(c_out, c_in, taps),
        "unfolding": unfolding_bound(kernel),
        "circular": torus_bound(kernel, (size, size)),
        "torus": torus_bound(kernel, (size + padding, size + padding)),
        "polyphase": torus_bound(
            polyphase_kernel(kernel, (stride, stride)), (n_polyphase, n_polyphase)
        ),
    }
    expected = dict(zip(NAMES, values, strict=True))
    for name, value in expected.items():
        if value is not None:
            assert found[name] == pytest.approx(value, rel=1e-6), name
    for name in ("outputs", "inputs", "symbol", "unfolding", "polyphase"):
        assert found[name] >= found["exact"], name
    if stride == 1:
        assert found["torus"] >= found["exact"]


def test_grid_factors():
    assert grid_factor(3, 10) ** 2 == pytest.approx(1.105573, rel=1e-6)
    assert grid_factor(5, 10) ** 2 == pytest.approx(1.527864, rel=1e-6)
    assert grid_factor(3, 4) ** 2 == pytest.approx(2.0, rel=1e-12)
    assert grid_factor(2, 2) == pytest.approx(math.sqrt(2.0), rel=1e-12)
    assert grid_factor(1, 1) == 1.0
    assert grid_factor(3, 2) == math.inf
    assert grid_factor(9, 64) <= 1.0197  # S = 8 (k - 1)
    for taps in range(2, 12):
        factors = [grid_factor(taps, samples) for samples in range(taps, 200)]
        assert sorted(factors, reverse=True) == factors
        assert min(factors) > 1.0


def test_grid_factor_is_attained_and_never_exceeded(many):
    """At k = 2, S = 2: |1 - i e^{iw}| is sqrt 2 on the grid and 2 at w = pi / 2."""
    grid = np.abs(1.0 - 1j * np.exp(1j * np.array([0.0, np.pi]))).max()
    assert grid * grid_factor(2, 2) == pytest.approx(2.0, rel=1e-12)
    rng = np.random.default_rng(0)
    fine = np.linspace(0.0, 2.0 * np.pi, 2000, endpoint=False)
    for _ in range(many(200, 2000)):
        taps = int(rng.integers(2, 8))
        samples = int(rng.integers(taps, 4 * taps))
        coefficients = rng.standard_normal(taps) + 1j * rng.standard_normal(taps)
        frequencies = 2.0 * np.pi * np.arange(samples) / samples
        values, truth = (
            np.abs(np.exp(1j * np.outer(w, np.arange(taps))) @ coefficients).max()
            for w in (frequencies, fine)
        )
        assert truth <= values * grid_factor(taps, samples)


def test_grid_maximum_is_no_bound_but_with_its_factor_it_is():
    kernel = normal_kernel(1, 1, 3, 3)
    exact = {size: zero_padded(kernel, size, 1) for size in (8, 16, 24)}
    assert list(exact.values()) == pytest.approx([2.993849, 3.158611, 3.193896], rel=1e-6)
    assert lip_bound_estimate(kernel, TEN) == pytest.approx(3.110960, rel=1e-6)
    assert lip_bound_estimate(kernel, TEN) < exact[16]  # the released code's value
    for samples, raw, certified in ((20, 3.203832, 3.284202), (50, 3.222863, 3.235620)):
        assert symbol_estimate(kernel, (samples, samples)) == pytest.approx(raw, rel=1e-6)
        assert symbol_bound(kernel, (samples, samples)) == pytest.approx(certified, rel=1e-6)
        assert symbol_bound(kernel, (samples, samples)) > exact[24]


def test_derivative_filter_by_hand():
    """|F| = 4 |sin w_1 sin w_2| has supremum 4, between the points of a grid of 10."""
    assert lip_bound_estimate(DERIVATIVE, TEN) == pytest.approx(3.618034, rel=1e-6)
    assert lip_bound(DERIVATIVE, TEN) == pytest.approx(4.0, rel=1e-12)
    assert zero_padded(DERIVATIVE, 8, 1) == pytest.approx(3.532089, rel=1e-6)
    assert zero_padded(DERIVATIVE, 16, 1) == pytest.approx(3.864944, rel=1e-6)


def test_circular_norm_is_no_bound_for_zero_padding():
    circular, torus = (torus_bound(SECOND_DIFFERENCE, (n, n)) for n in (5, 6))
    assert circular == pytest.approx(13.090170, rel=1e-6)
    assert zero_padded(SECOND_DIFFERENCE, 5, 1) == pytest.approx(13.928203, rel=1e-6)
    assert torus == pytest.approx(16.0, rel=1e-12)
    assert circular < zero_padded(SECOND_DIFFERENCE, 5, 1) <= torus


def test_reshaped_kernel_lacks_the_root_of_the_taps():
    ones = np.ones((1, 1, 3, 3))
    assert np.linalg.norm(ones.reshape(1, -1), 2) == pytest.approx(3.0)
    assert zero_padded(ones, 16, 1) > 8.5
    assert unfolding_bound(ones) == pytest.approx(9.0, rel=1e-12)
    assert symbol_bound(ones) >= 9.0


@pytest.mark.parametrize("shape", [(1, 5, 3, 3), (5, 1, 2, 3)])
def test_lip_bound_of_one_channel_is_the_symbol_bound(shape):
    kernel = normal_kernel(*shape)
    inputs = shape[1] == 1
    assert lip_bound(kernel, inputs=inputs) == pytest.approx(symbol_bound(kernel), rel=1e-9)
    assert lip_bound(kernel, inputs=not inputs) >= symbol_bound(kernel) * (1 - 1e-9)


@pytest.mark.parametrize("case", [case for case in B3 if case[5] == 1])
def test_symbol_bound_is_near_the_supremum_at_fine_samples(case):
    """Asked: within 5 % at S = 8 (k - 1); the exact norm of large images tends to the supremum."""
    kernel = normal_kernel(case[0], case[1], case[2], case[2])
    assert fine_samples(kernel) == (8 * (case[2] - 1),) * 2
    supremum = dict(zip(NAMES, B3[case][1:], strict=True))["symbol_grid512"]
    assert supremum * (1 - 1e-6) <= symbol_bound(kernel) <= 1.05 * supremum


def test_too_few_samples_prove_nothing():
    kernel = normal_kernel(2, 2, 3, 3)
    assert symbol_bound(kernel, (2, 10)) == lip_bound(kernel, (10, 2)) == math.inf


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-150, 1e150, 1e300])
def test_scale_of_the_kernel(scale):
    kernel = np.round(normal_kernel(2, 3, 3, 2), 2)
    for bound in (symbol_bound, lip_bound, unfolding_bound):
        one, other = bound(kernel), bound(kernel * scale)
        assert other >= one * scale * (1 - 1e-15)
        if scale >= 1e-150:
            assert other == pytest.approx(one * scale, rel=1e-9)


def test_nothing_and_nonsense():
    kernel = np.zeros((2, 1, 3, 3))
    bounds = (symbol_bound, lip_bound, unfolding_bound, lambda k: torus_bound(k, (4, 4)))
    assert [bound(kernel) for bound in bounds] == [0.0] * 4
    for bad in (math.nan, math.inf, -math.inf):
        kernel[1, 0, 2, 2] = bad
        assert [bound(kernel) for bound in bounds] == [math.inf] * 4
    assert symbol_bound(np.full((1, 1, 3, 3), 1e308)) == math.inf


def test_phases_and_dilation_only_move_taps():
    kernel = normal_kernel(2, 3, 3, 4)
    phases = polyphase_kernel(kernel, (2, 3))
    assert phases.shape == (2, 18, 2, 2)
    assert phases[1, 2 * 6 + 1 * 3 + 2, 0, 0] == kernel[1, 2, 1, 2]
    assert phases[0, 0 * 6 + 0 * 3 + 0, 1, 1] == kernel[0, 0, 2, 3]
    assert np.count_nonzero(phases) == kernel.size
    spread = dilated_kernel(kernel, (3, 2))
    assert spread.shape == (2, 3, 7, 7)
    assert (spread[:, :, ::3, ::2] == kernel).all()
    assert np.count_nonzero(spread) == kernel.size
    assert torus_bound(kernel, (9, 8), (3, 2)) == pytest.approx(
        torus_bound(spread, (9, 8)), rel=1e-12
    )
