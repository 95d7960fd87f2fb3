"""Clarabel as a plug-in of PICOS, and conic programs through every solver that takes them."""

import signal
import threading
import time

import clarabel
import numpy as np
import picos
import pytest
from picos.constraints import LMIConstraint, RSOCConstraint, SOCConstraint
from picos.modeling import options as picos_options
from picos.modeling import solution as states
from picos.solvers import _solvers

from lipexplore.errors import InvalidSetting, SolverUnavailable
from lipexplore.solvers import choice, solve
from lipexplore.solvers.clarabel import STATES, ClarabelSolver, register
from lipexplore.solvers.clarabel_driver import STATUSES
from lipexplore.solvers.clarabel_model import read_model
from lipexplore.solvers.clarabel_run import CLOSE
from tests.solvers.conic_programs import CONIC, EXPONENTIAL
from tests.solvers.programs import LINEAR, moments

CLOSE_TO = {"rtol": 1e-6, "atol": 1e-6}
LOOSE = {"rtol": 1e-4, "atol": 1e-4}  # points are less precise than values


@pytest.fixture(params=CONIC)
def known(request):
    return CONIC[request.param]


@pytest.fixture(params=["clarabel", "cvxopt", "auto"])
def solver(request):
    return request.param


def overlapping_cliques(count, order, seed=0):
    """A random semidefinite program of many LMIs with unit diagonals."""
    generator = np.random.default_rng(seed)
    problem, objective, last = picos.Problem(), 0, None
    for index in range(count):
        block = picos.SymmetricVariable(f"X{index}", order)
        problem.add_list_of_constraints([block >> 0, picos.maindiag(block) == 1])
        if last is not None:
            problem.add_constraint(block[0, 1] == last[0, 1])
        weights = generator.normal(size=(order, order))
        objective += picos.Constant(weights + weights.T) | block
        last = block
    problem.minimize = objective
    return problem


def entries(constraint):
    """The vector that the constraint puts into its cone."""
    if isinstance(constraint, LMIConstraint):
        parts = (constraint.psd,)
    elif isinstance(constraint, SOCConstraint):
        parts = (constraint.ub, constraint.ne)
    elif isinstance(constraint, RSOCConstraint):
        parts = (constraint.ub1, constraint.ub2, constraint.ne)
    else:
        parts = (constraint.ge0,)
    return np.concatenate([np.array(p.value, dtype=float).ravel(order="F") for p in parts])


def depth_in_the_dual_cone(constraint, dual):
    """At least zero for multipliers that prove something."""
    if isinstance(constraint, LMIConstraint):
        return np.linalg.eigvalsh(dual.reshape(constraint.size)).min()
    if isinstance(constraint, SOCConstraint):
        return dual[0] - np.linalg.norm(dual[1:])
    if isinstance(constraint, RSOCConstraint):
        return min(*dual[:2], 4 * dual[0] * dual[1] - dual[2:] @ dual[2:])
    return 0.0 if constraint.is_equality() else dual.min()


def assert_known(solution, known, accuracy):
    assert solution.status == "optimal"
    np.testing.assert_allclose(solution.value, known.value, **CLOSE_TO)
    assert solution.primal.keys() == known.primal.keys()
    for name, expected in known.primal.items():
        np.testing.assert_allclose(solution.primal[name], expected, **accuracy)
    for found, expected in zip(solution.duals, known.duals, strict=True):
        if expected is not None:
            np.testing.assert_allclose(found, expected, **accuracy)


def test_value_primal_and_duals(known, solver):
    assert_known(solve(known.state(), solver=solver), known, LOOSE)


def test_multipliers_are_in_the_dual_cone_and_complementary(known, solver):
    problem = known.state()
    solution = solve(problem, solver=solver)
    for variable in problem.variables.values():
        variable.value = solution.primal[variable.name]
    for constraint, dual in zip(problem.constraints.values(), solution.duals, strict=True):
        assert depth_in_the_dual_cone(constraint, dual) >= -1e-6
        assert dual @ entries(constraint) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("solver", ["clarabel", "auto"])
def test_exponential_cone(solver):
    solution = solve(EXPONENTIAL.state(), solver=solver)
    assert_known(solution, EXPONENTIAL, {"rtol": 1e-3, "atol": 1e-3})
    assert solution.solver == "clarabel"


