"""Boxes that contain what an implicit network can reach from a box of inputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lipexplore.errors import InvalidSetting
from lipexplore.networks.contraction import Contraction
from lipexplore.networks.fixed_points import averaged, fixed_points, proven_radius
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.properties.implicit.gain import SlopeBox
from lipexplore.rounding import Array, affine_interval, around, down, product_error, up

Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EmbeddedNetwork:
    """The mixed monotone network of twice the size, whose equilibrium is a box of states.

    With A = P + N, P the diagonal and the positive entries off it, N the negative ones,

        zl = phi(P zl + N zu + B+ xl + B- xu + b),   zu = phi(P zu + N zl + B+ xu + B- xl + b).

    Its matrix measure in the weights (eta, eta) is that of A, so the same proof and step serve, and
    zl <= z(x) <= zu for every x in [xl, xu]: the averaged step keeps that order, which is why a
    negative diagonal may stay in P. For every computed pair, converged or not, the pair is moved
    outward by its proven radius.

    Parameters
    ----------
    network
        The implicit network; NoContraction is raised where none is proven.
    steps
        Averaged steps to take before the radius is computed; None for as many as it takes.

    References
    ----------
    Jafarpour, Abate, Davydov, Bullo, Coogan 2021 (arXiv 2112.05310); Davydov, Jafarpour, Abate,
    Bullo, Coogan 2022 (arXiv 2208.03889).
    """

    network: ImplicitNetwork
    steps: int | None = None

    @cached_property
    def contraction(self) -> Contraction:
        """The proof for both halves."""
        proof = self.network.contraction
        return Contraction(np.tile(proof.weights, 2), np.tile(proof.rows, 2), proof.step)

    @cached_property
    def matrix(self) -> Array:
        """[P N; N P], shape (2 n, 2 n)."""
        return _mixed(self.network.A, keep_diagonal=True)

    @cached_property
    def incoming(self) -> Array:
        """[P N B+ B-; N P B- B+], shape (2 n, 2 n + 2 m)."""
        inputs = _mixed(self.network.B, keep_diagonal=False)
        return np.concatenate([self.matrix, inputs], axis=1)

    @cached_property
    def bias(self) -> Array:
        """(b, b), shape (2 n,)."""
        return np.tile(self.network.b, 2)

    def states(self, lower: ArrayLike, upper: ArrayLike) -> tuple[Array, Array]:
        """Return proven ends of the states over input boxes.

        Parameters
        ----------
        lower, upper
            Arrays (m,) for one box or (count, m) for many.

        Returns
        -------
        tuple of arrays of shape (n,) or (count, n)
            Rounded outward.
        """
        ends = _boxes(self.network, lower, upper)
        below, above = self._states(*ends)
        return below.reshape(*_leading(lower), -1), above.reshape(*_leading(lower), -1)

    def outputs(self, lower: ArrayLike, upper: ArrayLike) -> tuple[Array, Array]:
        """Return proven ends of the outputs over input boxes, each (p,) or (count, p)."""
        ends = _boxes(self.network, lower, upper)
        outgoing = np.concatenate([self.network.C, self.network.D], axis=1)
        below, above = _affine(outgoing, self.network.c, self._states(*ends), ends)
        return below.reshape(*_leading(lower), -1), above.reshape(*_leading(lower), -1)

    def margins(self, lower: Array, upper: Array, labels: Labels) -> Array:
        """Return proven lower ends of y_label - y_j over boxes (count, m), shape (count, p).

        Rows of C, D and c are subtracted first, which is never worse than subtracting boxes; the
        column of the label is 0.
        """
        ends = _boxes(self.network, lower, upper)
        states, result = self._states(*ends), np.zeros((len(ends[0]), self.network.n_outputs))
        for label in np.unique(labels):
            rows = labels == label
            chosen = tuple(end[rows] for end in states), tuple(end[rows] for end in ends)
            result[rows] = _margins_below(self.network, int(label), *chosen)
            result[rows, label] = 0.0
        return result

    def slopes(self, lower: ArrayLike, upper: ArrayLike) -> SlopeBox:
        """Return the slopes that each state's activation can take over one input box.

        The pre-activations of zl and zu enclose all others: v = a_ii phi(v) + r_i has one solution,
        which grows with r_i, since s a_ii < 1.
        """
        xl, xu = _boxes(self.network, lower, upper)
        pair, error = self._pair(xl, xu)
        inputs = np.concatenate([xl, xu], axis=1)
        below, above = _affine(
            self.incoming, self.bias, (down(pair - error), up(pair + error)), (inputs, inputs)
        )
        count = self.network.n_states
        return SlopeBox(*self.network.activation.slope_range(below[0, :count], above[0, count:]))

    def _states(self, lower: Array, upper: Array) -> tuple[Array, Array]:
        pair, error = self._pair(lower, upper)
        count = self.network.n_states
        return down(pair - error)[:, :count], up(pair + error)[:, count:]

    def _pair(self, lower: Array, upper: Array) -> tuple[Array, Array]:
        """Return (zl, zu) near the equilibrium of each box, and a proven bound of their errors."""
        act, inputs = self.network.activation, np.concatenate([lower, upper], axis=1)
        drive = inputs @ self.incoming[:, 2 * self.network.n_states :].T + self.bias
        step = self.contraction.step
        if self.steps is None:
            pair, _ = fixed_points(self.matrix, drive, act, step)
        else:
            pair = averaged(self.matrix, drive, act, step, self.steps)
        radius = proven_radius(self.incoming, self.bias, act, self.contraction, pair, inputs)
        return pair, up(radius[:, None] * self.contraction.weights)


def reachable_box(
    network: ImplicitNetwork, center: ArrayLike, radius: float
) -> tuple[Array, Array]:
    """Return proven ends (p,) of the outputs over ``|x - center|_inf <= radius``.

    Parameters
    ----------
    network
        n states, m inputs, p outputs.
    center
        Array (m,).
    radius
        Half the widths of the box of inputs.

    Examples
    --------
    >>> network = ImplicitNetwork([[-3.0]], [[1.0]], [0.0], [[1.0]])
    >>> lower, upper = reachable_box(network, [2.0], 1.0)
    >>> bool(lower[0] <= 0.25 <= 0.75 <= upper[0] <= 0.75 + 1e-9)
    True

    Raises
    ------
    InvalidSetting
        If the radius is negative or not finite.
    """
    return EmbeddedNetwork(network).outputs(*ball_box(center, radius))


def ball_box(
    center: ArrayLike, radius: float | Array, clip: tuple[float, float] | None = None
) -> tuple[Array, Array]:
    """Return the outward-rounded box of an l_inf ball, cut to the range of valid inputs if given.

    Raises
    ------
    InvalidSetting
        If a radius is negative or not finite, or the centre lies outside the valid range.
    """
    points, radii = np.asarray(center, dtype=np.float64), np.asarray(radius, dtype=np.float64)
    if not (np.isfinite(radii).all() and (radii >= 0.0).all()):
        raise InvalidSetting(f"the radius must be at least 0 and finite, not {radius}")
    spread = radii[..., None] if radii.ndim else radii
    lower = np.where(spread > 0.0, down(points - spread), points)
    upper = np.where(spread > 0.0, up(points + spread), points)
    if clip is None:
        return lower, upper
    if not ((points >= clip[0]) & (points <= clip[1])).all():
        raise InvalidSetting(f"inputs must lie between {clip[0]:g} and {clip[1]:g}")
    return np.maximum(lower, clip[0]), np.minimum(upper, clip[1])


def output_box(
    network: ImplicitNetwork, states: tuple[Array, Array], inputs: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Enclose C z + D x + c over a box of states (n,) and one of inputs (m,): each end (p,)."""
    outgoing = np.concatenate([network.C, network.D], axis=1)
    lower, upper = (np.concatenate(ends) for ends in zip(states, inputs, strict=True))
    return affine_interval(outgoing, network.c, lower, upper)


