"""Arguments and numbers at the edge: refused in a sentence or nothing claimed, never a crash."""

from __future__ import annotations

import numpy as np
import pytest

import lipexplore
from lipexplore.errors import InvalidNetwork, InvalidSetting
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.residual import ResidualMap
from lipexplore.properties.incremental.run import TOO_LARGE
from lipexplore.properties.incremental_qc import certify
from lipexplore.solvers import solve

PLAIN = lipexplore.Network([np.eye(2), np.eye(2)])


def test_a_residual_map_keeps_a_copy_of_its_linear_part():
    """A view of the caller's array would change the map behind its content hash."""
    given = np.eye(3)
    mapping = ResidualMap(PLAIN, given[:2, :2])
    value = certify(mapping, "lipschitz").value
    given[0, 0] = 100.0
    assert given.flags.writeable
    assert mapping.skip[0, 0] == 1.0
    assert certify(mapping, "lipschitz").value == value
    with pytest.raises(ValueError, match="read-only"):
        mapping.skip[0, 0] = 1.0


@pytest.mark.parametrize("skip", [np.inf, 1j, 1j * np.eye(2), "a", [[1.0, 2.0], [3.0]], 2**60 + 1])
def test_linear_parts_that_are_no_float64_numbers_are_refused(skip):
    with pytest.raises(InvalidNetwork, match="the linear part"):
        ResidualMap(PLAIN, skip)


@pytest.mark.parametrize(
    "form", [1j * np.eye(4), "a", 1e308 * np.eye(4), np.full((4, 4), np.nan), [[2**60 + 1] * 4] * 4]
)
def test_supplies_that_are_no_float64_numbers_are_refused(form):
    with pytest.raises(InvalidSetting, match="Q must be"):
        certify(PLAIN, "dissipativity", supply=form)


def test_an_unknown_way_to_reduce_the_input_is_refused():
    with pytest.raises(InvalidSetting, match="reduce_input"):
        certify(PLAIN, "lipschitz", reduce_input="maybe")


@pytest.mark.parametrize("size", [1e-150, 1e-60, 1e90])
def test_implicit_networks_of_any_size_end_in_a_bound_or_a_sentence(size):
    """f(x) = size^2 relu(x) with a loop between its two states that changes nothing."""
    loop = np.array([[0.0, 0.0], [1e90, 0.0]])
    network = ImplicitNetwork(loop, [[size], [0.0]], None, [[size, 0.0]])
    for prop in ("lipschitz", "one-sided-upper", "contraction", "flow-contraction"):
        found = certify(network, prop)
        assert found.value >= size * size * (1.0 - 1e-12)
        assert found.verified == np.isfinite(found.value)
        assert found.verified or found.status.startswith(("no claim", TOO_LARGE))


def test_an_affine_map_that_cannot_be_proven_says_so():
    found = certify(lipexplore.Network([np.diag([1e100, 1e-100])]), "inverse")
    assert found.value <= 1e-100
    assert found.verified or found.status.startswith(("no claim", TOO_LARGE))


def test_arithmetic_that_fails_inside_cvxopt_is_a_status(monkeypatch):
    """Its scaling raises ArithmeticError between iterations; seen for slopes of 1e-90 and 1e90."""
    import picos
    from cvxopt import misc

    def overwhelmed(*_):
        raise ArithmeticError(3)

    monkeypatch.setattr(misc, "update_scaling", overwhelmed)
    x = picos.RealVariable("x", 2)
    problem = picos.Problem()
    problem.set_objective("min", x[0] + x[1])
    problem.add_constraint(picos.diag(x) - np.eye(2) >> 0)
    assert solve(problem, solver="cvxopt").status.startswith("failed")
