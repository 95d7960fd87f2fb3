"""The one linear matrix inequality that is Shor's relaxation, GeoLIP and LipSDP-Neuron."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import RelaxationTooLarge, UnsupportedQuestion
from lipexplore.networks.slope_system import SectorSystem
from lipexplore.norms import Norm
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import picos

    from lipexplore.solvers.structured_kkt import DiagonalProductLMI

Integers = NDArray[np.int64]

LARGEST_UNITS = 800
MARGIN = 0.05
"""Margin of the matrix in units of the solver's tolerance: what it leaves open is about a third."""

REDUCTIONS = ("auto", "yes", "no")
BYTES_PER_ENTRY = 400.0
SECONDS_PER_PROGRAM, SECONDS_PER_SQUARE, SECONDS_PER_CUBE = 0.01, 6e-6, 1.2e-8
LARGEST_SECONDS = 3600.0


@dataclass(frozen=True, eq=False)
class SlopeLMI:
    """The smallest (lambda + weight sum(mu)) / 2 with M(lambda, mu, t) positive semidefinite.

    M is the matrix of the quadratic form in (y, x, w)

        lambda |y|^2 + sum_k mu_k x_k^2 - 2 y . F(x, w) - sum_j t_j w_j (v_j - w_j),  v = V (x, w),

    so M >= 0 proves |f| <= sqrt(lambda weight sum(mu)) for slopes w_j / v_j in [0, 1] and x in the
    unit ball. Coordinates are scaled so that rows of V and F have length 1; for l_2 there is one mu
    for all inputs. With one hidden layer it is Shor's relaxation of the gradient polynomial, with
    l_2 LipSDP-Neuron, with l_inf GeoLIP.

    Parameters
    ----------
    source
        The network in sector form.
    norm
        L2 or LINF; a program for l_1 has a single input, for which all norms agree.
    inner, outer
        V (N, k + N) and F (p, k + N) in scaled coordinates; k < n_0 if the input was reduced.
    scales
        Array (k + N,): what one unit of each scaled coordinate is in the source.
    scale
        The same for the output.

    References
    ----------
    Fazlyab et al., NeurIPS 2019 (arXiv 1906.04893); Chen, Lasserre, Magron, Pauwels, NeurIPS 2020
    (arXiv 2002.03657); Wang et al. 2022 (arXiv 2203.01212).
    """

    source: SectorSystem
    norm: Norm
    inner: Array
    outer: Array
    scales: Array
    scale: float

    @property
    def n_inputs(self) -> int:
        """Number of input coordinates k."""
        return int(self.inner.shape[1] - self.inner.shape[0])

    @property
    def size(self) -> dict[str, int]:
        """Order of the matrix, number of variables, units with a free slope, input coordinates."""
        return _size(len(self.outer), self.n_inputs, len(self.inner), self.norm)

    @property
    def weight(self) -> float:
        """Weight of sum(mu): 1 for l_inf, k for l_2, whose ball has |x|^2 <= k when scaled."""
        return 1.0 / float(self.scales[0]) ** 2

    @cached_property
    def repeats(self) -> Integers:
        """How many coordinates each variable (lambda, mu, t) multiplies on the diagonal."""
        inputs = [self.n_inputs] if self.norm is Norm.L2 else [1] * self.n_inputs
        return np.array([len(self.outer), *inputs, *[1] * len(self.inner)], dtype=np.int64)

    @cached_property
    def rows(self) -> Array:
        """B, with M = constant + Diag(Q c) B + B^T Diag(Q c) for the variables c."""
        start = len(self.outer)
        rows = 0.5 * np.eye(start + self.inner.shape[1])
        rows[start + self.n_inputs :, start:] -= 0.5 * self.inner
        return rows

    @property
    def constant(self) -> Array:
        """The part of M that no variable multiplies: -F and its transpose."""
        matrix = np.zeros_like(self.rows)
        matrix[: len(self.outer), len(self.outer) :] = -self.outer
        return np.asarray(matrix + matrix.T)

    @property
    def cost(self) -> Array:
        """The objective's coefficients of (lambda, mu, t)."""
        units = len(self.repeats) - len(self.inner)
        weights = [0.5], [0.5 * self.weight] * (units - 1), [0.0] * len(self.inner)
        return np.concatenate(weights)

    def structure(self) -> DiagonalProductLMI:
        """Return what the structured KKT solver needs to know."""
        from lipexplore.solvers.structured_kkt import DiagonalProductLMI

        return DiagonalProductLMI(self.rows, self.repeats)

    def problem(self, margin: float = 0.0) -> picos.Problem:
        """State the program in PICOS, with one vector c = (lambda, mu, t) >= 0 of variables.

        Solvers end a little outside: M >= margin I, instead of M >= 0, leaves the proof room. In
        these coordinates it raises the value by about margin times the order, relatively.
        """
        from lipexplore.relaxations.diagonal_product import diagonal_product_problem

        return diagonal_product_problem(
            self.structure(), self.constant, self.cost, "slope LMI", margin
        )

    def multipliers(self, c: Array | None) -> tuple[Array, Array] | tuple[None, None]:
        """Return (mu, t) of the source for the solver's c, None if it left none.

        A reduced input has one mu, which is that of the source: it turns x, but keeps its length.
        """
        if c is None or np.shape(c) != (len(self.repeats),):
            return None, None
        units = len(self.repeats) - len(self.inner)
        return c[1:units] * self.weight, c[units:] / np.square(self.scales[self.n_inputs :])

    @property
    def unit(self) -> float:
        """The bound that the objective 1 stands for."""
        return math.ldexp(self.scale, max(min(self.source.exponent, 1000), -1000))


