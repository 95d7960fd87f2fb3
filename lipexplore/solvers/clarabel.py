"""Clarabel as a PICOS solver: linear, second-order, semidefinite, exponential, quadratic programs.

`register` makes ``problem.solve(solver="clarabel")`` work. The PICOS option ``clarabel_params``
holds native settings of Clarabel and two of our own: ``cancel``, a `threading.Event` that stops
the search, and ``on_progress``, called with a `Progress` once per iteration.

Clarabel factors one system whose blocks are as large as the cones: many small cones are quick, one
LMI of order N costs a dense block of order N(N+1)/2, set up before the clock is first looked at.

Source: https://clarabel.org/stable/, PICOS 2.6 ``solver.Solver``.
"""

import math
from typing import Any

import cvxopt
import numpy as np
import picos
from picos.constraints import (
    AffineConstraint,
    DummyConstraint,
    ExpConeConstraint,
    LMIConstraint,
    RSOCConstraint,
    SOCConstraint,
)
from picos.expressions import AffineExpression, QuadraticExpression
from picos.expressions.variables import CONTINUOUS_VARTYPES
from picos.modeling import solution as states
from picos.modeling.footprint import Specification

from lipexplore.solvers.clarabel_model import Model, read_model
from lipexplore.solvers.clarabel_options import native_options
from lipexplore.solvers.clarabel_run import named_status, run_clarabel
from lipexplore.solvers.monitor import Monitor
from lipexplore.solvers.plugin import Plugin, register_plugin

OPTIMAL = (states.SS_OPTIMAL, states.SS_OPTIMAL, states.PS_FEASIBLE)
INFEASIBLE = (states.SS_INFEASIBLE, states.SS_UNKNOWN, states.PS_INFEASIBLE)
UNBOUNDED = (states.SS_UNKNOWN, states.SS_INFEASIBLE, states.PS_UNBOUNDED)
STOPPED = (states.SS_PREMATURE, states.SS_PREMATURE, states.PS_UNKNOWN)
UNSTABLE = (states.SS_UNKNOWN, states.SS_UNKNOWN, states.PS_UNSTABLE)
STATES = {
    "Solved": OPTIMAL,
    "CloseToSolved": OPTIMAL,
    "AlmostSolved": (states.SS_FEASIBLE, states.SS_FEASIBLE, states.PS_FEASIBLE),
    "PrimalInfeasible": INFEASIBLE,
    "AlmostPrimalInfeasible": INFEASIBLE,
    "DualInfeasible": UNBOUNDED,
    "AlmostDualInfeasible": UNBOUNDED,
    "MaxIterations": STOPPED,
    "MaxTime": STOPPED,
    "CallbackTerminated": STOPPED,
    "NumericalError": UNSTABLE,
    "InsufficientProgress": UNSTABLE,
    "Unsolved": (states.SS_FAILURE, states.SS_FAILURE, states.PS_UNKNOWN),
}
"""(primal, dual, problem) state of PICOS for every status of Clarabel, and one of our own."""


class ClarabelSolver(Plugin):
    """Interface between PICOS and Clarabel."""

    PENALTY = 0.8  # after HiGHS, before CVXOPT
    PROGRAMS = (
        Specification(
            objectives=[AffineExpression, QuadraticExpression],
            variables=CONTINUOUS_VARTYPES,
            constraints=[
                DummyConstraint,
                AffineConstraint,
                SOCConstraint,
                RSOCConstraint,
                LMIConstraint,
                ExpConeConstraint,
            ],
        ),
    )

    @classmethod
    def test_availability(cls) -> None:
        """Raise ModuleNotFoundError where clarabel is not installed."""
        cls.check_import("clarabel")

    @classmethod
    def names(cls) -> tuple[str, str, str, None]:
        """Return keyword, short name, long name and (no) interface name."""
        return "clarabel", "Clarabel", "Clarabel interior point solver", None

    def _import_problem(self) -> None:
        self.int = read_model(self.ext)

    def _solve(self) -> Any:
        model: Model = self.int
        self._handle_unsupported_options(
            "lp_root_method", "lp_node_method", "treememory", "max_fsb_nodes", "hotstart"
        )
        native = native_options(self.ext.options)
        monitor = Monitor(
            native.get("time_limit"), native.pop("cancel", None), native.pop("on_progress", None)
        )
        monitor.measure(model.objective.sign, model.objective.offset)
        with self._header(), self._stopwatch():
            found = run_clarabel(model, native, monitor, to_console=self.verbosity() >= 1)
        monitor.reraise()
        return self._make_solution(
            found.objective if math.isfinite(found.objective) else None,
            self._primals(model.columns, found.x),
            self._duals(model, found.z),
            *STATES[named_status(found)],
            {"clarabel": found, "stopped": monitor.stopped},
        )

    def _duals(self, model: Model, z: np.ndarray) -> dict[Any, Any]:
        if self.ext.options.duals is False:
            return {}
        values = model.multipliers(z)
        return {
            constraint: cvxopt.matrix(values[model.entries[constraint]], constraint.size)
            if constraint in model.entries
            else cvxopt.spmatrix([], [], [], constraint.size)
            for constraint in self.ext.constraints.values()
        }


def register(problem: picos.Problem | None = None) -> None:
    """Make Clarabel known to PICOS; calling it again changes nothing.

    Parameters
    ----------
    problem
        A problem made before the first call, whose options lack those of Clarabel: they are added.
    """
    register_plugin(ClarabelSolver, problem)
