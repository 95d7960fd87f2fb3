"""Lower ends of P*: choices of slopes that cannot be improved layer by layer.

A vertex is a boolean array (N,) over all hidden units, first layer first, True where the slope is
at its upper end. Fixed units may have either.
"""

from __future__ import annotations

import math
import time
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.norms import Norm
from lipexplore.rounding import Array

Vertices = NDArray[np.bool_]

MAX_SWEEPS = 200
LARGEST_SHAKE = 0.3

RISE = 1e-13
"""Relative; a vertex that rises by less has stopped."""


@np.errstate(over="ignore", invalid="ignore")
def ascend(
    chain: SlopeChain, norm: Norm, vertices: Vertices, deadline: float = math.inf
) -> tuple[Array, Vertices]:
    """Set one layer after the other to its best ends until no vertex improves.

    With t the input that attains the gradient's dual norm the value is linear in each layer's
    slopes, so no step can lower it.

    Parameters
    ----------
    chain
        Of one output.
    vertices
        Boolean array (k, N).
    deadline
        On the clock of ``time.perf_counter``.

    Returns
    -------
    tuple
        Dual norms of the chain's gradient (k,), in floating point, and the vertices that have them.
    """
    reached, vertices = np.full(len(vertices), -np.inf), vertices.copy()
    moving, moved = np.arange(len(vertices)), vertices
    for _ in range(MAX_SWEEPS):
        slopes = _slopes(chain, moved)
        gradients = _backward(chain, slopes, len(moved))
        values = np.linalg.norm(gradients[-1], ord=norm.dual.exponent, axis=1)
        values = np.where(np.isnan(values), -np.inf, values)
        rising = values > reached[moving] * (1.0 + RISE)
        reached[moving], vertices[moving] = values, moved
        if not rising.any() or time.perf_counter() > deadline:
            break
        moving = moving[rising]
        gradients = [gradient[rising] for gradient in gradients]
        moved = _improved(chain, gradients, dual_vector(gradients[-1], norm))
    return reached, vertices


def shaken(vertex: Vertices, copies: int, rng: np.random.Generator) -> Vertices:
    """Copy a vertex and flip a random share of each copy's units."""
    share = LARGEST_SHAKE * rng.random((copies, 1))
    return vertex ^ (rng.random((copies, vertex.size)) < share)


def dual_vector(gradient: Array, norm: Norm) -> Array:
    """Return the unit vector t of ``norm`` that maximises t . gradient, row by row."""
    match norm:
        case Norm.LINF:
            return np.where(gradient >= 0, 1.0, -1.0)
        case Norm.L2:
            lengths = np.linalg.norm(gradient, axis=1, keepdims=True)
            return gradient / np.where(lengths > 0, lengths, 1.0)
        case Norm.L1:
            t = np.zeros_like(gradient)
            rows, best = np.arange(len(gradient)), np.abs(gradient).argmax(axis=1)
            t[rows, best] = np.where(gradient[rows, best] >= 0, 1.0, -1.0)
            return t


def _slopes(chain: SlopeChain, vertices: Vertices) -> list[Array]:
    ends = np.cumsum([0, *chain.widths[1:-1]]).tolist()
    return [
        np.where(vertices[:, a:b], high, low)
        for (a, b), low, high in zip(pairwise(ends), chain.lower, chain.upper, strict=True)
    ]


def _backward(chain: SlopeChain, slopes: list[Array], count: int) -> list[Array]:
    """Return the gradients with respect to z_d, .., z_0, each (k, n_l)."""
    gradients = [np.broadcast_to(chain.weights[-1][0], (count, chain.widths[-2]))]
    for weight, slope in zip(chain.weights[-2::-1], reversed(slopes), strict=True):
        gradients.append((gradients[-1] * slope) @ weight)
    return gradients


def _improved(chain: SlopeChain, gradients: list[Array], t: Array) -> Vertices:
    """Set each layer, first to last, to the ends that are best given all others."""
    behind = gradients[-2::-1]
    forward, vertices = t, []
    for weight, low, high, back in zip(
        chain.weights[:-1], chain.lower, chain.upper, behind, strict=True
    ):
        forward = forward @ weight.T
        vertices.append(forward * back > 0.0)
        forward = forward * np.where(vertices[-1], high, low)
    return np.concatenate([np.zeros((len(t), 0), dtype=bool), *vertices], axis=1)
