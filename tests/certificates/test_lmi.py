"""Bounds from multipliers of the slope LMI: never below P*, whatever the multipliers are."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lipexplore
from lipexplore.certificates import lmi as certificates
from lipexplore.certificates.lmi import verified_bound
from lipexplore.certificates.lmi_check import proven_square
from lipexplore.certificates.psd import is_exactly_semidefinite, is_proven_semidefinite
from lipexplore.errors import InvalidCertificate, NoPath
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.networks.slope_system import sector_system, slope_system
from lipexplore.norms import Norm
from tests.oracles import (
    is_positive_semidefinite,
    is_upper,
    polynomial_maximum,
    rational,
)
from tests.strategies import ACTIVATIONS, matrices, networks, outputs, regions, tame_numbers

NORMS = (Norm.L2, Norm.LINF)


def system_of(network, region=lipexplore.WHOLE_SPACE):
    slopes = slope_ranges(network, region)
    return sector_system(slope_system(network, slopes)), slopes


def solved(network, norm, region=lipexplore.WHOLE_SPACE):
    """Return system, slopes and the multipliers mu, t of an optimal solution."""
    system, slopes = system_of(network, region)
    (certificate,) = lipexplore.bound(network, "slope-lmi", norm, region).certificate
    return system, slopes, certificate.inputs, certificate.units


def matrix_by_definition(network, slopes, system, norm, certificate):
    """Return M of original weights and slopes in rationals, no unit fixed, no shift by a slope.

    lambda |y|^2 + sum mu x^2 - 2 y C z - sum t (z_j - a_j v_j)(b_j v_j - z_j), v = W z + U x.
    """
    n_inputs, n_outputs = network.n_inputs, network.n_outputs
    widths = network.widths[:-1]
    size = n_outputs + sum(widths)
    offsets = np.cumsum([n_outputs, *widths]).tolist()
    matrix = [[Fraction(0)] * size for _ in range(size)]
    mu = [Fraction(x) for x in certificate.inputs]
    for i in range(n_outputs):
        matrix[i][i] = Fraction(certificate.outer)
    for i in range(n_inputs):
        matrix[n_outputs + i][n_outputs + i] = mu[0] if norm is Norm.L2 else mu[i]
    for i, row in enumerate(rational(network.weights[-1])):
        for j, weight in enumerate(row):
            entry = -weight / Fraction(2) ** system.exponent
            matrix[i][offsets[-2] + j] = matrix[offsets[-2] + j][i] = entry
    lows, highs = np.concatenate(slopes.lower), np.concatenate(slopes.upper)
    unit = 0
    for layer, weight in enumerate(network.weights[:-1]):
        for j, row in enumerate(rational(weight)):
            t = Fraction(certificate.units[unit]) / Fraction(4) ** int(system.exponents[unit])
            a, b = Fraction(lows[unit]), Fraction(highs[unit])
            v = {offsets[layer] + k: w for k, w in enumerate(row)}
            left = {k: -a * w for k, w in v.items()} | {offsets[layer + 1] + j: Fraction(1)}
            right = {k: b * w for k, w in v.items()} | {offsets[layer + 1] + j: Fraction(-1)}
            for p, x in left.items():
                for q, y in right.items():
                    matrix[p][q] -= t * x * y / 2
                    matrix[q][p] -= t * x * y / 2
            unit += 1
    return matrix


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("norm", NORMS)
def test_against_brute_force(act, norm, many):
    """P* by enumeration in rationals, over the whole space and regions that fix units."""
    for seed in range(many(7, 60)):
        rng = np.random.default_rng(seed)
        widths = [(3, 5, 1), (2, 3, 2, 1), (3, 2, 2, 2, 1)][seed % 3]
        network = random_dense(widths, seed, act)
        radius = (None, 0.05, 0.4, 1e-9)[seed % 4]
        region = (
            lipexplore.Ball(rng.standard_normal(widths[0]), radius, ("l1", "l2", "linf")[seed % 3])
            if radius
            else lipexplore.WHOLE_SPACE
        )
        slopes = slope_ranges(network, region)
        exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
        answer = lipexplore.bound(network, "slope-lmi", norm, region)
        assert answer.verified
        assert is_upper(answer.value, exact, norm.value)
        assert answer.value - answer.solver_value <= answer.residual + 1e-9 * answer.value
        size = float(exact) ** (0.5 if norm is Norm.L2 else 1.0)
        assert answer.value <= 1.8 * size + 1e-12


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.data(), st.sampled_from(NORMS))
def test_nasty_networks_regions_and_margins(data, norm):
    network = data.draw(networks(max_units=6))
    region = data.draw(regions(network.n_inputs))
    output, minus = data.draw(outputs(network))
    slopes = slope_ranges(network, region)
    try:
        answer = lipexplore.bound(
            network, "slope-lmi", norm, region, output=output, minus=minus, time_limit=0.3
        )
    except NoPath:
        return
    exact = polynomial_maximum(
        network.weights, slopes.lower, slopes.upper, norm.value, output, minus
    )
    assert is_upper(answer.value, exact, norm.value)
    assert answer.verified == np.isfinite(answer.value)


@pytest.mark.parametrize("seed", range(6))
def test_several_outputs_jointly(seed):
    network = random_dense((3, 4, 2, 3), seed, ("relu", "abs", "silu")[seed % 3])
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    bits = np.random.default_rng(seed).integers(0, 2, (300, 6))
    ends = [
        np.where(part, high, low)
        for part, low, high in zip(
            np.split(bits, [4], axis=1), slopes.lower, slopes.upper, strict=True
        )
    ]
    largest = max(np.linalg.norm(j, 2) for j in network.jacobian_of_slopes(ends))
    answer = lipexplore.bound(network, "slope-lmi", "l2", output="all")
    assert largest * (1 - 1e-12) <= answer.value <= 1.3 * largest


def poisoned(values, rng):
    """Yield wrong multipliers of every kind."""
    yield from (
        None,
        values[:-1],
        values[None],
        np.zeros_like(values),
        -values,
        rng.permutation(values),
    )
    for factor in (1e-300, 1e-8, 0.5, 2.0, 1e8, 1e300):
        yield values * factor
    for number in (np.nan, np.inf, -np.inf, -1.0, 0.0, 5e-324, 1e308):
        bad = values.copy()
        bad[rng.integers(len(bad))] = number
        yield bad
        yield np.full_like(values, number)
    for noise in (1e-12, 1e-6, 1e-2, 1.0):
        yield values * (1.0 + noise * rng.standard_normal(len(values)))
    with np.errstate(over="ignore"):
        yield values.astype(np.float16).astype(float)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "network",
    [
        random_dense((3, 4, 3, 1), 0),
        random_dense((4, 5, 1), 1, "silu"),
        random_dense((2, 3, 2, 2, 1), 2, "abs"),
        random_dense((3, 4, 1), 3, "leaky_relu:2.5"),
    ],
    ids=str,
)
def test_poisoned_multipliers(network, norm):
    system, slopes, inputs, units = solved(network, norm)
    exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
    honest = verified_bound(system, norm, inputs, units)
    rng = np.random.default_rng(0)
    cases = [(bad, units) for bad in poisoned(inputs, rng)]
    cases += [(inputs, bad) for bad in poisoned(units, rng)]
    cases += [(inputs * 3e7, units * 3e7), (inputs * 1e-40, units * 1e-40)]
    for bad_inputs, bad_units in cases:
        certificate = verified_bound(system, norm, bad_inputs, bad_units)
        assert is_upper(certificate.value, exact, norm.value)
        if np.isfinite(certificate.value):
            square = proven_square(
                network, slopes, norm, 0, None,
                certificate.outer, certificate.inputs.tolist(), certificate.units.tolist(),
            )  # fmt: skip
            assert square <= Fraction(certificate.value) ** 2
    for common in (1e-40, 3e7):  # a common factor is free
        again = verified_bound(system, norm, inputs * common, units * common)
        assert again.value == pytest.approx(honest.value, rel=1e-9)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("act", ["relu", "abs", "silu", "leaky_relu:-0.3", "leaky_relu:2.5"])
def test_the_matrix_by_its_definition(norm, act):
    """Independent of the shift by the lower slopes, of scaling and of floating point."""
    network = random_dense((3, 4, 3, 2 if norm is Norm.L2 else 1), 1, act)
    output = "all" if norm is Norm.L2 else 0
    system, slopes = system_of(network)
    (certificate,) = lipexplore.bound(network, "slope-lmi", norm, output=output).certificate
    matrix = matrix_by_definition(network, slopes, system, norm, certificate)
    assert is_positive_semidefinite(matrix)
    matrix[0][0] *= Fraction(999_999, 1_000_000)
    if norm is Norm.LINF:
        assert not is_positive_semidefinite(matrix)


def exactly_proven(network, norm, system, slopes, inputs, units):
    certificate = verified_bound(system, norm, inputs, units)
    multipliers = (certificate.outer, certificate.inputs.tolist(), certificate.units.tolist())
    try:
        proven_square(network, slopes, norm, 0, None, *multipliers)
    except InvalidCertificate:
        return False
    return True


def plain_cholesky(matrix, error, safety=1.0):
    del error, safety
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def test_the_margin_is_needed(monkeypatch):
    """Mutant: without the margin a plain Cholesky accepts matrices that are not semidefinite."""
    cases = []
    for seed in range(12):
        network = random_dense((4, 5, 4, 1), seed)
        for norm in NORMS:
            cases.append((network, norm, *solved(network, norm)))
    assert all(exactly_proven(*case) for case in cases)
    monkeypatch.setattr(certificates, "WIDENINGS", (1e-17, *certificates.WIDENINGS))
    monkeypatch.setattr(certificates, "UNIT", 0.0)
    monkeypatch.setattr(certificates, "is_proven_semidefinite", plain_cholesky)
    assert not all(exactly_proven(*case) for case in cases)


def test_the_solvers_own_value_is_no_bound():
    """Mutant: with the solver's lambda the matrix is not semidefinite, or only by luck."""
    from lipexplore.relaxations.slope_lmi import slope_lmi
    from lipexplore.solvers import solve

    wrong = 0
    for seed in range(8):
        network = random_dense((4, 5, 1), seed)
        system, slopes = system_of(network)
        lmi = slope_lmi(system, Norm.LINF)
        c = solve(lmi.problem(), structure=lmi.structure()).primal["c"]
        mu, t = lmi.multipliers(c)
        scale = lmi.scale
        try:
            proven_square(
                network, slopes, Norm.LINF, 0, None,
                float(c[0] * scale), (mu * scale).tolist(), (t * scale).tolist(),
            )  # fmt: skip
        except InvalidCertificate:
            wrong += 1
    assert wrong >= 4


