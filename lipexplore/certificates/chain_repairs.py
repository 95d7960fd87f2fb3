"""Multipliers near given ones for which a slope chain's matrix is definite, and their bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import itemgetter

from lipexplore.certificates.chain_multipliers import Multipliers, covariance_bound
from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.rounding import Array

DELTAS = tuple(10.0**power for power in range(-8, 0))
MARGINS = (*(10.0**power for power in range(-5, 0)), 0.5)
FINE = 1e-6
"""Repairs up to this size are not refined."""
REFINEMENTS = (10.0**0.5, 10.0**0.25)

Candidate = tuple[float, Multipliers]
Repair = Callable[[float], Candidate]


def lowered(tau: Sequence[Array], delta: float) -> Multipliers:
    """Return tau_l (1 - delta)^l, for which K > 0 if K >= 0 for tau and delta is small.

    With y_l = (1 - delta)^{l/2} z_l this is K for slopes in sqrt(1 - delta) [a, b].
    """
    return tuple(t * (1.0 - delta) ** layer for layer, t in enumerate(tau, 1))


def repaired(chain: SlopeChain, covariance: Array, tau: Multipliers) -> list[Candidate]:
    """Return pairs (lambda, tau), unproven, the least lambda first, for tau lowered in two ways.

    * :func:`lowered`, best close to the optimum, where K is singular to rounding;
    * layer by layer until a margin is left (:func:`covariance_bound`), best far from it. That works
      for every tau; from large ones it makes those of ECLipsE-Fast.

    References
    ----------
    Xu, Sivaranjani, NeurIPS 2024 (arXiv 2404.04375), for the second way.
    """

    def by_delta(delta: float) -> Candidate:
        smaller = lowered(tau, delta)
        return covariance_bound(chain, covariance, smaller)[0], smaller

    def by_margin(margin: float) -> Candidate:
        return covariance_bound(chain, covariance, tau, margin)

    found = [by_delta(0.0), *_search(by_delta, DELTAS)]
    if not any(bound < math.inf for bound, _ in found[1:3]):
        found += _search(by_margin, MARGINS)
    return sorted((pair for pair in found if pair[0] < math.inf), key=itemgetter(0))


def _search(repair: Repair, sizes: Sequence[float]) -> list[Candidate]:
    """Return candidates of ascending size until they get worse, and finer ones around the best."""
    found: list[Candidate] = []
    best = math.inf, sizes[-1]
    for size in sizes:
        found.append(repair(size))
        if found[-1][0] > best[0]:
            break
        best = min(best, (found[-1][0], size))
    if FINE < best[1] < sizes[-1]:
        for factor in REFINEMENTS:
            trials = [(repair(best[1] * f), best[1] * f) for f in (factor, 1.0 / factor)]
            found += [candidate for candidate, _ in trials]
            best = min(best, *((bound, size) for (bound, _), size in trials))
    return found
