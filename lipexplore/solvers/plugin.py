"""What our solvers have in common as plug-ins of PICOS, and how PICOS comes to know them.

PICOS has no official way to add a solver. `register_plugin` inserts the class into its table of
solvers and adds the two options that PICOS expects of every solver.

Source: PICOS 2.6 ``solvers/solver.py``, ``modeling/options.py``, ``modeling/strategy.py``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

import cvxopt
from picos.modeling import options as picos_options
from picos.solvers import _solvers
from picos.solvers.solver import Solver

if TYPE_CHECKING:
    import numpy as np
    import picos
    from picos.modeling.footprint import Specification

    from lipexplore.solvers.records import Settings

TOLERANCES = (
    "abs_prim_fsb_tol",
    "rel_prim_fsb_tol",
    "abs_dual_fsb_tol",
    "rel_dual_fsb_tol",
    "abs_ipm_opt_tol",
    "rel_ipm_opt_tol",
)


class Plugin(Solver):  # type: ignore[misc]
    """Base of the interfaces between PICOS and a free solver of ours.

    A subclass says which ``PROGRAMS`` it takes as they are, and its ``PENALTY``: the lower, the
    earlier PICOS chooses it (CVXOPT has 1.0, and 1.0 more counts as much as a tenfold size).
    """

    int: Any  # PICOS's name for the imported program, None before the import

    PROGRAMS: ClassVar[tuple[Specification, ...]]
    PENALTY: ClassVar[float]

    @classmethod
    def supports(cls, footprint: Any, explain: bool = False) -> Any:
        """Whether programs of this footprint can be imported, with a reason if asked to explain."""
        supported = Solver.supports(footprint, explain)
        if not (supported[0] if explain else supported):
            return supported
        reason = None
        if footprint.nonconvex_quadratic_objective:
            reason = "QPs with a nonconvex objective."
        elif not any(footprint in programs for programs in cls.PROGRAMS):
            reason = cls.PROGRAMS[0].mismatch_reason(footprint)
        return (reason is None, reason) if explain else reason is None

    @classmethod
    def default_penalty(cls) -> float:
        """Return the penalty of options that say nothing else."""
        return cls.PENALTY

    @classmethod
    def penalty(cls, options: Any) -> float:
        """Return the penalty, also for options made before the registration."""
        name = f"penalty_{cls.names()[0]}"
        return float(options[name]) if name in options else cls.PENALTY

    @classmethod
    def is_free(cls) -> bool:
        """Return True: our plug-ins are for free solvers."""
        return True

    def reset_problem(self) -> None:
        """Forget the imported program."""
        self.int = None

    def _update_problem(self) -> None:
        raise NotImplementedError

    def _primals(self, columns: dict[Any, slice], values: np.ndarray | None) -> dict[Any, Any]:
        if values is None or self.ext.options.primals is False:
            return {}
        return {variable: cvxopt.matrix(values[part]) for variable, part in columns.items()}


def register_plugin(plugin: type[Plugin], problem: picos.Problem | None = None) -> None:
    """Make a solver known to PICOS; calling it again changes nothing.

    Parameters
    ----------
    plugin
        The interface class.
    problem
        A problem made before the first call, whose options lack those of the solver: they are
        added.
    """
    key, name = plugin.names()[:2]
    known = {option.name for option in picos_options.OPTION_OBJS}
    if _solvers.setdefault(key, plugin) is plugin and f"{key}_params" not in known:
        picos_options.OPTION_OBJS += (
            picos_options.Option(
                f"penalty_{key}", float, plugin.PENALTY, f"Penalty for using {name}."
            ),
            picos_options.Option(f"{key}_params", dict, {}, f"Native options of {name}."),
        )
    if problem is not None:
        for option in picos_options.OPTION_OBJS:
            problem.options._options.setdefault(option.name, option.copy())


def solve_by_plugin(
    plugin: type[Plugin], problem: picos.Problem, settings: Settings, native: dict[str, Any]
) -> tuple[picos.Solution, float]:
    """Return PICOS's record of the run, not applied to the problem, and the seconds it took.

    The solver's own defaults replace PICOS's tolerances.
    """
    register_plugin(plugin, problem)
    native = native | {"cancel": settings.cancel, "on_progress": settings.on_progress}
    if settings.time_limit is not None:
        native["time_limit"] = float(settings.time_limit)
    key = plugin.names()[0]
    start = time.perf_counter()
    found = problem.solve(
        solver=key,
        max_iterations=settings.max_iterations,
        primals=None,
        apply_solution=False,
        verbosity=-1,
        **{f"{key}_params": native},
        **dict.fromkeys(TOLERANCES),
    )
    return found, time.perf_counter() - start
