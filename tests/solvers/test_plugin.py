"""HiGHS as a plug-in of PICOS, and the table of solvers."""

import subprocess
import sys

import highspy
import picos
import pytest
from picos.modeling import options as picos_options
from picos.solvers import _solvers

from lipexplore.errors import InvalidSetting, SolverUnavailable
from lipexplore.solvers import SOLVERS, choice, solve, solver_names
from lipexplore.solvers.highs import STATES, HighsSolver, register
from tests.solvers.programs import LINEAR, moments


@pytest.fixture
def without_highspy(monkeypatch):
    find_spec = choice.importlib.util.find_spec
    monkeypatch.setattr(
        choice.importlib.util,
        "find_spec",
        lambda name: None if name == "highspy" else find_spec(name),
    )


def test_registering_twice_adds_one_of_everything():
    register()
    register()
    names = [option.name for option in picos_options.OPTION_OBJS]
    assert names.count("penalty_highs") == names.count("highs_params") == 1
    assert _solvers["highs"] is HighsSolver


def test_every_status_of_highs_has_a_meaning():
    assert set(highspy.HighsModelStatus.__members__) == set(STATES)


def test_picos_itself_can_use_it():
    register()
    known = LINEAR["max_less"]
    problem = known.state()
    problem.solve(solver="highs", duals=True)
    assert problem.value == pytest.approx(known.value)
    assert [c.dual for c in problem.constraints.values()] == pytest.approx([2, 0, 1])


def test_picos_prefers_it_for_linear_programs():
    register()
    problem = LINEAR["min_equal"].state()
    problem.solve()
    assert problem.last_solution.solver == "highs"


def test_problem_made_before_registering(monkeypatch):
    older = tuple(o for o in picos_options.OPTION_OBJS if "highs" not in o.name)
    monkeypatch.setattr(picos_options, "OPTION_OBJS", older)
    monkeypatch.delitem(_solvers, "highs", raising=False)
    problem = LINEAR["min_greater"].state()
    assert "highs_params" not in problem.options
    assert solve(problem, solver="highs").value == pytest.approx(1)


def test_plug_in_solves_with_options_that_lack_its_own(monkeypatch):
    older = tuple(o for o in picos_options.OPTION_OBJS if "highs" not in o.name)
    monkeypatch.setattr(picos_options, "OPTION_OBJS", older)
    problem = LINEAR["min_greater"].state()
    register()
    problem.solve(solver="highs")
    assert problem.value == pytest.approx(1)


@pytest.mark.parametrize("method", ["interior", "psimplex", "dsimplex"])
def test_root_methods(method):
    register()
    problem = LINEAR["min_equal"].state()
    problem.solve(solver="highs", lp_root_method=method, timelimit=10, max_iterations=100)
    assert problem.value == pytest.approx(4.5)


def test_native_option_that_does_not_exist():
    register()
    with pytest.raises(InvalidSetting, match="HiGHS has no option 'colour'"):
        LINEAR["min_equal"].state().solve(solver="highs", highs_params={"colour": "red"})


def test_nonconvex_objective_is_refused_with_a_reason():
    problem, x = picos.Problem(), picos.RealVariable("x", 2, lower=0, upper=1)
    problem.maximize = x[0] ** 2 + x[1] ** 2
    supported, reason = HighsSolver.supports(problem.footprint, explain=True)
    assert not supported
    assert "nonconvex" in reason


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(InvalidSetting, match="auto, highs, highs-pdlp, cvxopt, clarabel"):
        solve(LINEAR["min_equal"].state(), solver="simplex")


@pytest.mark.parametrize(
    "setting", [{"time_limit": 0}, {"max_iterations": -1}, {"tolerance": 0.0}, {"threads": 0}]
)
def test_numbers_must_be_positive(setting):
    with pytest.raises(InvalidSetting, match="above 0"):
        solve(LINEAR["min_equal"].state(), **setting)


def test_without_highspy_linear_programs_go_to_cvxopt(without_highspy):
    assert solve(LINEAR["max_less"].state()).solver == "cvxopt"
    assert [line.name for line in SOLVERS if line.available] == ["cvxopt", "clarabel"]


def test_without_highspy_asking_for_it_says_how_to_get_it(without_highspy):
    with pytest.raises(SolverUnavailable, match="pip install highspy"):
        solve(LINEAR["max_less"].state(), solver="highs")
    problem, x = picos.Problem(), picos.BinaryVariable("x", 2)
    problem.maximize = picos.sum(x)
    with pytest.raises(SolverUnavailable, match="pip install highspy"):
        solve(problem)


def test_auto_takes_cvxopt_for_small_and_highs_for_large_programs():
    assert solve(moments(4, 3, 0).state()).solver == "cvxopt"
    assert solve(moments(9, 8, 0).state()).solver == "highs"


def test_auto_turns_to_highs_where_cvxopt_fails():
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.add_constraint(x[0] >= x[1])
    problem.minimize = x[0] - x[1]
    solution = solve(problem)
    assert (solution.solver, solution.status) == ("highs", "optimal")
    assert solution.value == pytest.approx(0, abs=1e-6)


def test_names_need_no_solver_package():
    code = (
        "import sys, lipexplore.solvers as s; s.solver_names(); [c.available for c in s.SOLVERS];"
        "sys.exit(bool({'picos', 'cvxopt', 'highspy', 'clarabel', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert solver_names()[0] == "auto"
