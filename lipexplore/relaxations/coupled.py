"""The coupled program: slopes tied to the input through the signs of the pre-activations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.polynomial import Index, PolynomialProblem
from lipexplore.polynomials.sparsity import Cliques
from lipexplore.regions import Ball, Region
from lipexplore.relaxations.krivine import krivine_relaxation, predicted_size
from lipexplore.relaxations.lasserre import used_variables
from lipexplore.relaxations.moment_size import check_size
from lipexplore.relaxations.moments import (
    Inequalities,
    MomentRelaxation,
    linear_basis,
    moment_relaxation,
)
from lipexplore.relaxations.signs import (
    ball_inequalities,
    bound_inequalities,
    joint_bounds,
    scaled_preactivations,
    secant_inequalities,
    sign_inequalities,
    times_other_slopes,
)

PRODUCTS = ("none", "pairs", "triples")


@dataclass(frozen=True, eq=False)
class CoupledProblem:
    """The gradient polynomial of one hidden ReLU layer over a region, with the input as variables.

    Every variable lies in [0, 1]: t = 2 x_t - 1 and the slopes are 0 or 1 at the maximum, the input
    is x = center + radius (2 xi - 1) and is not.

    Parameters
    ----------
    source
        The polynomial in t and s1; the block "x" holds the numbers of the xi.
    signs, slopes, inputs
        Variables t and s1 that the polynomial holds, and all xi.
    """

    source: PolynomialProblem
    signs: Index
    slopes: Index
    inputs: Index

    @property
    def n_binary(self) -> int:
        """Variables below this number are 0 or 1."""
        return self.source.blocks["x"].start

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Pairs of variables whose products of bounds are added."""
        slopes, inputs = self.slopes.tolist(), self.inputs.tolist()
        signs = self.signs.tolist()
        return [
            *product(signs, slopes + inputs),
            *product(slopes, inputs),
            *combinations(inputs, 2),
            *combinations(slopes, 2),
        ]

    def predicted_size(self, products: str) -> dict[str, int]:
        """Count the program of :func:`coupled_relaxation` (from above) without building it."""
        n_0, units = len(self.inputs), len(self.slopes)
        if not units:
            return dict.fromkeys(("rows", "columns", "nonzeros", "blocks", "largest_block"), 0)
        order = 1 + len(self.signs) + units + n_0
        rows, columns, nonzeros = order * (order + 1) // 2, n_0 + 1, 4 * n_0 + 1
        signs, secant = 3 * n_0 + 3, 2 + 3 * n_0 + n_0 * (n_0 - 1) // 2
        columns, nonzeros = columns + 2 * units, nonzeros + signs * units
        if products != "none":
            size = predicted_size(self._cliques, 2)
            columns += size["columns"] + 3 * units
            nonzeros += size["nonzeros"] + (signs + secant) * units
        if products == "triples":
            pairs = units * (units - 1)
            rows += n_0 * pairs // 2
            columns += (8 + n_0) * pairs
            nonzeros += (6 * signs + 2 * n_0) * pairs
        return {
            "rows": rows,
            "columns": columns,
            "nonzeros": nonzeros,
            "blocks": 1,
            "largest_block": order,
        }

    @property
    def _cliques(self) -> Cliques:
        return Cliques("pairs", tuple(np.array(pair, dtype=np.int64) for pair in self.pairs))


def coupled_problem(network: Network, slopes: SlopeRanges) -> CoupledProblem:
    """Return the variables of the coupled program; no unit is free where ``slopes`` is empty."""
    source = norm_gradient_problem(network, slopes, Norm.LINF)
    n_0, end = network.n_inputs, source.n_variables
    used = used_variables(source)
    blocks = {**source.blocks, "x": range(end, end + n_0)}
    return CoupledProblem(
        replace(source, blocks=blocks),
        used[used < n_0],
        used[used >= n_0],
        np.arange(end, end + n_0),
    )


def coupled_relaxation(
    network: Network,
    region: Region,
    problem: CoupledProblem,
    products: str,
    memory_limit: float = math.inf,
) -> MomentRelaxation:
    """Return Shor's relaxation of the coupled program.

    maximise t^T A^T diag(w) u over x in the region, t in [-1, 1]^{n_0} and u with u_j = 1 where
    z_j = a_j x + b_j > 0 and u_j = 0 where z_j < 0. One moment matrix holds all products of two of
    the variables t, u, x, subject to

        u_j z_j >= 0,  (1 - u_j) (-z_j) >= 0,  and x in the ball or box,

    with ``products`` not "none" also to u_j (upper_j - z_j) >= 0, (1 - u_j) (z_j - lower_j) >= 0,
    z_j (upper_j u_j + lower_j (1 - u_j) - z_j) >= 0 and the products of the bounds of two variables
    (McCormick's inequalities, which are Krivine's of degree 2), and with "triples" to the products
    of u_k and 1 - u_k with the first four of them for all j != k, which say how two units divide
    the region. Only those hold moments of degree 3, u_j u_k x_i, which are also bounded by
    themselves; no matrix holds any.

    Raises
    ------
    RelaxationTooLarge
        If the moment matrix would have more than 100 rows or the memory exceeds ``memory_limit``
        bytes; counted before building.

    References
    ----------
    Chen, Lasserre, Magron, Pauwels, NeurIPS 2020 (arXiv 2002.03657); the inequality that bounds
    z_j^2 and the triples are ours.
    """
    check_size(problem.predicted_size(products), memory_limit)
    if len(problem.slopes) == 0:
        return moment_relaxation(problem.source, [], Inequalities.none())
    parts = [region_inequalities(network, region, problem, products)]
    if products != "none":
        parts.append(Inequalities.of(krivine_relaxation(problem.source, problem._cliques, 2)))
    if products == "triples":
        parts.append(joint_bounds(problem.slopes, problem.inputs))
    variables = np.concatenate([problem.signs, problem.slopes, problem.inputs])
    return moment_relaxation(
        problem.source,
        [linear_basis(variables)],
        _joined(parts),
        problem.n_binary,
        n_region=parts[0].count,
    )


def region_inequalities(
    network: Network, region: Region, problem: CoupledProblem, products: str
) -> Inequalities:
    """Return those inequalities of the coupled program that say where the region and units are."""
    if len(problem.slopes) == 0:
        return Inequalities.none()
    units = problem.slopes - problem.source.blocks["s1"].start
    z = scaled_preactivations(network, region, units)
    signs = sign_inequalities(z, problem.slopes, problem.inputs)
    bounds = bound_inequalities(z, problem.slopes, problem.inputs)
    parts = [signs, ball_inequalities(problem.inputs, within_l2=_is_round(region))]
    if products != "none":
        parts += [bounds, secant_inequalities(z, problem.slopes, problem.inputs)]
    if products == "triples":
        parts.append(times_other_slopes(signs.joined(bounds), problem.slopes))
    return _joined(parts)


def _is_round(region: Region) -> bool:
    return isinstance(region, Ball) and region.norm is not Norm.LINF


def _joined(parts: Sequence[Inequalities]) -> Inequalities:
    total = Inequalities.none()
    for part in parts:
        total = total.joined(part)
    return total