@pytest.mark.parametrize("name", LINEAR)
def test_linear_programs_as_by_highs(name):
    values = [solve(LINEAR[name].state(), solver=s).value for s in ("highs", "clarabel")]
    assert values[0] == pytest.approx(values[1], abs=1e-6)


def test_fixed_variables():
    problem = picos.Problem()
    x = picos.RealVariable("x", 2, lower=[0.25, 0], upper=[0.25, 3])
    problem.maximize = x[0] + x[1]
    problem.add_constraint(abs(x) <= 1)
    solution = solve(problem, solver="clarabel")
    np.testing.assert_allclose(solution.primal["x"], [0.25, np.sqrt(15) / 4], **CLOSE_TO)
    bounds = (("ZeroConeT", (1,)), ("NonnegativeConeT", (2,)))
    assert read_model(problem).cones == (("SecondOrderConeT", (3,)), *bounds)


@pytest.mark.parametrize(("direction", "expected"), [("min", [-1.5, 2]), ("max", [2.5, 4])])
def test_bounded_variables(direction, expected):
    problem = picos.Problem()
    x = picos.RealVariable("x", 2, lower=[-1.5, 2], upper=[2.5, 4])
    problem.set_objective(direction, x[0] + x[1])
    problem.add_constraint(abs(x) <= 10)
    np.testing.assert_allclose(solve(problem, solver="clarabel").primal["x"], expected, **CLOSE_TO)


def test_quadratic_objective_over_a_ball():
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.maximize = 5 - (x[0] - 3) ** 2 - (x[1] - 4) ** 2
    problem.add_constraint(abs(x) <= 1)
    solution = solve(problem, solver="clarabel")
    assert solution.value == pytest.approx(5 - 16, abs=1e-6)
    np.testing.assert_allclose(solution.primal["x"], [0.6, 0.8], **LOOSE)
    np.testing.assert_allclose(solution.duals[0], [8, -4.8, -6.4], **LOOSE)


def test_sparse_lmi_keeps_its_whole_multiplier():
    """Clarabel splits a sparse LMI and completes the multiplier again."""
    order = 9
    matrix = np.diag(np.arange(order) % 4.0) + np.eye(order, k=1) + np.eye(order, k=-1)
    problem, t = picos.Problem(), picos.RealVariable("t")
    problem.minimize = t
    problem.add_constraint(t * picos.I(order) >> picos.Constant(matrix))
    solution = solve(problem, solver="clarabel")
    largest = np.linalg.eigvalsh(matrix).max()
    multiplier = solution.duals[0].reshape(order, order)
    assert solution.value == pytest.approx(largest, abs=1e-6)
    assert np.trace(multiplier) == pytest.approx(1, abs=1e-6)
    assert np.sum(multiplier * matrix) == pytest.approx(largest, abs=1e-6)
    assert np.linalg.eigvalsh(multiplier).min() >= -1e-8


def test_programs_that_picos_reformulates():
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.maximize = x[0] + x[1]
    problem.add_constraint(x[0] ** 2 + 4 * x[1] ** 2 <= 1)
    assert solve(problem, solver="clarabel").value == pytest.approx(np.sqrt(5) / 2, abs=1e-6)
    problem, t = picos.Problem(), picos.RealVariable("t")
    problem.minimize = t
    problem.add_constraint(picos.exp(1 - 2 * t) <= 3)
    assert solve(problem, solver="clarabel").value == pytest.approx((1 - np.log(3)) / 2, abs=1e-6)


@pytest.mark.parametrize("direction", ["min", "max"])
def test_infeasible(direction):
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.add_list_of_constraints([abs(x) <= 1, abs(x - 3) <= 1])
    problem.set_objective(direction, x[0])
    solution = solve(problem, solver="clarabel")
    assert (solution.status, solution.primal) == ("infeasible", {})
    assert solution.duals == (None, None)
    assert np.isnan(solution.value)


