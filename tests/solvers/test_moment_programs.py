"""Programs of the Krivine kind: three solvers agree, and any early end leaves a valid bound."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import linprog

from lipexplore.solvers import Progress, monitor, solve
from tests.solvers.programs import moments

SOLVERS = ["highs", "cvxopt", "clarabel"]


@pytest.fixture(scope="module")
def small():
    return moments(5, 4, seed=0)


@pytest.fixture(scope="module")
def medium():
    return moments(16, 15, seed=1)


@pytest.fixture(scope="module")
def medium_optimum(medium):
    return solve(medium.state(), solver="highs-pdlp", tolerance=1e-7).value


def reference(program):
    matrix = scipy.sparse.csr_matrix(
        (program.values, (program.rows, program.columns)), shape=program.shape
    )
    found = linprog(
        -program.p, A_ub=-matrix, b_ub=program.a, bounds=(None, None), method="highs-ds"
    )
    return program.constant - found.fun


@pytest.mark.parametrize("seed", range(4))
def test_solvers_agree(seed):
    program = moments(4 + seed, 3, seed)
    optimum = reference(program)
    for solver, precision in (
        ("highs", 1e-6),
        ("cvxopt", 1e-6),
        ("clarabel", 1e-6),
        ("highs-pdlp", 1e-3),
    ):
        solution = solve(program.state(), solver=solver)
        assert solution.status == "optimal"
        assert solution.value == pytest.approx(optimum, rel=precision)
        bound = program.repaired(solution.duals[0])
        assert optimum - 1e-9 <= bound <= optimum + 10 * precision * abs(optimum)


@pytest.mark.parametrize("solver", SOLVERS)
def test_iteration_limit_leaves_multipliers(small, solver):
    solution = solve(small.state(), solver=solver, max_iterations=6)
    assert solution.status == "iteration limit"
    assert solution.iterations == 6
    assert solution.duals[0].shape == small.a.shape
    assert solution.duals[0].min() >= -1e-12
    assert reference(small) < small.repaired(solution.duals[0]) < small.repaired(0 * small.a)


@pytest.mark.parametrize("solver", SOLVERS)
def test_time_limit_leaves_multipliers(medium, medium_optimum, solver, monkeypatch):
    """On a clock where every iteration takes a thousand seconds."""
    now = [0.0]

    def tick(progress):
        now[0] = 1000.0 * progress.iteration

    monkeypatch.setattr(monitor, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    solution = solve(medium.state(), solver=solver, time_limit=2500.0, on_progress=tick)
    assert solution.status == "time limit"
    assert solution.iterations == 3
    assert medium.repaired(solution.duals[0]) > medium_optimum


@pytest.mark.parametrize("solver", [*SOLVERS, "highs-pdlp"])
def test_time_limit_before_the_first_iteration(medium, solver):
    solution = solve(medium.state(), solver=solver, time_limit=1e-9)
    assert solution.status == "time limit"
    assert solution.iterations == 0
    assert np.isnan(solution.value)
    assert solution.duals == (None,)


@pytest.mark.parametrize("solver", SOLVERS)
def test_progress_comes_once_per_iteration(small, solver):
    reports: list[Progress] = []
    solution = solve(small.state(), solver=solver, on_progress=reports.append)
    assert [report.iteration for report in reports] == list(range(1, solution.iterations + 1))
    seconds = [report.seconds for report in reports]
    assert seconds == sorted(seconds)
    assert reports[-1].primal == pytest.approx(solution.value, rel=1e-6)
    assert reports[-1].dual == pytest.approx(solution.value, rel=1e-6)
    assert all(report.primal < report.dual for report in reports[-5:-1])  # a maximisation


def test_progress_of_the_first_order_method(small):
    reports: list[Progress] = []
    solution = solve(small.state(), solver="highs-pdlp", on_progress=reports.append)
    assert reports[-1].iteration == solution.iterations
    assert reports[-1].primal == pytest.approx(solution.value, rel=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_cancel_between_iterations(small, solver):
    cancel = threading.Event()

    def set_at_four(progress):
        if progress.iteration == 4:
            cancel.set()

    solution = solve(small.state(), solver=solver, on_progress=set_at_four, cancel=cancel)
    assert solution.status == "cancelled"
    assert solution.iterations == 4
    assert small.repaired(solution.duals[0]) > reference(small)


@pytest.mark.parametrize("solver", SOLVERS)
def test_cancel_from_another_thread(medium, solver):
    started, cancel = threading.Event(), threading.Event()
    other = threading.Thread(target=lambda: (started.wait(120), cancel.set()))
    other.start()
    solution = solve(
        medium.state(), solver=solver, on_progress=lambda progress: started.set(), cancel=cancel
    )
    other.join()
    assert solution.status == "cancelled"
    assert solution.iterations > 0


@pytest.mark.parametrize("error", [KeyError, ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("solver", [*SOLVERS, "highs-pdlp"])
def test_an_error_in_the_callback_ends_the_solve(small, solver, error):
    calls = []

    def fail(progress):
        calls.append(progress)
        raise error("from the callback")

    with pytest.raises(error, match="from the callback"):
        solve(small.state(), solver=solver, on_progress=fail)
    assert len(calls) == 1


@pytest.mark.parametrize("solver", [*SOLVERS, "highs-pdlp"])
def test_nothing_is_printed(small, solver, capfd):
    solve(small.state(), solver=solver, on_progress=lambda progress: None)
    solve(small.state(), solver=solver, max_iterations=3)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_the_number_of_threads_may_change(small):
    values = [solve(small.state(), solver="highs", threads=n).value for n in (2, 1, 2)]
    assert values == pytest.approx([values[0]] * 3)
