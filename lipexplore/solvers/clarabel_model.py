"""A PICOS program as the arrays that Clarabel takes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
from picos.constraints import DummyConstraint

from lipexplore.solvers.arrays import (
    Objective,
    linear_form,
    read_objective,
    slices,
    variable_bounds,
)
from lipexplore.solvers.clarabel_cones import CONES, Cone

if TYPE_CHECKING:
    import picos


@dataclass(frozen=True)
class Model:
    """min objective  s.t.  ``matrix @ x + s == right`` with s in the product of the cones.

    Parameters
    ----------
    objective
        As a minimisation.
    matrix, right
        One row per entry of a cone, the variables' bounds last; shapes (m, n), (m,).
    cones
        Name and arguments of Clarabel's cones.
    transform
        From the entries of PICOS's constraints to those of the cones, without bounds.
    columns, entries
        Slices of each PICOS variable and, in the columns of ``transform``, of each constraint.
    """

    objective: Objective
    matrix: scipy.sparse.csc_matrix
    right: np.ndarray
    cones: tuple[tuple[str, tuple[int, ...]], ...]
    transform: scipy.sparse.csr_matrix
    columns: dict[Any, slice]
    entries: dict[Any, slice]

    def multipliers(self, z: np.ndarray) -> np.ndarray:
        """Return Clarabel's multipliers as those of the entries of PICOS's constraints."""
        multipliers: np.ndarray = self.transform.T @ z[: self.transform.shape[0]]
        return multipliers


def read_model(problem: picos.Problem) -> Model:
    """Return the arrays of a program whose constraints are all among `CONES`."""
    columns = slices(problem.variables.values(), lambda variable: variable.dim)
    kinds = _kinds(problem)
    parts = [kind.entries(constraint) for constraint, kind in kinds.items()]
    lengths = [sum(map(len, expressions)) for expressions in parts]
    matrix, constant = linear_form([e for expressions in parts for e in expressions], columns)
    transform, cones = _stack(kinds, lengths)
    bounds, limits, bound_cones = _bound_rows(columns)
    return Model(
        objective=read_objective(problem, columns),
        matrix=scipy.sparse.vstack([-transform @ matrix, bounds], format="csc"),
        right=np.concatenate([transform @ constant, limits]),
        cones=(*cones, *bound_cones),
        transform=transform,
        columns=columns,
        entries=slices(kinds, dict(zip(kinds, lengths, strict=True)).__getitem__),
    )


def _kinds(problem: picos.Problem) -> dict[Any, Cone]:
    """Return the kind of every constraint, those of one kind next to each other."""
    constraints = [c for c in problem.constraints.values() if not isinstance(c, DummyConstraint)]
    return {c: kind for kind in CONES for c in constraints if kind.takes(c)}


def _stack(kinds: dict[Any, Cone], lengths: list[int]) -> tuple[Any, list[Any]]:
    blocks, cones = [scipy.sparse.csr_matrix((0, 0))], []
    for (kind, length), run in groupby(zip(kinds.values(), lengths, strict=True)):
        count = len(list(run))
        block = kind.transform(length)
        blocks.append(scipy.sparse.kron(scipy.sparse.identity(count), block))
        if kind.merges:
            cones.append((kind.name, kind.arguments(count * length)))
        else:
            cones.extend([(kind.name, kind.arguments(length))] * count)
    return scipy.sparse.block_diag(blocks, format="csr"), cones


def _bound_rows(columns: dict[Any, slice]) -> tuple[Any, np.ndarray, list[Any]]:
    """Return rows, right sides and cones that fix or bound single variables."""
    lower, upper, _ = variable_bounds(columns)
    fixed = lower == upper
    below, above = np.isfinite(upper) & ~fixed, np.isfinite(lower) & ~fixed
    unit = scipy.sparse.identity(len(lower), format="csr")
    rows = scipy.sparse.vstack([unit[fixed], unit[below], -unit[above]])
    limits = np.concatenate([lower[fixed], upper[below], -lower[above]])
    sizes = {"ZeroConeT": fixed.sum(), "NonnegativeConeT": below.sum() + above.sum()}
    return rows, limits, [(name, (int(size),)) for name, size in sizes.items() if size]