@pytest.mark.parametrize("direction", ["min", "max"])
def test_unbounded(direction):
    problem, matrix = picos.Problem(), picos.SymmetricVariable("X", 2)
    sign = 1 if direction == "max" else -1
    problem.add_constraint(matrix >> 0)
    problem.set_objective(direction, sign * picos.trace(matrix))
    solution = solve(problem, solver="clarabel")
    assert (solution.status, solution.primal) == ("unbounded", {})
    assert np.isnan(solution.value)


def test_auto_takes_it_for_several_small_cones_only():
    def first(problem):
        return choice.candidates(problem, "auto")[0].name

    assert first(CONIC["enclosing_circle"].state()) == "clarabel"
    assert first(overlapping_cliques(5, 4)) == "clarabel"
    assert first(overlapping_cliques(2, choice.SMALL_ORDER)) == "clarabel"
    assert first(overlapping_cliques(1, 4)) == "cvxopt"
    assert first(overlapping_cliques(2, choice.SMALL_ORDER + 1)) == "cvxopt"
    assert first(moments(9, 8, 0).state()) == "highs"


def test_auto_turns_to_cvxopt_where_clarabel_fails(monkeypatch):
    monkeypatch.setitem(STATUSES, "Solved", "failed: for the test")
    solution = solve(CONIC["enclosing_circle"].state())
    assert (solution.solver, solution.status) == ("cvxopt", "optimal")


def test_without_the_package(monkeypatch):
    find_spec = choice.importlib.util.find_spec
    monkeypatch.setattr(
        choice.importlib.util,
        "find_spec",
        lambda name: None if name == "clarabel" else find_spec(name),
    )
    program = CONIC["enclosing_circle"]
    assert solve(program.state()).solver == "cvxopt"
    with pytest.raises(SolverUnavailable, match=r"needs the solver .* `pip install clarabel`$"):
        solve(program.state(), solver="clarabel")


def test_registering_twice_adds_one_of_everything():
    register()
    register()
    names = [option.name for option in picos_options.OPTION_OBJS]
    assert names.count("penalty_clarabel") == names.count("clarabel_params") == 1
    assert _solvers["clarabel"] is ClarabelSolver


def test_problem_made_before_registering(monkeypatch):
    older = tuple(o for o in picos_options.OPTION_OBJS if "clarabel" not in o.name)
    monkeypatch.setattr(picos_options, "OPTION_OBJS", older)
    monkeypatch.delitem(_solvers, "clarabel", raising=False)
    problems = [CONIC["hyperbola"].state() for _ in range(2)]
    assert "clarabel_params" not in problems[0].options
    assert solve(problems[0], solver="clarabel").value == pytest.approx(4)
    problems[1].solve(solver="clarabel")
    assert problems[1].value == pytest.approx(4)


def test_picos_prefers_it_to_cvxopt_for_cones():
    register()
    problem = CONIC["theta_of_the_pentagon"].state()
    problem.solve()
    assert problem.last_solution.solver == "clarabel"
    assert next(iter(problem.constraints.values())).dual.size == (5, 5)


def test_every_status_of_clarabel_has_a_meaning():
    names = {name for name in dir(clarabel.SolverStatus) if name[0].isupper()}
    assert set(STATES) == {*names, "CloseToSolved"}
    assert set(STATUSES) == {*names, "CloseToSolved"} - {"Unsolved", "CallbackTerminated"}


REDUCED = ("reduced_tol_gap_abs", "reduced_tol_gap_rel", "reduced_tol_feas")
OUT_OF_REACH = {"tol_gap_abs": 1e-30, "tol_gap_rel": 1e-30, "tol_feas": 1e-30}


@pytest.mark.parametrize(
    ("native", "state"),
    [
        (OUT_OF_REACH, states.SS_OPTIMAL),
        ({"max_iter": 5} | dict.fromkeys(REDUCED, 0.1), states.SS_FEASIBLE),
    ],
)
def test_almost_solved_is_optimal_only_if_close(native, state):
    register()
    problem = overlapping_cliques(4, 5)
    found = problem.solve(solver="clarabel", clarabel_params=native, primals=None)
    run = found.info["clarabel"]
    assert run.status == "AlmostSolved"
    assert found.primalStatus == found.dualStatus == state
    assert (max(run.gap, run.residual) < CLOSE) is (state == states.SS_OPTIMAL)


