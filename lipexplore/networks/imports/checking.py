"""An imported network against the model it was read from."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.chain import Chain
from lipexplore.networks.imports.folding import network_of_chain
from lipexplore.networks.imports.record import Imported
from lipexplore.rounding import Array, up

TOLERANCE = 1e-6
"""Largest relative difference between the network and the model run in double precision."""

POINTS = 4
"""Number of random inputs of ordinary size."""

FAR_POINTS, FAR = 2, 100.0
"""Number and size of those far out; outputs that overflow there are left out."""

CUT = {
    "softmax": "the final softmax is cut: the network ends at its inputs, and 1/2 is its Lipschitz "
    "constant (l2)",
    "log_softmax": "the final log_softmax is cut: the network ends at its inputs, and sqrt(n) is "
    "its Lipschitz constant (l2, n outputs)",
}


def checked(chain: Chain, name: str, run: Callable[[Array], Array]) -> Imported:
    """Return the network of a chain after comparing it with the model on random inputs.

    Parameters
    ----------
    chain
        What was read.
    name
        For the network; one that ends before a softmax says so in its name.
    run
        The model in double precision: points (count, n_0) to outputs (count, m).

    Raises
    ------
    InvalidNetwork
        If the two differ, or an output is not finite.
    """
    with np.errstate(all="ignore"):  # what overflows is refused
        network = network_of_chain(chain, f"{name} before {chain.tail}" if chain.tail else name)
        points = sample_points(network.n_inputs)
        ours = _with_tail(network(points), chain.tail)
        theirs = np.asarray(run(points), dtype=np.float64)
        if ours.shape != theirs.shape:
            raise InvalidNetwork(
                f"the imported network has {ours.shape[1]} outputs and the model {theirs.shape[1:]}"
            )
        relative = max(
            _difference(ours[:POINTS], theirs[:POINTS]),
            _difference(
                *(values[POINTS:][np.isfinite(theirs[POINTS:])] for values in (ours, theirs))
            ),
        )
    if not math.isfinite(relative):
        raise InvalidNetwork("outputs on random inputs are not finite: the model cannot be checked")
    if relative > TOLERANCE:
        raise InvalidNetwork(
            f"the imported network and the model differ by {relative:.2g} of the largest output on "
            "random inputs: the model does something that its layers do not show"
        )
    notes = [*chain.notes, *([CUT[chain.tail]] if chain.tail else [])]
    factor = {None: 1.0, "softmax": 0.5}.get(chain.tail, float(up(math.sqrt(network.n_outputs))))
    return Imported(network, tuple(notes), factor, relative)


def sample_points(size: int) -> Array:
    """Return the random inputs, shape (count, size).

    Standard normal, uniform on [0, 1], and far out, where a model may clip its inputs.
    """
    draw = np.random.default_rng(0)
    half = POINTS // 2
    near = [draw.standard_normal((half, size)), draw.random((POINTS - half, size))]
    return np.vstack([*near, FAR * draw.standard_normal((FAR_POINTS, size))])


def _difference(ours: Array, theirs: Array) -> float:
    """Return the largest difference relative to the largest output."""
    difference = float(np.abs(ours - theirs).max(initial=0.0))
    largest = float(np.abs(theirs).max(initial=0.0))
    return difference / largest if difference > 0.0 and largest > 0.0 else difference


def _with_tail(values: Array, tail: str | None) -> Array:
    if tail is None:
        return values
    shifted = values - values.max(axis=1, keepdims=True)
    sums = np.exp(shifted).sum(axis=1, keepdims=True)
    result: Array = np.exp(shifted) / sums if tail == "softmax" else shifted - np.log(sums)
    return result