# -- positive semidefiniteness itself


@given(st.data())
def test_proofs_agree_with_exact_elimination(data):
    rows, columns = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    factor = data.draw(matrices(rows, columns, tame_numbers))
    matrix = factor @ factor.T
    shift = data.draw(st.sampled_from([0.0, 1e-15, -1e-15, 1e-12, -1e-12, -1e-6, 1e-6]))
    matrix = matrix + shift * np.eye(rows)
    exact = is_positive_semidefinite(rational(matrix))
    assert is_exactly_semidefinite(rational(matrix)) == exact
    if is_proven_semidefinite(matrix, np.zeros_like(matrix)):
        assert exact
    error = np.abs(matrix) * 2.0**-20
    if is_proven_semidefinite(matrix, error):
        signs = np.sign(data.draw(matrices(rows, rows, tame_numbers)))
        worst = matrix - error * (np.eye(rows) + np.triu(signs, 1) + np.triu(signs, 1).T)
        assert is_positive_semidefinite(rational(worst))


@pytest.mark.parametrize("size", [1, 10, 60])
def test_proofs_are_sharp(size):
    rng = np.random.default_rng(0)
    scale = 10.0 ** rng.uniform(-6, 6, size)
    factor = rng.standard_normal((size, size))
    matrix = (factor @ factor.T + 1e-6 * np.eye(size)) * scale * scale[:, None]
    assert is_proven_semidefinite(matrix, np.zeros_like(matrix))
    assert is_proven_semidefinite(matrix, np.abs(matrix) * 1e-14, safety=3.0)