def slope_lmi(
    system: SectorSystem,
    norm: Norm,
    reduce_input: str = "auto",
    memory_limit: float = math.inf,
) -> SlopeLMI:
    """Scale the system and, for the l_2 norm, reduce its input.

    Raises
    ------
    RelaxationTooLarge
        Beyond 800 units, or beyond ``memory_limit`` bytes.
    UnsupportedQuestion
        If the input shall be reduced for another norm than l_2.
    """
    check_size(predicted_size(system, norm, reduce_input), memory_limit)
    width = np.ones(system.inner.shape[1])
    width[system.n_inputs :] = system.width
    inner, outer = width[system.n_inputs :, None] * system.inner, system.outer
    if reduced_inputs(system, norm, reduce_input) < system.n_inputs:
        inner, outer = with_reduced_input(inner, outer)
    n_inputs = inner.shape[1] - len(inner)
    scales = _balanced(inner, n_inputs, norm)
    lengths = float(np.linalg.norm(outer * scales)) or 1.0
    return SlopeLMI(
        system,
        norm,
        inner * scales / scales[n_inputs:, None],
        outer * scales / lengths,
        scales,
        lengths,
    )


def with_reduced_input(inner: Array, outer: Array) -> tuple[Array, Array]:
    """Turn the input so that few coordinates matter: [V; F] x = (L Q^T) x with Q^T x shorter.

    Q has orthonormal columns, so this keeps the l_2 ball and no other one. Only the solver sees the
    reduced system; proofs use the network as it is.
    """
    count = len(inner)
    n_inputs = inner.shape[1] - count
    stacked = np.concatenate([inner[:, :n_inputs], outer[:, :n_inputs]])
    used = stacked.any(axis=1)
    triangle = np.asarray(np.linalg.qr(stacked[used].T, mode="r")).T
    reduced = np.zeros((len(stacked), max(triangle.shape[1], 1)))
    reduced[used, : triangle.shape[1]] = triangle
    return (
        np.concatenate([reduced[:count], inner[:, n_inputs:]], axis=1),
        np.concatenate([reduced[count:], outer[:, n_inputs:]], axis=1),
    )


def reduced_inputs(system: SectorSystem, norm: Norm, reduce_input: str = "auto") -> int:
    """Return how many input coordinates the program, or each of them, will have.

    Raises
    ------
    UnsupportedQuestion
        If the input shall be reduced for another norm than l_2.
    """
    if norm is not Norm.L2:
        if reduce_input == "yes":
            raise UnsupportedQuestion(
                f"turning the input changes the {norm.value} ball, so reducing it would be "
                "unsound: choose reduce_input='no' or the l2 norm"
            )
        return 1 if norm is Norm.L1 else system.n_inputs
    rows = np.concatenate([system.inner, system.outer])[:, : system.n_inputs]
    used = int(rows.any(axis=1).sum())
    return system.n_inputs if reduce_input == "no" else max(min(used, system.n_inputs), 1)


def predicted_size(system: SectorSystem, norm: Norm, reduce_input: str = "auto") -> dict[str, int]:
    """Count the program without building it; for l_1 the largest of one program per input."""
    inputs = reduced_inputs(system, norm, reduce_input)
    size = _size(system.n_outputs, inputs, system.n_units, norm)
    return {**size, "programs": system.n_inputs} if norm is Norm.L1 else size


def _size(outputs: int, inputs: int, units: int, norm: Norm) -> dict[str, int]:
    return {
        "order": outputs + inputs + units,
        "variables": 1 + (1 if norm is Norm.L2 else inputs) + units,
        "units": units,
        "inputs": inputs,
    }


def predicted_memory(size: Mapping[str, int]) -> float:
    """Return the expected peak memory in bytes of building and solving (measured)."""
    return BYTES_PER_ENTRY * float(size["order"]) ** 2


def predicted_seconds(size: Mapping[str, int]) -> float:
    """Return the expected seconds of a whole run, once everything is imported (measured)."""
    order = float(size["order"])
    each = SECONDS_PER_PROGRAM + SECONDS_PER_SQUARE * order**2 + SECONDS_PER_CUBE * order**3
    return each * size.get("programs", 1)


def check_size(size: Mapping[str, int], memory_limit: float) -> None:
    """Raise RelaxationTooLarge if the counted program is out of reach."""
    memory = predicted_memory(size)
    seconds = predicted_seconds(size)
    if size["units"] > LARGEST_UNITS or memory > memory_limit or seconds > LARGEST_SECONDS:
        programs = f"{size['programs']:,} programs: each " if "programs" in size else "the "
        raise RelaxationTooLarge(
            f"{programs}matrix inequality would have order {size['order']:,} with "
            f"{size['units']:,} units, about {memory / 1e9:.3g} GB of memory and "
            f"{seconds / 60:.2g} minutes in all, above the limit of {LARGEST_UNITS} units, "
            f"{memory_limit / 1e9:.3g} GB or {LARGEST_SECONDS / 60:.0f} minutes: prune the "
            "network, choose a smaller region or another method"
        )


def _balanced(inner: Array, n_inputs: int, norm: Norm) -> Array:
    """Return scales under which every row of V has length 1 and a typical input has entries 1."""
    scales = np.ones(inner.shape[1])
    if norm is Norm.L2:
        scales[:n_inputs] = n_inputs**-0.5
    for j, row in enumerate(inner):
        scales[n_inputs + j] = np.linalg.norm(row[: n_inputs + j] * scales[: n_inputs + j]) or 1.0
    return scales
