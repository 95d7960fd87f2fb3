"""Check multipliers of a slope chain against the network, in rationals up to a certain order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.certificates.chain import chain_of_column
from lipexplore.certificates.chain_inputs import with_few_inputs
from lipexplore.certificates.chain_proof import is_proven_gain, is_zero
from lipexplore.certificates.psd import is_exactly_semidefinite
from lipexplore.errors import InvalidCertificate
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_chain import SlopeChain, slope_chain
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm

LARGEST_EXACT_ORDER = 40

Rationals = NDArray[np.object_]


def proven_chain_square(
    network: Network,
    slopes: SlopeRanges,
    norm: Norm,
    output: int | str,
    minus: int | None,
    parts: Sequence[Mapping[str, Any]],
) -> Fraction:
    """Return the largest lambda sum(mu) 4^exponent of the parts, at least P*^2; or refuse.

    There is one part, or for l_1 one for every input. Where the chain is exact and has up to 40
    inputs and undecided units, its matrix is formed and decomposed in rationals; else the
    floating-point proof of :mod:`lipexplore.certificates.chain_proof` is given once more.

    Raises
    ------
    InvalidCertificate
        If a part does not prove its bound, or one is missing.
    ValueError
        If the multipliers are not finite non-negative numbers, as many as the question needs.
    """
    head = network if output == "all" else network.head(output, minus)  # type: ignore[arg-type]
    if output == "all" and (norm is not Norm.L2 or minus is not None):
        raise ValueError("all outputs are bounded jointly for the l2 norm only")
    chain = slope_chain(head, slopes)
    columns = set(range(network.n_inputs)) if norm is Norm.L1 else {None}
    if len(parts) != len(columns) or {part["column"] for part in parts} != columns:
        raise InvalidCertificate("the certificate leaves out an input")
    exact = not any(chain.absolute_errors) and _is_exact_head(network, output, minus)
    largest = max(
        _proven_square(chain_of_column(chain, part["column"]), norm, part, exact) for part in parts
    )
    return largest * Fraction(4) ** chain.exponent


def _proven_square(chain: SlopeChain, norm: Norm, part: Mapping[str, Any], exact: bool) -> Fraction:
    outer, inputs, units = part["outer"], part["inputs"], part["units"]
    counts = [len(inputs), *map(len, units)]
    if counts != [chain.widths[0] if norm is Norm.LINF else 1, *chain.widths[1:-1]]:
        raise ValueError("the number of multipliers does not fit the network")
    for number in (outer, *inputs, *(number for layer in units for number in layer)):
        if type(number) is not float or not 0.0 <= number < math.inf:
            raise ValueError("a multiplier is no finite non-negative float")
    if is_zero(chain):
        return Fraction(0)
    mu, tau = np.array(inputs), [np.array(layer) for layer in units]
    if exact and chain.widths[0] + chain.undecided <= LARGEST_EXACT_ORDER:
        matrix = _exact_matrix(chain, np.broadcast_to(mu, chain.widths[0]), outer, tau)
        proven = is_exactly_semidefinite(matrix.tolist())
    else:
        reduced = with_few_inputs(chain, mu)
        proven = reduced is not None and is_proven_gain(*reduced, outer, tau)
    if not proven:
        raise InvalidCertificate("the matrix of the multipliers is not positive semidefinite")
    return Fraction(outer) * sum(map(Fraction, inputs))


def _is_exact_head(network: Network, output: int | str, minus: int | None) -> bool:
    """Tell whether the last weights of the question are floats, not rounded differences."""
    if minus is None:
        return True
    first, second = (_rational(network.weights[-1][row]) for row in (int(output), minus))
    head = network.head(int(output), minus).weights[-1][0]
    return bool((first - second == _rational(head)).all())


def _exact_matrix(
    chain: SlopeChain, inputs: NDArray[np.float64], outer: float, units: Sequence[Any]
) -> Rationals:
    """Return lambda (sum mu t^2 + 2 sum tau w (w - (b - a) g)) - |x|^2 over (t, w), w = z - a g."""
    free = [np.flatnonzero(low < high) for low, high in zip(chain.lower, chain.upper, strict=True)]
    size = len(inputs) + sum(map(len, free))
    matrix = _rational(np.zeros((size, size)))
    start = len(inputs)
    matrix[range(start), range(start)] = _rational(inputs)
    rows = _rational(np.eye(start, size))
    for position, places in enumerate(free):
        order = np.arange(start, start + len(places))
        low, high = _rational(chain.lower[position]), _rational(chain.upper[position])
        tau = _rational(units[position])[places]
        entering = _rational(chain.weights[position]) @ rows
        coupling = (tau * (high - low)[places])[:, None] * entering[places]
        matrix[order] -= coupling
        matrix[:, order] -= coupling.T
        matrix[order, order] += 2 * tau
        rows = low[:, None] * entering
        rows[places, order] += 1
        start += len(places)
    leaving = _rational(chain.weights[-1]) @ rows
    return np.asarray(Fraction(outer) * matrix - leaving.T @ leaving)


def _rational(array: NDArray[np.float64]) -> Rationals:
    return np.array([Fraction(number) for number in array.flat], dtype=object).reshape(array.shape)
