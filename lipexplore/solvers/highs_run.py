"""One run of HiGHS: pass the model, watch the iterations, read the end."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.solvers.highs_model import Model
from lipexplore.solvers.monitor import Monitor

NUMBER = r"([-+]?\d\.\d+e[-+]\d+)"
ITERATION = re.compile(rf"\s*(\d+)\*?\s+{NUMBER}\s+{NUMBER}\s")
"""A log line of the interior point and first-order solvers: iteration, primal, dual, ..."""

DUALIZED = re.compile(r"Dualized model:\s+yes")
"""From this log line on the interior point solver prints the numbers of the dual program."""

PRINTS_TO_STDOUT = {"pdlp", "cupdlpc"}
"""Solvers of HiGHS that write their log past its callbacks."""


@dataclass(frozen=True)
class Run:
    """How a run of HiGHS ended; arrays are None where HiGHS calls them invalid."""

    status: str
    objective: float
    feasible: bool
    columns: np.ndarray | None
    rows: np.ndarray | None
    iterations: int
    bound: float


def run_highs(model: Model, native: dict[str, Any], monitor: Monitor, *, to_console: bool) -> Run:
    """Solve the model with native options, stopping when the monitor says so."""
    import highspy

    # Its threads are shared by the whole process and refuse to change their number.
    highspy.Highs.resetGlobalScheduler(True)
    highs = highspy.Highs()
    logged = to_console or native.get("solver") not in PRINTS_TO_STDOUT
    _set_options(highs, {"output_flag": logged, "log_to_console": to_console} | native)
    _pass_model(highs, model)
    _watch(highs, monitor, integer=bool(model.integral.any()))
    highs.run()
    return _read(highs, model)


def _set_options(highs: Any, native: dict[str, Any]) -> None:
    import highspy

    for name, value in native.items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise InvalidSetting(
                f"HiGHS has no option {name!r} with value {value!r}: correct highs_params"
            )


def _pass_model(highs: Any, model: Model) -> None:
    import highspy

    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = model.matrix.shape
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = model.cost, model.lower, model.upper
    lp.row_lower_, lp.row_upper_ = model.row_lower, model.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = model.matrix.indptr, model.matrix.indices
    lp.a_matrix_.value_ = model.matrix.data
    if model.integral.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(flag)] for flag in model.integral]
    highs.passModel(lp)
    if model.hessian is not None:
        hessian = highspy.HighsHessian()
        hessian.dim_ = model.hessian.shape[0]
        hessian.format_ = highspy.HessianFormat.kTriangular
        hessian.start_, hessian.index_ = model.hessian.indptr, model.hessian.indices
        hessian.value_ = model.hessian.data
        highs.passHessian(hessian)


def _watch(highs: Any, monitor: Monitor, *, integer: bool) -> None:
    for interruptible in (highs.cbSimplexInterrupt, highs.cbIpmInterrupt, highs.cbMipInterrupt):
        interruptible.subscribe(_stop_if_asked(monitor))
    if integer:
        highs.cbMipLogging.subscribe(_report_nodes(monitor))
    else:
        highs.cbLogging.subscribe(_report_iteration(monitor))


def _stop_if_asked(monitor: Monitor) -> Callable[[Any], None]:
    def callback(event: Any) -> None:
        if monitor.should_stop():
            event.interrupt()

    return callback


def _report_iteration(monitor: Monitor) -> Callable[[Any], None]:
    dualized = False

    def callback(event: Any) -> None:
        nonlocal dualized
        dualized = dualized or DUALIZED.search(event.message) is not None
        line = ITERATION.match(event.message)
        if line and int(line[1]) > 0:
            primal, dual = float(line[2]), float(line[3])
            ends = (-dual, -primal) if dualized else (primal, dual)
            monitor.report(int(line[1]), *ends)

    return callback


def _report_nodes(monitor: Monitor) -> Callable[[Any], None]:
    def callback(event: Any) -> None:
        out = event.data_out
        ends = (out.mip_primal_bound, out.mip_dual_bound)
        primal, dual = (end if np.isfinite(end) else None for end in ends)
        monitor.report(out.mip_node_count, primal, dual)

    return callback


def _read(highs: Any, model: Model) -> Run:
    info, solution = highs.getInfo(), highs.getSolution()
    counts = (
        info.ipm_iteration_count,
        info.simplex_iteration_count,
        info.pdlp_iteration_count,
        info.qp_iteration_count,
    )

    def in_users_terms(cost: float) -> float:
        return model.sign * float(cost) + model.offset

    return Run(
        status=highs.getModelStatus().name,
        objective=in_users_terms(highs.getObjectiveValue()) if solution.value_valid else np.nan,
        feasible=info.primal_solution_status == 2,
        columns=np.array(solution.col_value) if solution.value_valid else None,
        rows=np.array(solution.row_dual) if solution.dual_valid else None,
        iterations=sum(max(0, count) for count in counts),
        bound=in_users_terms(info.mip_dual_bound) if model.integral.any() else np.nan,
    )