def test_proofs_refuse_what_is_no_number():
    for number in (np.nan, np.inf, -np.inf, 1e308):
        for place in ((0, 0), (0, 1)):
            matrix = np.eye(3)
            matrix[place] = matrix[place[::-1]] = number
            if number != 1e308 or place != (0, 0):
                assert not is_proven_semidefinite(matrix, np.zeros((3, 3)))
        assert not is_proven_semidefinite(np.eye(3), np.full((3, 3), number))
    assert not is_proven_semidefinite(np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros((2, 2)))
    assert is_proven_semidefinite(np.zeros((2, 2)), np.zeros((2, 2)))
    assert not is_exactly_semidefinite(rational([[0.0, 1.0], [1.0, 1.0]]))
    assert is_exactly_semidefinite(rational([[1.0, 1.0], [1.0, 1.0]]))


def test_deep_networks():
    """Up to six hidden layers of full slope range: still close to brute force."""
    for depth in range(1, 7):
        network = random_dense((2, *[2] * depth, 1), depth, "abs")
        slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
        for norm in NORMS:
            exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
            answer = lipexplore.bound(network, "slope-lmi", norm)
            assert is_upper(answer.value, exact, norm.value)
            assert answer.value <= 1.2 * float(exact) ** (0.5 if norm is Norm.L2 else 1.0)
