"""Rounding of the symbol, and proofs that do not trust the eigenvalue solver."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from lipexplore.bounds.operator_norms import symbol as symbol_norms
from lipexplore.bounds.operator_norms.kernels import symbol_bound, torus_bound
from lipexplore.bounds.operator_norms.symbol import ROOT_ERROR, symbol_on_grid
from tests.bounds.convolutions import normal_kernel


def root(numerator, denominator):
    """Return cos and sin of 2 pi j / S in 50 digits, by the Taylor series of exp(i x)."""
    with localcontext() as context:
        context.prec = 60
        pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
        angle = 2 * pi * numerator / denominator
        terms, term = [Decimal(1)], Decimal(1)
        for k in range(1, 80):
            term = term * angle / k
            terms.append(term)
        cosine = sum((-1) ** (k // 2) * t for k, t in enumerate(terms) if k % 2 == 0)
        sine = sum((-1) ** (k // 2) * t for k, t in enumerate(terms) if k % 2)
    return cosine, sine


@pytest.mark.parametrize("samples", [3, 7, 10, 33, 97])
def test_roots_of_unity(samples):
    computed = symbol_norms._roots(samples, 4, 3)
    for j in range(samples):
        for a in range(4):
            cosine, sine = root(3 * a * j % samples, samples)
            error = max(
                abs(Decimal(float(computed[j, a].real)) - cosine),
                abs(Decimal(float(computed[j, a].imag)) - sine),
            )
            assert error <= Decimal(ROOT_ERROR) / 8  # assumed with room


def test_symbol_by_the_definition():
    kernel = normal_kernel(2, 3, 3, 2)
    symbol = symbol_on_grid(kernel, (6, 5), (2, 1))
    values = symbol.values.reshape(4, 5, 2, 3) * symbol.scale
    for j in range(4):
        for k in range(5):
            expected = sum(
                kernel[:, :, a, b] * np.exp(2j * np.pi * (2 * a * j / 6 + b * k / 5))
                for a in range(3)
                for b in range(2)
            )
            assert np.abs(values[j, k] - expected).max() < 1e-13
            assert symbol.error.min() > 0.0


def test_half_the_grid_has_all_norms():
    kernel = normal_kernel(3, 2, 3, 3)
    for size in ((4, 5), (5, 4), (1, 3), (7, 1)):
        whole = [
            np.linalg.norm(
                sum(
                    kernel[:, :, a, b] * np.exp(2j * np.pi * (a * j / size[0] + b * k / size[1]))
                    for a in range(3)
                    for b in range(3)
                ),
                2,
            )
            for j in range(size[0])
            for k in range(size[1])
        ]
        assert torus_bound(kernel, size) == pytest.approx(max(whole), rel=1e-11)
        assert torus_bound(kernel, size) >= max(whole) * (1 - 1e-15)


def test_never_below_the_exact_norm_of_positive_kernels(many):
    """F(0), the sum of the taps, has the largest norm: for one input channel an exact number."""
    rng = np.random.default_rng(0)
    for _ in range(many(150, 5000)):
        taps = rng.integers(1, 5, 2)
        kernel = rng.random((int(rng.integers(1, 4)), 1, *taps)) * 10.0 ** rng.integers(-5, 5)
        exact = sum(sum(map(Fraction, row.ravel())) ** 2 for row in kernel)
        found = torus_bound(kernel, (7, 6))
        assert Fraction(found) ** 2 >= exact
        assert found <= math.sqrt(exact) * (1 + 1e-11)


@pytest.mark.parametrize("wrong", [0.0, 0.5, 1.0 - 1e-9, math.nan])
def test_a_wrong_eigenvalue_cannot_make_the_bound_wrong(monkeypatch, wrong):
    kernel = normal_kernel(3, 4, 3, 3)
    honest, solver = symbol_bound(kernel), np.linalg.eigvalsh
    monkeypatch.setattr(np.linalg, "eigvalsh", lambda matrices: wrong * solver(matrices))
    assert symbol_bound(kernel) >= honest * (1 - 1e-9)


def test_large_stacks_are_worked_on_in_parts(monkeypatch):
    kernel = normal_kernel(3, 4, 3, 3)
    whole = symbol_bound(kernel)
    monkeypatch.setattr(symbol_norms, "CHUNK", 50)
    assert symbol_bound(kernel) == whole
