"""Certified properties against published values, enumeration and each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

import lipexplore
from lipexplore.errors import InvalidRegion, InvalidSetting, UnsupportedQuestion
from lipexplore.networks.residual import ResidualMap
from lipexplore.networks.slope_system import SlopeSystem
from lipexplore.properties import incremental_qc
from lipexplore.properties.incremental.table import PROPERTIES
from lipexplore.properties.incremental_qc import certify
from tests.properties.incremental_truth import (
    IQC,
    LIPSDP,
    LOCAL,
    LOCAL_GLOBAL,
    LOCAL_JACOBIAN,
    NUMBERS,
    normal,
    numbers_of,
    pattern_jacobians,
    residual,
)

SQUARED = ("lipschitz", "inverse")
SLOPES = ((0.0, 1.0),)


def level(name, value):
    """Return rho of the published tables: squared for two of the rows."""
    return value**2 if name in SQUARED else value


@pytest.mark.parametrize("args", IQC, ids=lambda args: f"iqc_{args[0]}")
def test_published_rows(args):
    certified, formal = IQC[args]
    mapping = residual(*args)
    weights = mapping.network.weights
    truth = numbers_of(pattern_jacobians(weights, SLOPES, mapping.skip))
    for name, value, exact in zip(NUMBERS, certified, formal, strict=True):
        found = certify(mapping, name)
        assert found.verified
        assert found.status == "optimal"
        assert level(name, found.value) == pytest.approx(value, rel=1e-6)
        assert level(name, truth[name]) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("skip", [1.5, 1.7, 2.0])
def test_nine_of_twelve_rows_are_exact(skip):
    """Against all 2^8 patterns; only the monotone rows stay below, by 2.2e-4."""
    mapping = residual(40, 3, 8, skip)
    truth = numbers_of(pattern_jacobians(mapping.network.weights, SLOPES, mapping.skip))
    for name in NUMBERS:
        gap = abs(level(name, certify(mapping, name).value) - level(name, truth[name]))
        if name == "one-sided-lower":
            assert gap == pytest.approx(2.2e-4, rel=0.01)
        else:
            assert gap <= 1e-9 * max(1.0, truth[name] ** 2)


@pytest.mark.parametrize(("widths", "seed", "value"), LIPSDP)
def test_lipschitz_is_the_value_of_slope_lmi(widths, seed, value):
    network = normal(widths, seed)
    found = certify(network, "lipschitz")
    assert found.value == pytest.approx(value, rel=1e-8)
    other = lipexplore.bound(network, "slope-lmi", "l2", output="all")
    assert found.value == pytest.approx(other.value, rel=1e-6)
    if widths[-1] == 1:
        geolip = certify(network, "lipschitz", norm="linf")
        assert geolip.value == pytest.approx(
            lipexplore.bound(network, "slope-lmi", "linf").value, rel=1e-6
        )
        shor = lipexplore.bound(network, "shor", "l2")
        assert found.value == pytest.approx(shor.value, rel=2e-6)


@pytest.mark.parametrize(("act", "radius", "ball", "units", "value"), LOCAL)
def test_local_lipschitz(act, radius, ball, units, value):
    network = normal((4, 12, 10, 3), 30, biases=True, act=act)
    region = lipexplore.Ball(np.random.default_rng(1030).standard_normal(4), radius, ball)
    found = certify(network, "lipschitz", region)
    assert found.size["units"] == units
    assert found.value == pytest.approx(value, rel=1e-6)
    other = lipexplore.bound(network, "slope-lmi", "l2", region, output="all")
    assert found.value == pytest.approx(other.value, rel=1e-6)


@pytest.mark.parametrize("act", LOCAL_JACOBIAN)
def test_local_values_lie_between_the_jacobian_and_the_global_value(act):
    network = normal((4, 12, 10, 3), 30, biases=True, act=act)
    center = np.random.default_rng(1030).standard_normal(4)
    tiny = certify(network, "lipschitz", lipexplore.Ball(center, 1e-7))
    assert tiny.value == pytest.approx(LOCAL_JACOBIAN[act], rel=1e-6)
    whole = certify(network, "lipschitz")
    assert whole.value == pytest.approx(LOCAL_GLOBAL, rel=1e-6)
    assert tiny.value <= certify(network, "lipschitz", lipexplore.Ball(center, 0.1)).value
    assert certify(network, "lipschitz", lipexplore.Ball(center, 0.1)).value <= whole.value * (
        1 + 1e-7
    )


def test_rows_of_a_linear_map_are_its_eigenvalues():
    """g has zero output weights, so f is x -> S x: no unit matters."""
    skip = np.array([[2.0, 1.0], [-1.0, 3.0]])
    idle = lipexplore.Network([np.eye(2), np.zeros((2, 2))])
    mapping = ResidualMap(idle, skip)
    values = np.linalg.svd(skip)[1]
    expected = (values[0], 3.0, 2.0, 2.0, values[1])
    rows = ("lipschitz", "one-sided-upper", "one-sided-lower", "strong-monotonicity", "inverse")
    for name, value in zip(rows, expected, strict=True):
        assert certify(mapping, name).value == pytest.approx(value, rel=1e-9)


def test_named_functions_are_the_properties():
    mapping, region = residual(3, 2, 5, 2.0), lipexplore.Ball([0.1, 0.2], 0.5, "l2")
    named = {
        "lipschitz": incremental_qc.lipschitz(mapping, region),
        "one-sided-upper": incremental_qc.one_sided_upper(mapping, region),
        "one-sided-lower": incremental_qc.one_sided_lower(mapping, region),
        "strong-monotonicity": incremental_qc.strong_monotonicity(mapping, region),
        "inverse": incremental_qc.inverse_bound(mapping, region),
        "contraction": incremental_qc.contraction(mapping, region),
        "flow-contraction": incremental_qc.contraction(mapping, region, flow=True),
        "dissipativity": incremental_qc.dissipativity(
            mapping, np.diag([25.0, 25.0, -1.0, -1.0]), region
        ),
    }
    assert set(named) == set(PROPERTIES)
    for name, found in named.items():
        assert found.prop == name
        assert found.verified
        assert found.region == region.to_dict()


def test_dissipativity_holds_the_other_rows():
    """d = gamma^2 - L^2 for the supply gamma^2 |dx|^2 - |df|^2, and passivity is monotonicity."""
    mapping = residual(40, 3, 8, 1.5)
    square = certify(mapping, "lipschitz").value ** 2
    nothing, unit = np.zeros((3, 3)), np.eye(3)
    gain = np.block([[20.0 * unit, nothing], [nothing, -unit]])
    found = certify(mapping, "dissipativity", supply=gain)
    assert found.value == pytest.approx(20.0 - square, abs=1e-6)
    passive = np.block([[nothing, 0.5 * unit], [0.5 * unit, nothing]])
    found = certify(mapping, "dissipativity", supply=passive)
    assert found.value == pytest.approx(certify(mapping, "one-sided-lower").value, abs=1e-7)


def test_other_solver_and_statement_in_picos():
    mapping = residual(40, 3, 8, 1.5)
    for name in NUMBERS:
        own, picos = certify(mapping, name), certify(mapping, name, solver="cvxopt")
        assert picos.verified
        assert own.value == pytest.approx(picos.value, rel=1e-6)


def test_reducing_the_input_changes_nothing():
    network = normal((40, 6, 3), 2)
    whole, less = (certify(network, "lipschitz", reduce_input=choice) for choice in ("no", "yes"))
    assert (whole.size["inputs"], less.size["inputs"]) == (40, 6)
    assert less.value == pytest.approx(whole.value, rel=1e-7)


def test_reducing_the_input_is_refused_where_directions_matter():
    """With two inputs and one unit QR turns (1, 1) into (sqrt 2, 0): 1.41 instead of 2 for linf."""
    network = lipexplore.Network([[[1.0, 1.0]], [[1.0]]])
    assert certify(network, "lipschitz", norm="linf").value == pytest.approx(2.0, rel=1e-6)
    with pytest.raises(UnsupportedQuestion, match="unsound"):
        certify(network, "lipschitz", norm="linf", reduce_input="yes")
    with pytest.raises(UnsupportedQuestion, match="unsound"):
        certify(residual(0, 2, 3, 1.0), "one-sided-upper", reduce_input="yes")


def test_maps_that_are_not_square_are_refused_in_a_sentence():
    network = normal((3, 5, 2), 0)
    for name, prop in PROPERTIES.items():
        if prop.square:
            with pytest.raises(UnsupportedQuestion, match="3 inputs and 2 outputs"):
                certify(network, name)
    assert certify(network, "lipschitz").verified
    assert certify(network, "dissipativity", supply=np.diag([9.0] * 3 + [-1.0] * 2)).verified


def test_wrong_questions():
    network = normal((2, 3, 2), 0)
    with pytest.raises(InvalidSetting, match="no property"):
        certify(network, "convexity")
    with pytest.raises(InvalidSetting, match="solver"):
        certify(network, "lipschitz", solver="mosek")
    with pytest.raises(InvalidSetting, match="needs the matrix Q"):
        certify(network, "dissipativity")
    with pytest.raises(InvalidSetting, match="symmetric"):
        certify(network, "dissipativity", supply=np.triu(np.ones((4, 4))))
    with pytest.raises(InvalidSetting, match="NaN"):
        certify(network, "dissipativity", supply=np.diag([np.inf, 1.0, 1.0, 1.0]))
    with pytest.raises(InvalidSetting, match="taken for"):
        certify(network, "lipschitz", supply=np.eye(4))
    with pytest.raises(UnsupportedQuestion, match="l1"):
        certify(network, "lipschitz", norm="l1")
    with pytest.raises(UnsupportedQuestion, match="linf"):
        certify(network, "inverse", norm="linf")
    with pytest.raises(InvalidRegion, match="3 coordinates"):
        certify(network, "lipschitz", lipexplore.Ball([0.0, 0.0, 0.0], 1.0))


def test_progress_is_told_and_stops_the_run():
    mapping, seen = residual(1, 3, 8, 1.0), []
    found = certify(mapping, "one-sided-upper", on_progress=seen.append)
    assert seen[-1]["primal"] == pytest.approx(found.value, rel=1e-6)
    assert seen[-1]["dual"] == pytest.approx(found.value, rel=1e-6)

    def refuse(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        certify(mapping, "lipschitz", on_progress=refuse)


def test_a_time_limit_leaves_a_proven_number():
    network = normal((10, 60, 60, 10), 0)
    hurried, whole = (certify(network, "lipschitz", time_limit=t) for t in (1e-4, None))
    assert hurried.verified
    assert hurried.status == "time limit"
    assert hurried.value >= whole.value


class UnfoldedISTA:
    """L steps of z <- soft(G z + H x), as any map with a ``slope_system`` of its own."""

    def __init__(self, seed, n, size, steps, gain):
        rng = np.random.default_rng(seed)
        matrix = rng.standard_normal((n, size)) / np.sqrt(n)
        self.basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
        step = gain / np.linalg.norm(matrix, 2) ** 2
        self.inner = matrix @ self.basis
        self.inputs = step * self.inner.T
        self.recurrent = np.eye(size) - step * self.inner.T @ self.inner
        self.n_inputs, self.n_outputs, self.steps = n, size, steps
        self.content_hash = "unfolded"

    def slope_system(self, region, slopes):
        size, steps = self.n_outputs, self.steps
        state = np.kron(np.eye(steps, k=-1), self.recurrent)
        incoming = np.hstack([np.tile(self.inputs, (steps, 1)), state])
        outgoing = np.hstack([np.zeros((size, self.n_inputs + (steps - 1) * size)), self.basis])
        count = steps * size
        return SlopeSystem(
            csr_array(incoming),
            csr_array(outgoing),
            np.zeros(count),
            np.ones(count),
            (size,) * steps,
        )


def test_unfolded_iterations_are_the_same_inequality():
    mapping = UnfoldedISTA(60, 5, 8, 4, 0.9)
    assert np.linalg.norm(mapping.inner, 2) == pytest.approx(1.60410464, rel=1e-8)
    found = certify(mapping, "lipschitz")
    assert found.value == pytest.approx(0.839814978, rel=1e-6)
    linear, state = 0.0, np.zeros((8, 5))
    for _ in range(4):
        state = mapping.recurrent @ state + mapping.inputs
        linear = np.linalg.norm(mapping.basis @ state, 2)
    assert linear == pytest.approx(0.820762562, rel=1e-8)
    assert linear <= found.value
