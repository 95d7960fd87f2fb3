"""What goes into a solve and what comes out: frozen, picklable records."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.errors import InvalidSetting

if TYPE_CHECKING:
    from lipexplore.solvers.structured_kkt import DiagonalProductLMI


@dataclass(frozen=True)
class Progress:
    """One iteration of a solver; ``primal`` and ``dual`` are iterates, NOT bounds.

    For an integer program ``iteration`` counts explored nodes, ``primal`` is the best solution
    found and ``dual`` the best bound. ``seconds`` run from the start of the solve.
    """

    iteration: int
    primal: float | None
    dual: float | None
    seconds: float


@dataclass(frozen=True)
class Solution:
    """What a solver left behind, in numpy arrays.

    Parameters
    ----------
    status
        "optimal", "time limit", "iteration limit", "cancelled", "infeasible", "unbounded" or
        "failed: ..." with the reason.
    value
        The solver's primal objective; nan if there is none. Never a proof.
    primal
        By variable name, vectors flat and matrices in their shape; empty if there is none.
    duals
        One flat array per constraint in the problem's order, None where there is none.
        Multipliers of inequalities are >= 0 at an optimum, whichever way the inequality and the
        objective point; the multiplier of an equality ``lhs == rhs`` is the rate at which the
        optimal value of a minimisation rises with ``rhs`` (falls, for a maximisation). Solvers
        that stop early leave their last iterate.
    solver
        Name of the solver that ran.
    iterations
        Interior-point, simplex or first-order iterations.
    seconds
        Wall-clock time of import, solve and reading.
    bound
        For an integer program the solver's floating-point bound on the optimum, else nan.
    """

    status: str
    value: float
    primal: dict[str, np.ndarray]
    duals: tuple[np.ndarray | None, ...]
    solver: str
    iterations: int
    seconds: float
    bound: float = math.nan


@dataclass(frozen=True)
class Settings:
    """How long and how precisely to solve; None leaves the choice to the solver's table entry."""

    time_limit: float | None = None
    max_iterations: int | None = None
    tolerance: float | None = None
    threads: int = 1
    on_progress: Callable[[Progress], None] | None = None
    cancel: Event | None = None
    structure: "DiagonalProductLMI | None" = None

    def __post_init__(self) -> None:
        for name in ("time_limit", "max_iterations", "tolerance", "threads"):
            number = getattr(self, name)
            if number is not None and not number > 0:
                raise InvalidSetting(f"{name} is {number}: give a number above 0")
