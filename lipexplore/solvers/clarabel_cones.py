"""How PICOS's cone constraints read in Clarabel's cones.

A constraint says that a vector e of affine expressions lies in a cone; Clarabel's vector for the
same constraint is T e with a fixed sparse T. Its multiplier z of T e pairs as z.(T e), hence the
multiplier of e in PICOS's sense is T'z: one matrix carries both ways.

Source: https://clarabel.org/stable/ (cones), PICOS 2.6 ``constraints``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from picos.constraints import (
    AffineConstraint,
    ExpConeConstraint,
    LMIConstraint,
    RSOCConstraint,
    SOCConstraint,
)


@dataclass(frozen=True)
class Cone:
    """One kind of constraint.

    Parameters
    ----------
    name
        Clarabel's class.
    takes
        Whether a constraint is of this kind.
    entries
        The expressions that make up e.
    transform
        T for the length of e.
    arguments
        Those of Clarabel's class for the length of e.
    merges
        Whether neighbouring cones of this kind are one cone of their total length.
    """

    name: str
    takes: Callable[[Any], bool]
    entries: Callable[[Any], tuple[Any, ...]]
    transform: Callable[[int], Any]
    arguments: Callable[[int], tuple[int, ...]]
    merges: bool = False


def _rotation(length: int) -> Any:
    """Turn (u, v, x) with u v >= |x|^2 into (u + v, 2 x, u - v)."""
    last = length - 1
    inner = np.arange(1, last)
    rows = [0, 0, *inner, last, last]
    columns = [0, 1, *(inner + 1), 0, 1]
    values = [1.0, 1.0, *np.full(len(inner), 2.0), 1.0, -1.0]
    return scipy.sparse.csr_matrix((values, (rows, columns)), shape=(length, length))


def _triangle(length: int) -> Any:
    """Take the upper triangle of a matrix, off-diagonal entries as the mean of both times sqrt 2.

    Both triangles are stored column by column.
    """
    order = _order(length)
    columns, rows = np.tril_indices(order)
    weight = np.where(rows == columns, 0.5, np.sqrt(0.5))
    place = np.arange(len(rows))
    entries = (
        np.tile(weight, 2),
        (np.tile(place, 2), np.concatenate([rows + order * columns, columns + order * rows])),
    )
    return scipy.sparse.csr_matrix(entries, shape=(len(rows), length))


def _reversal(length: int) -> Any:
    """Turn (x, y, z) with x >= y exp(z/y) into (z, y, x)."""
    return scipy.sparse.csr_matrix(np.eye(length)[::-1])


def _order(length: int) -> int:
    return math.isqrt(length)


CONES = (
    Cone(
        "ZeroConeT",
        takes=lambda con: isinstance(con, AffineConstraint) and con.is_equality(),
        entries=lambda con: (con.lmr,),
        transform=scipy.sparse.identity,
        arguments=lambda length: (length,),
        merges=True,
    ),
    Cone(
        "NonnegativeConeT",
        takes=lambda con: isinstance(con, AffineConstraint) and not con.is_equality(),
        entries=lambda con: (con.ge0,),
        transform=scipy.sparse.identity,
        arguments=lambda length: (length,),
        merges=True,
    ),
    Cone(
        "SecondOrderConeT",
        takes=lambda con: isinstance(con, SOCConstraint),
        entries=lambda con: (con.ub, con.ne),
        transform=scipy.sparse.identity,
        arguments=lambda length: (length,),
    ),
    Cone(
        "SecondOrderConeT",
        takes=lambda con: isinstance(con, RSOCConstraint),
        entries=lambda con: (con.ub1, con.ub2, con.ne),
        transform=_rotation,
        arguments=lambda length: (length,),
    ),
    Cone(
        "PSDTriangleConeT",
        takes=lambda con: isinstance(con, LMIConstraint),
        entries=lambda con: (con.psd,),
        transform=_triangle,
        arguments=lambda length: (_order(length),),
    ),
    Cone(
        "ExponentialConeT",
        takes=lambda con: isinstance(con, ExpConeConstraint),
        entries=lambda con: (con.element,),
        transform=_reversal,
        arguments=lambda length: (),
    ),
)
"""In the order in which their rows are stacked."""
