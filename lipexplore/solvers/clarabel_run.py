"""One run of Clarabel: pass the model, watch the iterations, read the end."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from lipexplore.errors import InvalidSetting
from lipexplore.solvers.clarabel_model import Model
from lipexplore.solvers.monitor import Monitor

if TYPE_CHECKING:
    import clarabel

CLOSE = 1e-6
"""Largest gap and residuals of an end that Clarabel calls almost solved and we call optimal."""


@dataclass(frozen=True)
class Run:
    """How a run of Clarabel ended; ``z`` holds the multipliers of the model's rows."""

    status: str
    objective: float
    x: np.ndarray
    z: np.ndarray
    iterations: int
    gap: float
    residual: float


def run_clarabel(
    model: Model, native: dict[str, Any], monitor: Monitor, *, to_console: bool
) -> Run:
    """Solve the model with native settings, stopping when the monitor says so."""
    import clarabel

    size = len(model.objective.cost)
    hessian = model.objective.hessian
    quadratic = scipy.sparse.csc_matrix((size, size)) if hessian is None else hessian
    solver = _made(
        scipy.sparse.triu(quadratic, format="csc"),
        model.objective.cost,
        model.matrix,
        model.right,
        [getattr(clarabel, name)(*arguments) for name, arguments in model.cones],
        _settings({"verbose": to_console} | native),
    )
    raised: list[BaseException] = []
    watcher = _watch(monitor, raised)
    next(watcher)
    solver.set_termination_callback(watcher.send)
    found = solver.solve()
    if raised:
        raise raised[0]
    info = solver.get_info()
    return Run(
        status=str(found.status),
        objective=model.objective.sign * float(found.obj_val) + model.objective.offset,
        x=np.array(found.x, dtype=float),
        z=np.array(found.z, dtype=float),
        iterations=found.iterations,
        gap=min(info.gap_abs, info.gap_rel),
        residual=max(info.res_primal, info.res_dual),
    )


def named_status(run: Run) -> str:
    """Return Clarabel's status, or "CloseToSolved" for an almost solved program that is close."""
    close = max(run.gap, run.residual) < CLOSE
    return "CloseToSolved" if run.status == "AlmostSolved" and close else run.status


def _settings(native: dict[str, Any]) -> Any:
    import clarabel

    settings = clarabel.DefaultSettings()
    for name, value in native.items():
        try:
            setattr(settings, name, value)
        except (AttributeError, TypeError, OverflowError) as error:
            raise InvalidSetting(
                f"Clarabel has no setting {name!r} with value {value!r}: correct clarabel_params"
            ) from error
    return settings


def _made(*arguments: Any) -> Any:
    import clarabel

    try:
        return clarabel.DefaultSolver(*arguments)
    except Exception as error:
        if "settings" not in str(error):
            raise
        raise InvalidSetting(f"{error}: correct clarabel_params") from error


def _watch(
    monitor: Monitor, raised: list[BaseException]
) -> Generator[bool, clarabel.DefaultInfo, None]:
    """Take the state at the start of every iteration, and say whether Clarabel shall stop.

    Clarabel prints what a callback raises and goes on, so nothing may leave this one. It is a
    generator because Ctrl-C is raised where Python code is entered: here that is inside ``try``.
    """
    stop = False
    while True:
        try:
            info = yield stop
            if info.iterations > 0:
                monitor.report(info.iterations, info.cost_primal, info.cost_dual)
            stop = monitor.should_stop()
        except GeneratorExit:
            return
        except BaseException as error:  # noqa: BLE001 (raised again by run_clarabel)
            raised.append(error)
            stop = True
