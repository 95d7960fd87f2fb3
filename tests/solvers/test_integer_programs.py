"""Integer programs through HiGHS."""

import threading
from itertools import product

import numpy as np
import picos
import pytest

from lipexplore.errors import InvalidSetting
from lipexplore.solvers import solve


def knapsack(size, seed):
    generator = np.random.default_rng(seed)
    worth, weight = generator.integers(5, 40, size), generator.integers(5, 40, size)
    problem, x = picos.Problem(), picos.BinaryVariable("x", size)
    problem.maximize = (picos.Constant(worth) | x) + 0.5
    problem.add_constraint((picos.Constant(weight) | x) <= float(weight.sum() // 2))
    return problem, worth, weight


def test_knapsack_by_brute_force():
    problem, worth, weight = knapsack(12, 0)
    points = np.array(list(product((0, 1), repeat=12)))
    best = (points @ worth)[points @ weight <= weight.sum() // 2].max() + 0.5
    solution = solve(problem)
    assert (solution.solver, solution.status) == ("highs", "optimal")
    assert solution.value == pytest.approx(best)
    assert solution.bound == pytest.approx(best)
    assert solution.primal["x"] @ worth + 0.5 == pytest.approx(best)
    assert solution.duals == (None,)


def test_integer_variable_with_bounds():
    problem, n = picos.Problem(), picos.IntegerVariable("n", 2, lower=-3, upper=4)
    problem.minimize = n[0] - 2 * n[1]
    problem.add_constraint(2 * n[0] - 3 * n[1] >= -8.5)
    solution = solve(problem)
    candidates = [(a - 2 * b, (a, b)) for a in range(-3, 5) for b in range(-3, 5)]
    value, point = min(c for c in candidates if 2 * c[1][0] - 3 * c[1][1] >= -8.5)
    assert solution.value == pytest.approx(value)
    assert tuple(np.round(solution.primal["n"])) == point


def hard_program():
    generator = np.random.default_rng(3)
    rows = generator.integers(1, 60, (6, 60)).astype(float)
    problem, x = picos.Problem(), picos.BinaryVariable("x", 60)
    problem.maximize = picos.Constant(rows.mean(axis=0) + generator.uniform(0, 5, 60)) | x
    problem.add_constraint(picos.Constant(rows) * x <= picos.Constant(rows.sum(axis=1) // 2))
    return problem


def test_dual_bound_of_an_early_stop_is_on_the_far_side():
    reports = []
    solution = solve(hard_program(), time_limit=1.5, on_progress=reports.append)
    assert solution.status == "time limit"
    assert solution.value < solution.bound < np.inf
    assert reports
    assert reports[-1].dual >= solution.bound - 1e-6


def test_cancel_from_another_thread():
    started, cancel = threading.Event(), threading.Event()
    other = threading.Thread(target=lambda: (started.wait(120), cancel.set()))
    other.start()

    def tell(progress):
        if progress.primal is not None and progress.dual is not None:
            started.set()

    solution = solve(hard_program(), cancel=cancel, on_progress=tell)
    other.join()
    assert solution.status == "cancelled"
    assert solution.value < solution.bound


def test_other_solvers_refuse():
    for name in ("cvxopt", "highs-pdlp", "clarabel"):
        with pytest.raises(InvalidSetting, match="does not solve programs of this kind"):
            solve(knapsack(4, 1)[0], solver=name)
