"""The interior point method for structured inequalities against CVXOPT and in itself."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from lipexplore import WHOLE_SPACE
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.networks.slope_system import sector_system, slope_system
from lipexplore.norms import Norm
from lipexplore.relaxations.slope_lmi import slope_lmi
from lipexplore.relaxations.slope_start import start, structured_program
from lipexplore.solvers import solve
from lipexplore.solvers.records import Settings
from lipexplore.solvers.structured_ipm import minimise


def lmi_of(widths, norm, act="relu", seed=0):
    network = random_dense(widths, seed, act)
    return slope_lmi(sector_system(slope_system(network, slope_ranges(network, WHOLE_SPACE))), norm)


def run(lmi, enough=-np.inf, **settings):
    return minimise(structured_program(lmi), start(lmi), Settings(**settings), enough)


CASES = [
    ((8, 12, 1), "relu"),
    ((5, 9, 8, 1), "leaky_relu:0.1"),
    ((4, 6, 6, 6, 1), "silu"),
    ((5, *[8] * 8, 1), "relu"),
]


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
@pytest.mark.parametrize(("widths", "act"), CASES)
def test_same_optimum_as_cvxopt(widths, act, norm):
    lmi = lmi_of(widths, norm, act)
    own, other = run(lmi), solve(lmi.problem(), solver="cvxopt")
    assert own.status == "optimal"
    assert own.value == pytest.approx(other.value, rel=2e-7)
    assert own.iterations <= 50


@pytest.mark.parametrize(("widths", "act"), CASES)
def test_the_end_is_feasible_and_the_gap_is_one(widths, act):
    """Weak duality: cost . c >= -<constant, X> for feasible points, whatever found them."""
    lmi = lmi_of(widths, Norm.LINF, act)
    program, found = structured_program(lmi), run(lmi)
    c, rest = found.primal["c"], found.duals[0]
    matrix = found.duals[1].reshape(lmi.rows.shape)
    slack = program.constant + program.structure.value(c)
    assert min(c.min(), rest.min()) > 0.0
    assert np.linalg.eigvalsh(slack)[0] > 0.0
    assert np.linalg.eigvalsh(matrix)[0] > -1e-15
    basis = [program.structure.value(unit) for unit in np.eye(len(c))]
    adjoint = np.array([np.vdot(item, matrix) for item in basis])
    np.testing.assert_allclose(adjoint + rest, program.cost, atol=1e-7)
    dual = -np.vdot(program.constant, matrix)
    assert dual == pytest.approx(program.cost @ c, rel=1e-6)


@pytest.mark.parametrize(("widths", "act"), CASES)
def test_start_is_strictly_feasible(widths, act):
    for norm in (Norm.L2, Norm.LINF):
        lmi = lmi_of(widths, norm, act)
        pair = start(lmi)
        for matrix in (pair.slack, pair.matrix):
            assert np.linalg.eigvalsh(matrix)[0] > 0.0
        assert min(pair.c.min(), pair.rest.min()) > 0.0
        np.testing.assert_allclose(
            pair.slack, lmi.constant + lmi.structure().value(pair.c), atol=1e-12
        )


def test_endings():
    lmi = lmi_of((10, 15, 15, 1), Norm.LINF)
    best = run(lmi).value
    assert run(lmi, enough=2 * best).status == "enough"
    assert run(lmi, enough=0.99 * best).status == "optimal"
    assert run(lmi, max_iterations=3).status == "iteration limit"
    cancel = threading.Event()
    cancel.set()
    stopped = run(lmi, cancel=cancel)
    assert stopped.status == "cancelled"
    assert stopped.value >= best
    assert run(lmi, time_limit=1e-9).status == "time limit"
    unreachable = run(lmi, tolerance=1e-17)
    assert unreachable.status != "optimal"
    assert unreachable.value == pytest.approx(best, rel=1e-7)


def test_every_iterate_lies_above_the_optimum():
    lmi, seen = lmi_of((6, 9, 9, 1), Norm.L2), []
    best = run(lmi, tolerance=1e-9, on_progress=seen.append).value
    assert [item.iteration for item in seen] == list(range(1, len(seen) + 1))
    assert all(item.primal >= best * (1 - 1e-12) for item in seen)


def test_outputs_whose_squares_underflow_leave_a_finite_start():
    lmi = lmi_of((3, 4, 1), Norm.LINF)
    pair = start(replace(lmi, outer=1e-304 * lmi.outer))
    assert np.isfinite(pair.c).all()
    assert (pair.c > 0.0).all()
