"""P*, and the true constant L, by branch and bound or dynamic programming."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lipexplore.bounds.method import Bound, Constant, Estimate, OnProgress, SlopeMethod
from lipexplore.errors import RelaxationTooLarge
from lipexplore.exact.branch_and_bound import PatternSearch
from lipexplore.exact.pattern_feasibility import Feasibility
from lipexplore.exact.pattern_interval import PatternInterval
from lipexplore.exact.pattern_units import check_piecewise_linear
from lipexplore.exact.tree_decomposition import exact_pattern_maximum, predicted_elimination
from lipexplore.exact.witness import witness
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.networks.spline_expansion import relu_network
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.relaxations.memory import limit_bytes
from lipexplore.rounding import text_below

STRATEGIES = ("auto", "branch", "tree")
LARGEST_TABLE = 2**18
"""Entries of all tables up to which dynamic programming is preferred."""

SECONDS_PER_NODE, NODES_PER_UNIT = 1e-3, 1.035


@dataclass(frozen=True)
class Exact(SlopeMethod):
    """Close the interval around P*, the largest dual norm of the gradient over all slope patterns.

    P* is attained at ends of the slopes' ranges. Branch and bound fixes slopes one after another;
    every part is bounded by Shor's relaxation with a proof, and left when it is proven not to
    exceed the best pattern found. Where the gradient polynomial has a narrow tree decomposition,
    dynamic programming gives P* at once. For ``target`` "L" only patterns that an input of the
    region has count. Both ends are proven at any time.

    References
    ----------
    Land, Doig, Econometrica 28 (1960); Jordan, Dimakis, NeurIPS 2020 (arXiv 2003.01219), for L;
    Bertele, Brioschi, *Nonserial Dynamic Programming*, 1972.
    """

    target: str = field(
        default="P*",
        metadata={
            "help": "P*, or L over the inputs of the region (piecewise linear networks)",
            "choices": ("P*", "L"),
        },
    )
    strategy: str = field(
        default="auto",
        metadata={
            "help": "branch and bound, or dynamic programming over a tree decomposition",
            "choices": STRATEGIES,
        },
    )
    tolerance: float = field(
        default=1e-9,
        metadata={"help": "relative distance of the ends to stop at", "minimum": 1e-12},
    )
    seed: int = field(default=0, metadata={"help": "seed of the random starts", "minimum": 0})
    memory_limit: float | None = field(
        default=None,
        metadata={"help": "gigabytes; empty for half of the free memory", "minimum": 0.0},
    )

    name = "exact"
    label = "exact (branch and bound)"
    side = "interval"
    of = "P*"
    sources = (
        "Land, Doig, Econometrica 28, 1960",
        "Jordan, Dimakis, NeurIPS 2020, arXiv 2003.01219",
        "Bertele, Brioschi, Nonserial Dynamic Programming, 1972",
    )
    explanation = (
        "P* is the least bound that any method can prove from slope ranges alone. It is found by "
        "trying slopes: whole groups of patterns are ruled out by a proof that none of them beats "
        "the best one found. Stopped early it still gives a proven interval. If an input has the "
        "best pattern, P* is the true constant L, and that input is shown."
    )

    def __call__(
        self,
        network: Network,
        region: Region,
        norm: Norm,
        *,
        time_limit: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Bound:
        """Return the interval reached; exact if ``status`` says so."""
        self.check(network, norm)
        start = time.perf_counter()
        deadline = math.inf if time_limit is None else start + time_limit
        network = relu_network(network) if self.target == "L" else network
        slopes = self.slope_ranges(network, region)
        if self.target == "P*" and self._prefers_tree(network, slopes, norm):
            answer = self._by_tree(network, slopes, norm, deadline, on_progress)
        else:
            answer = self._by_branching(network, region, slopes, norm, deadline, on_progress)
        answer = replace(answer, solve_seconds=time.perf_counter() - start)
        piecewise_linear = all(a.piecewise_linear for a in network.activations)
        if self.target == "P*" and piecewise_linear and time.perf_counter() < deadline:
            answer = self._attained(answer, network, region, norm)
        return replace(answer, verify_seconds=time.perf_counter() - start - answer.solve_seconds)

    def check(self, network: Network, norm: Norm) -> None:
        """Raise UnsupportedQuestion for L of a smooth network."""
        super().check(network, norm)
        if self.target == "L":
            check_piecewise_linear(relu_network(network), f"{self.name} with target L")

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return a guess: the number of nodes is known only afterwards."""
        self.check(network, norm)
        slopes = self.slope_ranges(network, region)
        undecided = slopes.undecided
        nodes = min(2.0**undecided, 20.0 * NODES_PER_UNIT**undecided)
        widest = max(network.widths)
        work = 1.0 + (widest / 60.0) ** 2
        return Estimate(
            {"undecided units": undecided},
            0.05 + SECONDS_PER_NODE * work * nodes,
            1e6 + 40.0 * nodes * sum(network.widths),
        )

    def _prefers_tree(self, network: Network, slopes: SlopeRanges, norm: Norm) -> bool:
        if self.strategy != "auto" or network.depth == 0:
            return self.strategy == "tree"
        if network.density > 0.5:
            return False
        try:
            plan = predicted_elimination(network, slopes, norm, limit_bytes(self.memory_limit))
        except RelaxationTooLarge:
            return False
        return plan.entries <= LARGEST_TABLE

    def _by_tree(
        self,
        network: Network,
        slopes: SlopeRanges,
        norm: Norm,
        deadline: float,
        on_progress: OnProgress | None,
    ) -> Bound:
        found = exact_pattern_maximum(
            network,
            slopes,
            norm,
            memory_limit=limit_bytes(self.memory_limit),
            deadline=deadline,
            on_progress=on_progress,
        )
        status = found.status
        if status == "optimal":
            closed = found.upper <= found.lower * (1.0 + 10.0 * self.tolerance)
            status = "exact" if closed else "exact but for rounding"
        size = {"width": found.width, "entries": found.entries}
        return self._interval(found.upper, found.lower, status, size, found.slopes)

    def _by_branching(
        self,
        network: Network,
        region: Region,
        slopes: SlopeRanges,
        norm: Norm,
        deadline: float,
        on_progress: OnProgress | None,
    ) -> Bound:
        search = PatternSearch(
            network,
            slopes,
            norm,
            feasibility=Feasibility(network, region) if self.target == "L" else None,
            tolerance=self.tolerance,
            seed=self.seed,
            memory=limit_bytes(self.memory_limit),
        )
        found = search.run(deadline, on_progress)
        size = {"nodes": found.nodes, "undecided units": slopes.undecided}
        answer = self._interval(found.upper, found.lower, self._status(found), size, found.slopes)
        if self.target == "P*":
            return replace(answer, solver_value=found.root, certificate=found)
        point = found.witness.point if found.witness else None
        return replace(answer, of="L", lower_of="L", solver_value=found.root, witness=point)

    def _status(self, found: PatternInterval) -> str:
        if found.status != "exact" or found.upper <= found.lower * (1.0 + 10.0 * self.tolerance):
            return found.status
        return "a pattern is neither attained nor excluded"

    def _interval(
        self, upper: float, lower: float, status: str, size: dict[str, int], witness: Any
    ) -> Bound:
        return self.answer(
            value=upper,
            lower=lower,
            lower_of="P*",
            verified=math.isfinite(upper),
            status=status,
            residual=max(upper - lower, 0.0),
            witness=witness,
            size=size,
        )

    def _attained(self, answer: Bound, network: Network, region: Region, norm: Norm) -> Bound:
        """Replace the pattern by an input that has it, if there is one: P* is then L."""
        if network.depth == 0:
            point = region.sample(1, np.random.default_rng(0), network.n_inputs)[0]
            return replace(answer, lower_of="L", witness=point)
        found = witness(network, region, answer.witness, norm)
        if found is None or found.lower < answer.lower * (1.0 - 1e-9):
            return answer
        lower_of: Constant = "L"
        status = answer.status
        if status == "exact":
            status = f"exact, attained with margin {text_below(found.margin, 3)}: P* = L"
        return replace(
            answer, lower=found.lower, lower_of=lower_of, witness=found.point, status=status
        )
