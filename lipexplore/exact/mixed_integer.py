"""P* as a mixed-integer program for HiGHS: an independent cross-check, whose bound is no proof."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lipexplore.exact.integer_programs import IntegerProgram, layer_program, monomial_program
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import gradient_norm_below
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.rounding import Array

if TYPE_CHECKING:
    from lipexplore.solvers.highs_run import Run
    from lipexplore.solvers.records import Progress

OnProgress = Callable[[Mapping[str, Any]], None]

OPTIONS = {
    "threads": 1,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.0,
    "mip_feasibility_tolerance": 1e-9,
    "primal_feasibility_tolerance": 1e-9,
}
SHORTEST_SECONDS = 1e-3


@dataclass(frozen=True, eq=False)
class IntegerMaximum:
    """What HiGHS found: only ``lower`` is proven.

    Parameters
    ----------
    solver_value, solver_bound
        HiGHS's best value and its bound of P*, which hold to its tolerances at most; NaN where it
        found nothing, infinite where it has no bound.
    lower
        Proven lower end of P*: the gradient's norm at ``slopes``.
    slopes
        Per hidden layer, the slope of every unit, each at an end of its range, of shape (n_l,).
    status
        "optimal", "time limit" or how else HiGHS ended.
    size
        Rows, columns, nonzeros and binaries of the program.
    verified
        Always False: an upper end of P* must come from another method.
    """

    solver_value: float
    solver_bound: float
    lower: float
    slopes: tuple[Array, ...]
    status: str
    size: Mapping[str, int]
    verified: bool = field(default=False, init=False)


def integer_pattern_maximum(
    network: Network,
    slopes: SlopeRanges,
    norm: Norm,
    *,
    deadline: float | None = None,
    on_progress: OnProgress | None = None,
) -> IntegerMaximum:
    """Return HiGHS's answer for P*, with one binary b per slope s = l + (u - l) b.

    l_inf and l_1: maximise w . h_d over t in the norm's unit ball, where h_0 = t, f_l = W_l h_{l-1}
    and h_l = l f_l + (u - l) z_l. Between bounds F- <= f_l <= F+ that hold for all slopes, the
    product z = b f is linear:

        F- b <= z <= F+ b,    f - F+ (1 - b) <= z <= f - F- (1 - b).

    l_2: the multilinear polynomial of the squared gradient, each monomial y = prod b linear too:
    y <= b where its coefficient is positive, y >= sum b - (factors - 1) where it is negative.

    Parameters
    ----------
    network
        A scalar network.
    deadline
        Moment of :func:`time.perf_counter` at which HiGHS stops.
    on_progress
        Called with ``iteration`` (HiGHS's nodes), ``primal`` and ``dual``; these are no bounds.

    Raises
    ------
    UnsupportedQuestion
        If products of the weights leave the range of float64.
    RelaxationTooLarge
        If the squared gradient has more than 20 million terms.

    References
    ----------
    McCormick, Mathematical Programming 10 (1976); Glover, Woolsey, Operations Research 22 (1974).
    """
    if norm is Norm.L2:
        program = monomial_program(norm_gradient_problem(network, slopes, norm))
    else:
        program = layer_program(network, slopes, norm)
    found, status = _solve(program, deadline, on_progress)
    ends = program.ends(slopes, found.columns)
    value = found.objective if program.cost.size else program.offset
    bound = value if math.isnan(found.bound) else found.bound
    return IntegerMaximum(
        solver_value=program.maximum(value),
        solver_bound=program.maximum(bound),
        lower=gradient_norm_below(network, SlopeRanges(ends, ends), norm),
        slopes=ends,
        status=status,
        size={
            "rows": program.matrix.shape[0],
            "columns": program.matrix.shape[1],
            "nonzeros": program.matrix.nnz,
            "binaries": int(program.integral.sum()),
        },
    )


def _solve(
    program: IntegerProgram, deadline: float | None, on_progress: OnProgress | None
) -> tuple[Run, str]:
    """Run HiGHS until it is done or the deadline has come."""
    from lipexplore.solvers.highs_driver import STATUSES
    from lipexplore.solvers.highs_model import Model
    from lipexplore.solvers.highs_run import run_highs
    from lipexplore.solvers.monitor import Monitor

    def forward(progress: Progress) -> None:
        ends = {"primal": progress.primal, "dual": progress.dual}
        known = {name: None if v is None else program.maximum(v) for name, v in ends.items()}
        if on_progress is not None:
            on_progress({"iteration": progress.iteration, **known})

    model = Model(
        sign=-program.scale,
        offset=program.offset,
        cost=-program.cost,
        lower=program.lower,
        upper=program.upper,
        integral=program.integral,
        matrix=program.matrix,
        row_lower=program.row_lower,
        row_upper=program.row_upper,
        hessian=None,
        columns={},
        rows={},
    )
    left = None if deadline is None else max(deadline - time.perf_counter(), SHORTEST_SECONDS)
    monitor = Monitor(left, None, forward if on_progress else None)
    monitor.measure(model.sign, model.offset)
    native = OPTIONS if left is None else OPTIONS | {"time_limit": left}
    found = run_highs(model, native, monitor, to_console=False)
    monitor.reraise()
    status = monitor.stopped if found.status == "kInterrupt" else STATUSES.get(found.status)
    return found, status or f"failed: HiGHS ended with {found.status}"
