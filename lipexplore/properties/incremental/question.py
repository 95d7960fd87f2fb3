"""Which property is asked of which map, and the number that a certificate proves of it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.certificates.incremental import IncrementalCertificate
from lipexplore.errors import InvalidNetwork, InvalidSetting, UnsupportedQuestion
from lipexplore.networks.arguments import LARGEST_WEIGHT, finite_array
from lipexplore.norms import Norm
from lipexplore.properties.incremental.maps import IncrementalMap
from lipexplore.properties.incremental.table import PROPERTIES, Property
from lipexplore.rounding import Array, sum_up, up


def check_question(
    mapping: IncrementalMap, prop: str, norm: str | Norm = Norm.L2, solver: str = "auto"
) -> Property:
    """Return the property of that name, if the map can have it.

    Raises
    ------
    InvalidSetting
        If the property or solver is unknown.
    UnsupportedQuestion
        If the property needs as many outputs as inputs, or another norm.
    """
    if prop not in PROPERTIES:
        raise InvalidSetting(f"no property is called {prop!r}: use one of {', '.join(PROPERTIES)}")
    if solver not in ("auto", "cvxopt"):
        raise InvalidSetting(f"solver must be 'auto' or 'cvxopt', not {solver!r}")
    asked, kind = PROPERTIES[prop], Norm.parse(norm)
    if asked.square and mapping.n_inputs != mapping.n_outputs:
        raise UnsupportedQuestion(
            f"{asked.label!r} is about maps with as many outputs as inputs, but this one has "
            f"{mapping.n_inputs} inputs and {mapping.n_outputs} outputs: ask for 'lipschitz' or "
            "'dissipativity'"
        )
    if kind is not Norm.L2 and (prop != "lipschitz" or kind is Norm.L1):
        raise UnsupportedQuestion(
            f"{prop!r} is certified for the l2 norm"
            + (" and the linf norm" if prop == "lipschitz" else "")
            + f" only, not for {kind.value}"
        )
    return asked


def value_of(asked: Property, proof: IncrementalCertificate, norm: Norm) -> float:
    """Return the property's number that a certificate proves, rounded to the safe side."""
    if not math.isfinite(proof.level):
        return asked.trivial
    if norm is Norm.L2:
        return asked.of_level(proof.level)
    total = sum_up(np.diagonal(proof.metric).tolist())
    return asked.of_level(min(float(-up(-proof.level * total)), 0.0))


def supply_matrix(mapping: IncrementalMap, asked: Property, given: ArrayLike | None) -> Array:
    """Return Q: the property's own, or the user's.

    Raises
    ------
    InvalidSetting
        If Q is missing, or no finite symmetric matrix of the right shape.
    """
    order = mapping.n_inputs + mapping.n_outputs
    if asked.name != "dissipativity":
        if given is not None:
            raise InvalidSetting("a matrix Q is taken for 'dissipativity' only")
        return asked.supply_of(mapping.n_inputs, mapping.n_outputs)
    if given is None:
        raise InvalidSetting(f"'dissipativity' needs the matrix Q, of shape ({order}, {order})")
    try:
        matrix = finite_array(given, "Q", 2)
    except InvalidNetwork:
        raise InvalidSetting(
            f"Q must be a matrix of numbers up to {LARGEST_WEIGHT:g} that float64 does not round, "
            "without NaN"
        ) from None
    if matrix.shape != (order, order) or not np.array_equal(matrix, matrix.T):
        raise InvalidSetting(f"Q must be symmetric of shape ({order}, {order}), not {matrix.shape}")
    return matrix
