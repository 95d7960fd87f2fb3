"""Every solver on every program with a known answer."""

import numpy as np
import picos
import pytest
from picos.constraints import AffineConstraint

from lipexplore.solvers import solve
from tests.solvers.programs import LINEAR

PRECISION = {"highs": 1e-6, "cvxopt": 1e-6, "highs-pdlp": 1e-4, "clarabel": 1e-6, "auto": 1e-6}


@pytest.fixture(params=PRECISION)
def solver(request):
    return request.param


@pytest.fixture(params=LINEAR)
def known(request):
    return LINEAR[request.param]


def test_value_primal_and_duals(known, solver):
    solution = solve(known.state(), solver=solver, tolerance=min(1e-7, PRECISION[solver] / 10))
    close = {"rtol": PRECISION[solver], "atol": PRECISION[solver]}
    assert solution.status == "optimal"
    np.testing.assert_allclose(solution.value, known.value, **close)
    assert solution.primal.keys() == known.primal.keys()
    for name, expected in known.primal.items():
        np.testing.assert_allclose(solution.primal[name], expected, **close)
    for found, expected in zip(solution.duals, known.duals, strict=True):
        if expected is not None:
            np.testing.assert_allclose(found, expected, **close)


def test_multipliers_are_nonnegative_and_complementary(known, solver):
    problem = known.state()
    solution = solve(problem, solver=solver, tolerance=1e-8)
    for variable in problem.variables.values():
        variable.value = solution.primal[variable.name]
    for constraint, dual in zip(problem.constraints.values(), solution.duals, strict=True):
        assert isinstance(constraint, AffineConstraint)
        if not constraint.is_equality():
            slack = np.array(constraint.slack, dtype=float).ravel(order="F")
            assert dual.min() >= -PRECISION[solver]
            np.testing.assert_allclose(dual * slack, 0, atol=10 * PRECISION[solver])


def test_problem_is_left_without_values(known, solver):
    problem = known.state()
    solve(problem, solver=solver)
    assert all(variable.value is None for variable in problem.variables.values())


@pytest.mark.parametrize("direction", ["min", "max"])
@pytest.mark.parametrize("solver", ["highs", "cvxopt", "clarabel"])
def test_infeasible(solver, direction):
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.add_list_of_constraints([picos.sum(x) >= 1, x <= 0.2])
    problem.set_objective(direction, x[0] - x[1])
    solution = solve(problem, solver=solver)
    assert solution.status == "infeasible"
    assert np.isnan(solution.value)
    assert solution.primal == {}
    assert solution.duals == (None, None)


@pytest.mark.parametrize("direction", ["min", "max"])
@pytest.mark.parametrize("solver", ["highs", "cvxopt", "clarabel"])
def test_unbounded(solver, direction):
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.add_constraint(x <= 1 if direction == "min" else x >= 1)
    problem.set_objective(direction, picos.sum(x))
    solution = solve(problem, solver=solver)
    assert solution.status == "unbounded"
    assert np.isnan(solution.value)
    assert solution.primal == {}


def test_first_order_method_gives_up_on_an_infeasible_program():
    problem, x = picos.Problem(), picos.RealVariable("x", 1)
    problem.add_list_of_constraints([x >= 1, x <= 0])
    solution = solve(problem, solver="highs-pdlp", max_iterations=500)
    assert solution.status == "iteration limit"
    assert np.isnan(solution.value)


def test_singular_system_is_a_failure_with_a_reason():
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.add_constraint(x[0] >= x[1])
    problem.minimize = x[0] - x[1]
    solution = solve(problem, solver="cvxopt")
    assert solution.status.startswith("failed: CVXOPT")
    assert solution.duals == (None,)


@pytest.mark.parametrize("solver", ["highs", "cvxopt", "clarabel", "auto"])
def test_convex_quadratic_objective(solver):
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.minimize = (x[0] - 1) ** 2 + (x[1] - 2) ** 2 + x[0] * x[1] / 2 - 3
    problem.add_constraint(x[0] + x[1] <= 1)
    solution = solve(problem, solver=solver)
    # On the line x1 = 1 - x0 the objective is 1.5 x0^2 + 0.5 x0 - 1: least at x0 = -1/6.
    assert solution.status == "optimal"
    assert solution.value == pytest.approx(1 - 1 / 24 - 2, abs=1e-5)
    np.testing.assert_allclose(solution.primal["x"], [-1 / 6, 7 / 6], atol=1e-3)


def test_semidefinite_program_goes_to_cvxopt():
    matrix = np.array([[2.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, -1.0]])
    problem, t = picos.Problem(), picos.RealVariable("t")
    problem.minimize = t
    problem.add_constraint(t * picos.I(3) - picos.Constant(matrix) >> 0)
    reports = []
    solution = solve(problem, on_progress=reports.append)
    assert solution.solver == "cvxopt"
    assert [report.iteration for report in reports] == list(range(1, solution.iterations + 1))
    assert solution.value == pytest.approx(np.linalg.eigvalsh(matrix).max(), abs=1e-6)
    multiplier = solution.duals[0].reshape(3, 3)
    assert np.trace(multiplier) == pytest.approx(1, abs=1e-6)
    assert np.sum(multiplier * matrix) == pytest.approx(solution.value, abs=1e-6)
