"""Check a proof about the coupled program: region and units are stated anew from the network."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from lipexplore.certificates.check import norm_polynomials
from lipexplore.certificates.sums_check import Fact, proven_sum
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.polynomials.polynomial import EMPTY
from lipexplore.regions import Region, WholeSpace
from lipexplore.relaxations.coupled import PRODUCTS, coupled_problem, region_inequalities
from lipexplore.relaxations.moments import Inequalities


def proven_coupled(
    network: Network,
    region: Region,
    slopes: SlopeRanges,
    question: Mapping[str, Any],
    part: Mapping[str, Any],
) -> Fraction:
    """Return an upper bound of L over the region that the Gram matrix and multipliers prove.

    The polynomial is formed in rationals. The inequalities between slopes and inputs have float
    coefficients for which they hold exactly (``relaxations/signs.py``), and count as they are.

    Raises
    ------
    InvalidCertificate
        If the Gram matrix is not proven to be positive semidefinite.
    ValueError
        If the program does not know the question or the numbers do not fit it.
    """
    norm, output, minus = Norm.parse(question["norm"]), question["output"], question["minus"]
    asked = question["settings"]["products"]
    products = PRODUCTS[-1] if asked == "triangles" else asked
    if norm is not Norm.LINF or network.depth != 1 or network.activations[0].name != "relu":
        raise ValueError("the coupled program is about linf and one hidden ReLU layer only")
    if isinstance(region, WholeSpace) or products not in PRODUCTS:
        raise ValueError("the coupled program needs a bounded region and known products")
    problem = coupled_problem(network.head(output, minus), slopes)
    facts = _facts(region_inequalities(network, region, problem, products))
    polynomial = norm_polynomials(network, slopes, norm, output, minus)[None]
    return proven_sum(polynomial, part, facts, problem.n_binary)


def _facts(inequalities: Inequalities) -> list[Fact]:
    """Return each inequality as a list of monomials and coefficients."""
    facts: list[list[tuple[tuple[int, ...], float]]] = [[] for _ in range(inequalities.count)]
    entries = zip(
        inequalities.columns.tolist(),
        inequalities.terms.tolist(),
        inequalities.coefficients.tolist(),
        strict=True,
    )
    for column, term, coefficient in entries:
        facts[column].append((tuple(v for v in term if v != EMPTY), coefficient))
    return list(facts)