def test_every_iteration_limit_ends_as_what_it_is():
    best = solve(overlapping_cliques(4, 5), solver="clarabel")
    seen = set()
    for limit in range(1, best.iterations + 1):
        solution = solve(overlapping_cliques(4, 5), solver="clarabel", max_iterations=limit)
        seen.add(solution.status)
        assert solution.iterations <= limit
        if solution.status == "optimal":
            assert solution.value == pytest.approx(best.value, rel=1e-5)
        else:
            assert (solution.status, solution.iterations) == ("iteration limit", limit)
            assert all(dual is not None for dual in solution.duals)
    assert seen == {"optimal", "iteration limit"}


def test_tolerance():
    solutions = [
        solve(overlapping_cliques(4, 5), solver="clarabel", tolerance=t) for t in (1e-2, 1e-8)
    ]
    assert solutions[0].status == solutions[1].status == "optimal"
    assert solutions[0].iterations < solutions[1].iterations
    assert solutions[0].value == pytest.approx(solutions[1].value, rel=0.1)


def test_progress_once_per_iteration():
    reports = []
    solution = solve(overlapping_cliques(4, 5), solver="clarabel", on_progress=reports.append)
    assert [report.iteration for report in reports] == list(range(1, solution.iterations + 1))
    assert reports[-1].primal == pytest.approx(solution.value, rel=1e-6)
    assert reports[-1].dual == pytest.approx(solution.value, rel=1e-6)


def test_cancel_from_another_thread():
    started, cancel = threading.Event(), threading.Event()
    other = threading.Thread(target=lambda: (started.wait(120), cancel.set()))
    other.start()
    solution = solve(
        overlapping_cliques(40, 16),
        solver="clarabel",
        on_progress=lambda progress: started.set(),
        cancel=cancel,
        tolerance=1e-30,
    )
    other.join()
    assert solution.status == "cancelled"
    assert 0 < solution.iterations < 10
    assert all(dual is not None for dual in solution.duals)


def test_time_limit():
    solution = solve(
        overlapping_cliques(4, 5),
        solver="clarabel",
        time_limit=0.3,
        on_progress=lambda progress: time.sleep(0.1),
    )
    assert solution.status == "time limit"
    assert solution.seconds >= 0.3


def test_ctrl_c_ends_the_solve():
    """Clarabel would print the exception and go on."""

    def interrupt(signum, frame):
        raise KeyboardInterrupt

    def interrupt_soon(progress):
        if progress.iteration == 1:
            signal.setitimer(signal.ITIMER_REAL, 0.01)

    before = signal.signal(signal.SIGALRM, interrupt)
    program = overlapping_cliques(40, 16)
    try:
        with pytest.raises(KeyboardInterrupt):
            solve(program, solver="clarabel", on_progress=interrupt_soon, tolerance=1e-30)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_nothing_is_printed(capfd):
    solve(overlapping_cliques(3, 4), solver="clarabel", on_progress=lambda progress: None)
    solve(overlapping_cliques(3, 4), solver="clarabel", max_iterations=2)
    solve(EXPONENTIAL.state(), solver="clarabel")
    assert capfd.readouterr() == ("", "")


def test_verbosity_of_picos_prints(capfd):
    register()
    CONIC["hyperbola"].state().solve(solver="clarabel", verbosity=1)
    assert "Clarabel" in capfd.readouterr().out


@pytest.mark.parametrize(
    "setting", [{"colour": "red"}, {"max_iter": "many"}, {"direct_solve_method": "magic"}]
)
def test_native_setting_that_does_not_exist(setting):
    register()
    with pytest.raises(InvalidSetting, match="correct clarabel_params"):
        CONIC["hyperbola"].state().solve(solver="clarabel", clarabel_params=setting)


def test_nonconvex_objective_is_refused_with_a_reason():
    problem, x = picos.Problem(), picos.RealVariable("x", 2, lower=0, upper=1)
    problem.maximize = x[0] ** 2 + x[1] ** 2
    supported, reason = ClarabelSolver.supports(problem.footprint, explain=True)
    assert not supported
    assert "nonconvex" in reason
    with pytest.raises(InvalidSetting, match="does not solve programs of this kind"):
        solve(problem, solver="clarabel")
