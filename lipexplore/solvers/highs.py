"""HiGHS as a PICOS solver: linear, integer and convex quadratic programs.

`register` makes ``problem.solve(solver="highs")`` work. The PICOS option ``highs_params`` holds
native HiGHS options and two of our own: ``cancel``, a `threading.Event` that stops the search,
and ``on_progress``, called with a `Progress` once per iteration.

Source: https://ergo-code.github.io/HiGHS/ (options, callbacks), PICOS 2.6 ``solver.Solver``.
"""

import math
from typing import Any

import cvxopt
import numpy as np
import picos
from picos.constraints import AffineConstraint, DummyConstraint
from picos.expressions import AffineExpression, QuadraticExpression
from picos.expressions.variables import CONTINUOUS_VARTYPES
from picos.modeling import solution as states
from picos.modeling.footprint import Specification

from lipexplore.solvers.highs_model import Model, read_model
from lipexplore.solvers.highs_options import native_options
from lipexplore.solvers.highs_run import run_highs
from lipexplore.solvers.monitor import Monitor
from lipexplore.solvers.plugin import Plugin, register_plugin

OPTIMAL = (states.SS_OPTIMAL, states.SS_OPTIMAL, states.PS_FEASIBLE)
STOPPED = (states.SS_PREMATURE, states.SS_PREMATURE, states.PS_UNKNOWN)
FAILED = (states.SS_FAILURE, states.SS_FAILURE, states.PS_UNKNOWN)
STATES = {
    "kOptimal": OPTIMAL,
    "kModelEmpty": OPTIMAL,
    "kInfeasible": (states.SS_INFEASIBLE, states.SS_UNKNOWN, states.PS_INFEASIBLE),
    "kUnbounded": (states.SS_UNKNOWN, states.SS_INFEASIBLE, states.PS_UNBOUNDED),
    "kUnboundedOrInfeasible": (states.SS_UNKNOWN, states.SS_UNKNOWN, states.PS_INF_OR_UNB),
    "kTimeLimit": STOPPED,
    "kIterationLimit": STOPPED,
    "kInterrupt": STOPPED,
    "kHighsInterrupt": STOPPED,
    "kSolutionLimit": STOPPED,
    "kMemoryLimit": STOPPED,
    "kObjectiveBound": STOPPED,
    "kObjectiveTarget": STOPPED,
    "kUnknown": (states.SS_UNKNOWN, states.SS_UNKNOWN, states.PS_UNSTABLE),
    "kNotset": FAILED,
    "kLoadError": FAILED,
    "kModelError": FAILED,
    "kPresolveError": FAILED,
    "kSolveError": FAILED,
    "kPostsolveError": FAILED,
}
"""(primal, dual, problem) state of PICOS for every model status of HiGHS."""


class HighsSolver(Plugin):
    """Interface between PICOS and HiGHS."""

    PENALTY = 0.5  # before every other free solver of linear programs
    PROGRAMS = (
        Specification(
            objectives=[AffineExpression],
            constraints=[DummyConstraint, AffineConstraint],
        ),
        Specification(
            objectives=[QuadraticExpression],
            variables=CONTINUOUS_VARTYPES,
            constraints=[DummyConstraint, AffineConstraint],
        ),
    )

    @classmethod
    def test_availability(cls) -> None:
        """Raise ModuleNotFoundError where highspy is not installed."""
        cls.check_import("highspy")

    @classmethod
    def names(cls) -> tuple[str, str, str, None]:
        """Return keyword, short name, long name and (no) interface name."""
        return "highs", "HiGHS", "HiGHS optimisation solvers", None

    def _import_problem(self) -> None:
        self.int = read_model(self.ext)

    def _solve(self) -> Any:
        model: Model = self.int
        self._handle_unsupported_options("treememory", "hotstart", "lp_node_method")
        native = native_options(self.ext.options)
        monitor = Monitor(
            native.get("time_limit"), native.pop("cancel", None), native.pop("on_progress", None)
        )
        monitor.measure(model.sign, model.offset)
        with self._header(), self._stopwatch():
            found = run_highs(model, native, monitor, to_console=self.verbosity() >= 1)
        monitor.reraise()
        primal, dual, whole = STATES[found.status]
        if primal == states.SS_PREMATURE and found.feasible:
            primal = states.SS_FEASIBLE
        return self._make_solution(
            found.objective if math.isfinite(found.objective) else None,
            self._primals(model.columns, found.columns),
            self._duals(model, found.rows),
            primal,
            dual,
            whole,
            {"highs": found, "stopped": monitor.stopped},
        )

    def _duals(self, model: Model, values: np.ndarray | None) -> dict[Any, Any]:
        if values is None or self.ext.options.duals is False:
            return {}
        duals = {}
        for constraint in self.ext.constraints.values():
            if isinstance(constraint, DummyConstraint):
                duals[constraint] = cvxopt.spmatrix([], [], [], constraint.size)
                continue
            part = values[model.rows[constraint]]
            upper = constraint.is_increasing() and not constraint.is_equality()
            duals[constraint] = cvxopt.matrix(-part if upper else part, constraint.size)
        return duals


def register(problem: picos.Problem | None = None) -> None:
    """Make HiGHS known to PICOS; calling it again changes nothing.

    Parameters
    ----------
    problem
        A problem made before the first call, whose options lack those of HiGHS: they are added.
    """
    register_plugin(HighsSolver, problem)
