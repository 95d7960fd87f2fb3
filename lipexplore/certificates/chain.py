"""Proven bounds of a slope chain from any multipliers, at the cost of a few Cholesky per layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np

from lipexplore.certificates.chain_inputs import reduced_inputs, with_few_inputs
from lipexplore.certificates.chain_multipliers import (
    Multipliers,
    cleaned,
    covariance_bound,
    input_covariance,
)
from lipexplore.certificates.chain_proof import is_proven_gain, is_zero
from lipexplore.certificates.chain_repairs import Candidate, lowered, repaired
from lipexplore.networks.slope_chain import SlopeChain, without_idle_units
from lipexplore.norms import Norm
from lipexplore.rounding import Array, down, sum_up, up

SAFETY = 3.0
GAPS = tuple(10.0 ** (-7.0 - 0.5 * rung) for rung in range(13))
LARGE = 2.0**300
"""Start of a repair in place of multipliers from which there is no bound."""
WIDENINGS = (1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-7, 1e-5, 1e-3, 1e-1)
PRUNING_DELTA, CLOSE_DELTA, PRUNING_MARGINS = 1e-4, 1e-7, (1e-3, 1e-2)

Ranges = Sequence[Array] | None


@dataclass(frozen=True, eq=False)
class ChainCertificate:
    """Numbers lambda, mu, tau that prove |x|^2 <= lambda sum_k mu_k t_k^2 for a slope chain.

    Parameters
    ----------
    value
        sqrt(lambda sum(mu)) 2^exponent, rounded up: a proven bound of the network's P*; infinite
        where nothing is proven.
    outer, inputs, units
        lambda; mu, one per input for l_inf, a single one for l_1 and l_2; tau, an array per hidden
        layer, 0 for units with a fixed slope. All in the chain's scaling.
    column
        The input that it is about, for l_1.
    """

    value: float
    outer: float
    inputs: Array
    units: Multipliers
    column: int | None = None


class ChainProver:
    """Bounds the largest output of a chain over all inputs of the unit ball, from multipliers.

    For mu, tau > 0 let K be the matrix of sum_k mu_k t_k^2 + 2 sum tau (z - a g)(z - b g). If
    |x|^2 / lambda <= K then |x|^2 <= lambda sum(mu) over the unit ball (mu for l_2, and for one
    input of l_1). Multipliers may be anything: they are made positive, clipped relative to their
    layer, and lowered where K is not definite (:func:`~.chain_repairs.repaired`).

    Parameters
    ----------
    chain
        The network as a chain.
    norm
        Input norm. Several outputs are measured in l_2.
    column
        The input in question, for l_1 only.

    References
    ----------
    Fazlyab et al., NeurIPS 2019 (arXiv 1906.04893), for K.
    """

    def __init__(self, chain: SlopeChain, norm: Norm, column: int | None = None) -> None:
        if (norm is Norm.L1) != (column is not None):
            raise ValueError("an input is chosen for the l1 norm, and for no other")
        self._chain, self._column = chain_of_column(chain, column), column
        first = self._chain.weights[0]
        self._count = first.shape[1] if norm is Norm.LINF else 1
        self._covariance: Array | None = None
        self._factor: Array | None = None
        if norm is not Norm.LINF:
            self._covariance = input_covariance(first, np.ones(first.shape[1]))
            if first.shape[1] > first.shape[0]:
                self._factor = reduced_inputs(first, np.ones(first.shape[1]), SAFETY)

    @np.errstate(all="ignore")
    def estimate(
        self, inputs: Array, units: Sequence[Array], lower: Ranges = None, upper: Ranges = None
    ) -> float:
        """Return sqrt(lambda sum(mu)) as floating point gives it, not proven; inf if K is not > 0.

        Parameters
        ----------
        inputs, units
            mu, and tau per hidden layer.
        lower, upper
            Slopes per hidden layer in place of the chain's, in its scaling.
        """
        chain = self._with(lower, upper)
        mu, tau = cleaned(chain, inputs, units, self._count)
        square, _ = covariance_bound(chain, self._input_covariance(mu), tau)
        return _in_units(math.sqrt(square * float(mu.sum())), chain.exponent)

    @np.errstate(all="ignore")
    def prove(
        self,
        inputs: Array,
        units: Sequence[Array],
        lower: Ranges = None,
        upper: Ranges = None,
        value: float = 0.0,
    ) -> ChainCertificate:
        """Return a proven bound, from the multipliers' neighbours that give the least one.

        Parameters
        ----------
        inputs, units, lower, upper
            As for :meth:`estimate`.
        value
            The pass's value, or any lower bound of the relaxation: near the optimum the proof is
            more accurate than an estimate, so that bounds just above the value are tried first.
            Without it the bound is some 1e-8 above the least one.
        """
        chain = self._with(lower, upper)
        mu, tau = cleaned(chain, inputs, units, self._count)
        if is_zero(chain):
            return ChainCertificate(0.0, 0.0, mu, tau, self._column)
        reduced = self._reduced(chain, mu)
        least = square_below(value, chain.exponent, mu)
        found = None
        if reduced is not None:
            covariance = self._input_covariance(mu)
            pairs = zip(chain.lower, chain.upper, strict=True)
            large: Multipliers = tuple(np.where(a < b, LARGE, 0.0) for a, b in pairs)
            found = _close(*reduced, tau, least)
            for start in (tau, large):
                if found is None:
                    candidates = repaired(chain, covariance, start)
                    found = _first_proven(*reduced, candidates, least * (1.0 - 1e-9))
        if found is None:
            return ChainCertificate(math.inf, math.inf, mu, tau, self._column)
        outer, t = found
        return ChainCertificate(_value(outer, mu, chain.exponent), outer, mu, t, self._column)

    @np.errstate(all="ignore")
    def is_proven_below(
        self,
        inputs: Array,
        units: Sequence[Array],
        bound: float,
        lower: Ranges = None,
        upper: Ranges = None,
    ) -> bool:
        """Tell whether the multipliers prove that the largest output is at most ``bound``.

        Meant for pruning, for which one factorisation often does.
        """
        chain = self._with(lower, upper)
        mu, tau = cleaned(chain, inputs, units, self._count)
        outer = square_below(bound, chain.exponent, mu)
        reduced = self._reduced(chain, mu) if outer > 0.0 else None
        if reduced is None:
            return bound >= 0.0 and is_zero(chain)
        if is_proven_gain(*reduced, outer, lowered(tau, PRUNING_DELTA)):
            return True
        for margin in PRUNING_MARGINS:
            least, smaller = covariance_bound(chain, self._input_covariance(mu), tau, margin)
            if least <= outer:
                return is_proven_gain(*reduced, outer, smaller)
            if least <= outer * (1.0 + 20.0 * margin):
                return is_proven_gain(*reduced, outer, lowered(tau, CLOSE_DELTA))
        return False

    def _with(self, lower: Ranges, upper: Ranges) -> SlopeChain:
        if lower is None and upper is None:
            return self._chain
        lower = self._chain.lower if lower is None else tuple(lower)
        upper = self._chain.upper if upper is None else tuple(upper)
        return replace(self._chain, lower=lower, upper=upper)

    def _input_covariance(self, mu: Array) -> Array:
        if self._covariance is not None:
            return np.asarray(self._covariance / mu)
        return input_covariance(self._chain.weights[0], mu)

    def _reduced(self, chain: SlopeChain, mu: Array) -> tuple[SlopeChain, Array] | None:
        return with_few_inputs(chain, mu, SAFETY, self._factor)


def chain_of_column(chain: SlopeChain, column: int | None) -> SlopeChain:
    """Return the chain with one of its inputs only."""
    if column is None:
        return chain
    first = np.ascontiguousarray(chain.weights[0][:, column : column + 1])
    return without_idle_units(replace(chain, weights=(first, *chain.weights[1:])))


def _close(chain: SlopeChain, inputs: Array, tau: Multipliers, least: float) -> Candidate | None:
    """Return the proven bound that is the closest to ``least``, if one is within 1e-7.

    A bound a factor 1 + eta higher leaves room for delta = eta / (d + 1), which costs at most
    (1 - delta)^-d if no slopes have the same sign.
    """

    def proven(gap: float) -> Candidate | None:
        outer, smaller = least * (1.0 + 2.0 * gap), lowered(tau, 2.0 * gap / (chain.depth + 1))
        return (outer, smaller) if is_proven_gain(chain, inputs, outer, smaller, SAFETY) else None

    best = proven(GAPS[0]) if least > 0.0 else None
    first, last = 1, len(GAPS)
    while best is not None and first < last:
        middle = (first + last) // 2
        found = proven(GAPS[middle])
        if found is None:
            last = middle
        else:
            best, first = found, middle + 1
    return best


def _first_proven(
    chain: SlopeChain, inputs: Array, candidates: Sequence[Candidate], least: float
) -> Candidate | None:
    """Return the least bound that is proven, candidates being unproven and maybe too low."""
    trials = [(outer * (1.0 + w), t) for outer, t in candidates for w in WIDENINGS]
    for outer, t in sorted(trials, key=itemgetter(0)):
        if outer >= least and is_proven_gain(chain, inputs, outer, t, SAFETY):
            return outer, t
    return None


def square_below(bound: float, exponent: int, mu: Array) -> float:
    """Return lambda with sqrt(lambda sum(mu)) 2^exponent <= bound; 0 if there is none."""
    try:
        scaled = float(down(math.ldexp(bound, -exponent)))
    except OverflowError:
        return float(np.finfo(np.float64).max)
    return float(down(down(scaled * scaled) / sum_up(mu.tolist()))) if scaled > 0.0 else 0.0


def _value(outer: float, mu: Array, exponent: int) -> float:
    """Return sqrt(lambda sum(mu)) 2^exponent, rounded up."""
    product = float(up(up(outer) * sum_up(mu.tolist())))
    return _in_units(float(up(math.sqrt(product))), exponent)


def _in_units(value: float, exponent: int) -> float:
    try:
        return float(up(math.ldexp(value, exponent))) if value < math.inf else math.inf
    except OverflowError:
        return math.inf