def _mixed(matrix: Array, keep_diagonal: bool) -> Array:
    """Return [P N; N P] with P the positive entries, and the diagonal if it is to stay."""
    positive = np.maximum(matrix, 0.0)
    if keep_diagonal:
        np.fill_diagonal(positive, np.diagonal(matrix))
    negative = matrix - positive
    return np.block([[positive, negative], [negative, positive]])


def _leading(values: ArrayLike) -> tuple[int, ...]:
    return np.shape(values)[:-1]


def _boxes(network: ImplicitNetwork, lower: ArrayLike, upper: ArrayLike) -> tuple[Array, Array]:
    """Return the ends as arrays (count, m)."""
    ends = tuple(np.atleast_2d(np.asarray(end, dtype=np.float64)) for end in (lower, upper))
    for end in ends:
        if end.ndim != 2 or end.shape[1] != network.n_inputs or end.shape != ends[0].shape:
            raise InvalidSetting(f"a box needs two ends of {network.n_inputs} numbers each")
    if not (np.isfinite(ends[0]) & np.isfinite(ends[1]) & (ends[0] <= ends[1])).all():
        raise InvalidSetting("a box's lower end must be finite and not above its upper end")
    return ends[0], ends[1]


def _affine(
    weight: Array, bias: Array, states: tuple[Array, Array], inputs: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Enclose W (z, x) + b over many boxes: two arrays (count, rows)."""
    lower, upper = (np.concatenate(ends, axis=1).T for ends in zip(states, inputs, strict=True))
    below, above = affine_interval(weight, bias[:, None], lower, upper)
    return below.T, above.T


def _margins_below(
    network: ImplicitNetwork,
    label: int,
    states: tuple[Array, Array],
    inputs: tuple[Array, Array],
) -> Array:
    """Return lower ends of y_label - y_j; the differences of weights are rounded once each."""
    outgoing = np.concatenate([network.C, network.D], axis=1)
    weight, offset = outgoing[label] - outgoing, network.c[label] - network.c
    below, _ = _affine(weight, offset, states, inputs)
    lower, upper = (np.concatenate(ends, axis=1).T for ends in zip(states, inputs, strict=True))
    largest = np.maximum(np.abs(lower), np.abs(upper))
    magnitude = np.abs(weight) @ largest + np.abs(offset)[:, None]
    return around(below, product_error(weight.shape[1] + 2, magnitude).T)[0]
