"""What a property says of single pairs of inputs: two numbers per pair, one of them times value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.properties.incremental.maps import IncrementalMap
from lipexplore.properties.incremental.table import PROPERTIES
from lipexplore.properties.incremental_qc import IncrementalBound
from lipexplore.regions import region_from_dict
from lipexplore.rounding import Array

PAIRS = 600


@dataclass(frozen=True, eq=False)
class Pairs:
    """For every pair size and response, with response <= (or >=) value times size.

    Parameters
    ----------
    prop, value
        The certified property.
    size, response
        Arrays (count,), in floating point.
    size_name, response_name
        What they are, for axes.
    """

    prop: str
    value: float
    size: Array
    response: Array
    size_name: str
    response_name: str


NAMES = {
    "lipschitz": ("|x - y|", "|f(x) - f(y)|"),
    "inverse": ("|x - y|", "|f(x) - f(y)|"),
    "contraction": ("|x - y|_P", "|f(x) - f(y)|_P"),
    "flow-contraction": ("|x - y|_P²", "⟨f(x) - f(y), x - y⟩_P"),
    "dissipativity": ("|x - y|²", "[dx; df]ᵀ Q [dx; df]"),
}
USUAL_NAMES = ("|x - y|²", "(f(x) - f(y)) · (x - y)")


def sampled_pairs(
    mapping: IncrementalMap, found: IncrementalBound, count: int = PAIRS, seed: int = 0
) -> Pairs:
    """Draw pairs of inputs of the region at all distances and measure them."""
    rng, region = np.random.default_rng(seed), region_from_dict(found.region)
    first = region.sample(count, rng, mapping.n_inputs)
    second = region.sample(count, rng, mapping.n_inputs)
    second = first + rng.random((count, 1)) ** 2 * (second - first)
    change, answer = second - first, mapping(second) - mapping(first)
    proof = found.certificate
    largest = np.abs(change).max(axis=1)
    size = largest if found.norm == "linf" else _form(change, proof.metric)
    if found.prop in ("lipschitz", "inverse", "contraction"):
        metric = proof.metric if found.prop == "contraction" else np.eye(mapping.n_outputs)
        size = size if found.norm == "linf" else np.sqrt(size)
        response = np.sqrt(_form(answer, metric))
    else:
        sign = -1.0 if PROPERTIES[found.prop].side == "upper" else 1.0
        response = sign * _form(np.concatenate([change, answer], axis=1), proof.supply)
    names = NAMES.get(found.prop, USUAL_NAMES)
    return Pairs(found.prop, found.value, size, response, *names)


def _form(vectors: Array, matrix: Array) -> Array:
    """Return v^T A v of every row v."""
    return np.asarray(np.einsum("si,ij,sj->s", vectors, matrix, vectors))
