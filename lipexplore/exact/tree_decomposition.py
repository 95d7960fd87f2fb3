"""P* of banded and sparse networks: variables leave the gradient polynomial one after another."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.certificates.tables import trivial_bound
from lipexplore.exact.elimination import Elimination, elimination
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import gradient_norm_below
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problems
from lipexplore.polynomials.polynomial import EMPTY, Index, Polynomial, PolynomialProblem
from lipexplore.rounding import Array, product_error, sum_up, up

OnProgress = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, eq=False)
class PatternMaximum:
    """P* between two proven ends, and slopes that attain the lower one.

    Parameters
    ----------
    upper, lower
        Proven ends of P*; they differ by rounding alone unless the time ran out.
    slopes
        Per hidden layer, the slope of every unit, each at an end of its range, of shape (n_l,).
    status
        "optimal" or "time limit".
    width
        Width of the tree decomposition: the largest table has one variable more.
    entries
        Numbers of all tables together.
    """

    upper: float
    lower: float
    slopes: tuple[Array, ...]
    status: str
    width: int
    entries: int


def exact_pattern_maximum(
    network: Network,
    slopes: SlopeRanges,
    norm: Norm,
    *,
    memory_limit: float | None = None,
    deadline: float | None = None,
    on_progress: OnProgress | None = None,
) -> PatternMaximum:
    """Return P*, the largest dual norm of the gradient over all slopes at ends of their ranges.

    Dynamic programming: the variable x_v that leaves next occurs in some of the terms, so

        max_x p = max over the others of (their terms + m_v),  m_v = max over x_v of the terms with
        x_v and of the earlier m_u that depend on it,

    where m_v is a table over the vertices of the cube of its scope. Exact for every depth and norm;
    the cost is exponential in the width alone. Float addition is monotone, so the maximum found is
    the float sum of the terms at the best vertex: its rounding and the coefficients' errors, added
    once, make the upper end a proof. The lower end is the gradient at the slopes traced back.

    Parameters
    ----------
    network
        A scalar network.
    memory_limit
        Bytes, half of the free memory by default.
    deadline
        Moment of :func:`time.perf_counter` after which the variables left are bounded one by one.
    on_progress
        Called with ``{"eliminated": i, "variables": n}`` after each variable.

    Raises
    ------
    RelaxationTooLarge
        If the tables exceed ``memory_limit``, counted before building them.

    References
    ----------
    Bertele, Brioschi, *Nonserial Dynamic Programming*, 1972; Bodlaender, Koster, *Treewidth
    computations I*, Information and Computation 208 (2010), for the orders.
    """
    problems = norm_gradient_problems(network, slopes, norm)
    plans: list[Elimination] = []
    maxima: list[_Maximum] = []
    upper = 0.0
    for problem in sorted(problems, key=trivial_bound, reverse=True):
        if maxima and trivial_bound(problem) <= upper:
            break
        plans.append(elimination(problem.objective, memory_limit))
        maxima.append(_maximum(problem.objective, plans[-1], deadline, on_progress))
        upper = max(upper, maxima[-1].upper)
    ends = _slopes(problems[0], slopes, max(maxima, key=lambda found: found.value).vertex)
    return PatternMaximum(
        upper=float(up(math.sqrt(upper))) if problems[0].root == 2 else upper,
        lower=gradient_norm_below(network, SlopeRanges(ends, ends), norm),
        slopes=ends,
        status="optimal" if all(found.finished for found in maxima) else "time limit",
        width=max(plan.width for plan in plans),
        entries=sum(plan.entries for plan in plans),
    )


def predicted_elimination(
    network: Network, slopes: SlopeRanges, norm: Norm, memory_limit: float | None = None
) -> Elimination:
    """Return the largest elimination that :func:`exact_pattern_maximum` may need, before it runs.

    Raises
    ------
    RelaxationTooLarge
        If the tables exceed ``memory_limit`` bytes.
    """
    problems = norm_gradient_problems(network, slopes, norm)
    largest = max(problems, key=lambda problem: len(problem.objective.terms))
    return elimination(largest.objective, memory_limit)


@dataclass(frozen=True, eq=False)
class _Maximum:
    """The float sum at the best vertex, a proven upper end, and the variables that are 1 or 0."""

    value: float
    upper: float
    vertex: Mapping[int, int]
    finished: bool


@dataclass(frozen=True, eq=False)
class _Table:
    """Values on the vertices of a cube, the first variable as the highest bit of the index."""

    scope: tuple[int, ...]
    values: Array
    roundings: int

    def over(self, scope: Sequence[int]) -> Array:
        """Return a view with one axis per variable of a larger scope, of length 1 where unused."""
        return self.values.reshape([2 if variable in self.scope else 1 for variable in scope])

    def split(self) -> tuple[_Table, _Table]:
        """Return the parts in which the last variable is 0 and 1."""
        low, high = self.values.reshape(-1, 2).T
        scope = self.scope[:-1]
        return _Table(scope, low, self.roundings), _Table(scope, high, self.roundings)


def _maximum(
    polynomial: Polynomial,
    plan: Elimination,
    deadline: float | None,
    on_progress: OnProgress | None,
) -> _Maximum:
    """Maximise over {0, 1}^N; each coefficient passes through at most ``roundings`` additions."""
    terms, coefficients = polynomial.terms, polynomial.coefficients
    waiting: dict[int, list[_Table]] = {variable: [] for variable in plan.order}
    done: list[_Table] = []
    choices: list[NDArray[np.uint8]] = []
    constant = (terms == EMPTY).all(axis=1)
    rest = coefficients[constant].tolist()
    own = _rows_by_owner(terms, plan.order)
    for variable, scope in zip(plan.order, plan.scopes, strict=True):
        if deadline is not None and time.perf_counter() > deadline:
            break
        mine = own[variable]
        factor = _factor(terms[mine], coefficients[mine], variable, scope)
        table, choice = _eliminate(scope, factor, waiting.pop(variable))
        choices.append(choice)
        (waiting[scope[-1]] if scope else done).append(table)
        if on_progress is not None:
            on_progress({"eliminated": len(choices), "variables": len(plan.order)})
    for variable, tables in waiting.items():  # only where the time ran out
        done += tables
        rest += np.maximum(coefficients[own[variable]], 0.0).tolist()
    vertex = dict.fromkeys(plan.order, 0)
    for variable, scope, bits in reversed(
        list(zip(plan.order, plan.scopes, choices, strict=False))
    ):
        index = sum(vertex[other] << place for place, other in enumerate(reversed(scope)))
        vertex[variable] = int(bits[index >> 3]) >> (index & 7) & 1
    rest += [float(table.values.max()) for table in done]
    roundings = max((table.roundings for table in done), default=0) + 1
    slack = float(product_error(roundings, np.abs(coefficients).sum()))
    upper = up(math.fsum([*rest, slack, sum_up(polynomial.errors.tolist())]))
    return _Maximum(math.fsum(rest), float(upper), vertex, not waiting)


def _rows_by_owner(terms: Index, order: Sequence[int]) -> dict[int, Index]:
    """Return for each variable the terms in which it is the first to leave."""
    place = np.full(int(terms.max(initial=EMPTY)) + 2, len(order))
    place[list(order)] = np.arange(len(order))
    owners = place[terms].min(axis=1, initial=len(order))
    rows = np.argsort(owners, kind="stable")
    ends = np.searchsorted(owners[rows], np.arange(len(order) + 1))
    return {v: rows[ends[step] : ends[step + 1]] for step, v in enumerate(order)}


def _factor(terms: Index, coefficients: Array, variable: int, scope: Sequence[int]) -> _Table:
    """Return the sum of the terms with ``variable`` set to 1, on the vertices of the others."""
    held = set(terms.ravel().tolist())
    inner = tuple(other for other in scope if other in held)
    bit = np.zeros(max(held | {variable}, default=0) + 2, dtype=np.int64)
    bit[list(inner)] = 1 << np.arange(len(inner), dtype=np.int64)[::-1]
    values = np.zeros(2 ** len(inner))
    values[bit[terms].sum(axis=1)] = coefficients
    for axis in range(len(inner)):
        cube = values.reshape(2**axis, 2, -1)
        cube[:, 1] += cube[:, 0]
    return _Table(inner, values, len(inner))


def _eliminate(
    scope: Sequence[int], factor: _Table, tables: Sequence[_Table]
) -> tuple[_Table, NDArray[np.uint8]]:
    """Return the maximum over one variable, and one bit per vertex that tells where it is 1."""
    shape = (2,) * len(scope)
    without, including = np.zeros(shape), np.zeros(shape)
    np.add(including, factor.over(scope), out=including)
    for table in tables:
        low, high = table.split()
        np.add(without, low.over(scope), out=without)
        np.add(including, high.over(scope), out=including)
    choice = np.packbits((including > without).ravel(), bitorder="little")
    values = np.maximum(without, including, out=without).ravel()
    roundings = max([factor.roundings, *(table.roundings for table in tables)]) + len(tables) + 1
    return _Table(tuple(scope), values, roundings), choice


def _slopes(
    problem: PolynomialProblem, ranges: SlopeRanges, vertex: Mapping[int, int]
) -> tuple[Array, ...]:
    """Return the slopes at a vertex; a unit that does not matter takes its lower end."""
    return tuple(
        np.where([vertex.get(v, 0) for v in problem.blocks[f"s{layer}"]], high, low)
        for layer, (low, high) in enumerate(zip(ranges.lower, ranges.upper, strict=True), 1)
    )
