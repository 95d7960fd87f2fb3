"""P* and L by branching on slopes: every node is bounded by the vector pass and its proof."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lipexplore.exact.incumbent import Incumbent
from lipexplore.exact.part_proofs import PartProofs
from lipexplore.exact.part_sweeps import PartSweeps, SweptParts
from lipexplore.exact.pattern_feasibility import Feasibility
from lipexplore.exact.pattern_interval import PatternInterval
from lipexplore.exact.slope_tree import Frontier, Leaf, Node, Part, Rows, SlopeBox, Waiting
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_chain import slope_chain
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.rounding import Array

Report = Callable[[Mapping[str, Any]], None]

BATCH = 64
STAGES, DOUBLE = (8, 16, 60, 40, 120), 3
"""Sweeps of new nodes; of those then below the target, before they are proven; of those that wait
for better multipliers. From stage ``DOUBLE`` on they are in double precision."""

NOISE = 2e-6
"""A value in single precision that exceeds the target by less is taken to double precision."""

MOST_LEVELS, FULL_BATCH = 6, 16
"""Levels of the tree that a node is branched by at once, and nodes from which on it is one."""

ROOT_BLOCK, ROOT_BLOCKS, STALLED = 20, 15, 2e-3
"""The roots are swept on until a block raises no value by more than this share of its gap."""
RENEWED, RENEWALS = 3, (1e-2, 5e-2)
"""An open part gets a proof of its own once it has fixed so many slopes more than the part whose
proof it inherits; how far above its value that is tried."""

ROOT_BYTES = 2**27

TIGHTENED, TIGHTENING_SWEEPS, SHARE_OF_TIGHTENING = 4, 60, 0.1
SECONDS_BETWEEN_REPORTS, MOMENT = 0.1, 1e-3
LARGEST_PROOF = 2**28


class PatternSearch:
    """The search for the largest gradient of a scalar network over choices of slopes.

    A node fixes some slopes at one end of their range. A batch of nodes is branched at once: all
    children start from their parents' vectors and are swept as one tensor; those whose value stays
    below the best gradient found are swept on until their multipliers prove it.

    Parameters
    ----------
    network
        Of one output.
    slopes
        Ranges of the slopes.
    norm
        Input norm. For l_1 every input has a tree of its own.
    feasibility
        Linear programs over the inputs, for L: only slopes that a point of the region has count,
        and parts that no point has are closed. None for P*.
    tolerance
        Relative distance of the two ends at which a part is closed.
    memory
        Bytes for open parts and for the proofs of closed ones, which may take 256 MB.

    References
    ----------
    Land, Doig, Econometrica 28 (1960), for branch and bound.
    """

    def __init__(
        self,
        network: Network,
        slopes: SlopeRanges,
        norm: Norm,
        *,
        feasibility: Feasibility | None = None,
        tolerance: float = 1e-9,
        seed: int = 0,
        memory: float = math.inf,
    ) -> None:
        self.norm, self.tolerance, self.seed, self.memory = norm, tolerance, seed, memory
        self.chain = slope_chain(network, slopes)
        self.box = SlopeBox(self.chain, slopes)
        self.proofs = PartProofs(network, slopes, norm, self.chain, self.box)
        self.sweeps = PartSweeps(self.chain, self.box, norm)
        self.incumbent = Incumbent(network, self.chain, norm, self.proofs, feasibility)
        self.frontier, self.waiting = Frontier(), Waiting()
        self.leaves: list[Leaf] | None = []
        self.closed = self.root = 0.0
        self.nodes = self._kept_bytes = 0
        self._tightening, self.deadline = 0.0, math.inf
        self._watched = False

    @np.errstate(over="ignore", invalid="ignore")
    def run(self, deadline: float = math.inf, on_progress: Report | None = None) -> PatternInterval:
        """Search until the ends meet or the time is over.

        Parameters
        ----------
        deadline
            On the clock of ``time.perf_counter``.
        on_progress
            Called with ``lower``, ``upper`` (both proven), ``done`` and ``open``.
        """
        begin, self.deadline = time.perf_counter(), deadline
        self._watched = on_progress is not None or deadline < math.inf
        end = begin + (1.0 - SHARE_OF_TIGHTENING) * (deadline - begin)
        self.incumbent.search(self.seed, end)
        self._open_roots(end)
        status, reported, batches = "exact", begin, 0
        while self.open:
            now = time.perf_counter()
            if now > end or self._is_full():
                status = "time limit" if now > end else "memory limit"
                break
            if on_progress is not None and now - reported > SECONDS_BETWEEN_REPORTS:
                if self._tightening < SHARE_OF_TIGHTENING * (now - begin):
                    self._tighten(now + MOMENT)
                on_progress(self._report())
                reported = time.perf_counter()
            if self.waiting.ready(BATCH) or not len(self.frontier):
                self._go_on()
            else:
                self._branch(search=batches < 8 or batches % 8 == 0)
                batches += 1
        now = time.perf_counter()
        self._tighten(min(deadline, now + SHARE_OF_TIGHTENING * (now - begin)))
        if on_progress is not None:
            on_progress(self._report())
        return self._answer(status)

    @property
    def open(self) -> int:
        """Number of parts that are not closed."""
        return len(self.frontier) + len(self.waiting)

    @property
    def upper(self) -> float:
        """The proven upper end at any time."""
        bounds = [node.bound for node in self._nodes]
        return max(self.closed, self.incumbent.lower, *bounds)

    @property
    def target(self) -> float:
        """What a part must be proven to stay below to be closed."""
        return self.incumbent.lower * (1.0 + self.tolerance)

    @property
    def _nodes(self) -> list[Node]:
        return [*self.frontier.nodes, *self.waiting.nodes]

    def _answer(self, status: str) -> PatternInterval:
        inherited = {id(node.part.proof): node.part.proof for node in self._nodes}
        return PatternInterval(
            upper=self.upper,
            lower=self.incumbent.lower,
            slopes=self.incumbent.slopes,
            witness=self.incumbent.witness,
            leaves=() if self.leaves is None else (*self.leaves, *inherited.values()),
            status=status,
            root=self.root,
            nodes=self.nodes,
        )

    def _report(self) -> dict[str, Any]:
        ends = {"lower": self.incumbent.lower, "upper": self.upper}
        return {"done": self.nodes, "open": self.open, **ends}

    def _is_full(self) -> bool:
        """Tell whether memory is used up, after forgetting the kept proofs."""
        used = self.frontier.nbytes + self.waiting.nbytes
        if used + self._kept_bytes > self.memory:
            self.leaves, self._kept_bytes = None, 0
        return used > self.memory

    def _open_roots(self, end: float) -> None:
        """Bound the whole box; for l_1 once per input, the heaviest first."""
        parts = self.proofs.roots()
        rows = self.sweeps.start(self.seed)
        count = max(1, min(BATCH, ROOT_BYTES // (8 * rows.nbytes)))
        while parts and parts[0].proof.bound > self.target:
            if self.open and time.perf_counter() > end:
                break
            self._open_batch(parts[:count], [rows] * len(parts[:count]), end)
            parts = parts[count:]
        for part in parts:
            self._leave(part, rows)
        self._tighten(max(end, time.perf_counter() + MOMENT))
        self.root = self.upper

    def _leave(self, part: Part, rows: Rows) -> None:
        """Close a part by the bound that it has, or keep it for later without any sweep."""
        if part.proof.bound <= self.target:
            self._close(part.proof)
            return
        unit = np.flatnonzero(self.box.undecided(part.choice))[:1]
        end = np.ones(len(unit), dtype=np.int8)
        self.frontier.push(Node(part, part.proof.bound, unit, end, rows, stage=1))

    def _open_batch(self, parts: Sequence[Part], rows: Sequence[Rows], end: float) -> None:
        swept = self.sweeps.sweep(parts, rows, 1)
        for _ in range(ROOT_BLOCKS):
            before = swept.values
            if time.perf_counter() > end:
                break
            swept = swept.on(ROOT_BLOCK)
            if (swept.values - before <= STALLED * np.abs(swept.values - self.target)).all():
                break
        self._settle(swept, stage=2)

    def _branch(self, search: bool) -> None:
        """Branch on the most promising nodes; those that may be closed by now wait for it."""
        parents = []
        for node in self.frontier.pop(BATCH):
            if node.value <= self.target and node.stage < len(STAGES):
                self.waiting.add(node)
            else:
                parents.append(node)
        if not parents:
            return
        width = max(1, min(MOST_LEVELS, FULL_BATCH // len(parents)))
        parts = [part for node in parents for part in node.children(width)]
        rows = [node.rows for node in parents for _ in node.children(width)]
        self.nodes += len(parts)
        swept = self.sweeps.sweep(parts, rows, STAGES[0])
        if search:
            self.incumbent.ascend(swept.vertices)
        promising = swept.values <= self.target * (1.0 + NOISE)
        self._settle(swept.take(np.flatnonzero(~promising)), stage=1)
        if promising.any():
            self._settle(swept.take(np.flatnonzero(promising)).on(STAGES[1]), stage=2)

    def _go_on(self) -> None:
        """Sweep on the nodes that may be closed by better multipliers."""
        nodes, stage = self.waiting.take(BATCH)
        swept = self.sweeps.go_on(nodes, STAGES[stage], double=stage >= DOUBLE)
        self._settle(swept, stage + 1)

    def _settle(self, swept: SweptParts, stage: int) -> None:
        """Close each part, or let it wait for more sweeps or to be branched on."""
        values, multipliers = swept.values.tolist(), swept.multipliers
        scores, vertices = swept.scores, swept.vertices
        for place, (part, value) in enumerate(zip(swept.parts, values, strict=True)):
            undecided = np.flatnonzero(self.box.undecided(part.choice))
            if not len(undecided):
                self._close_vertex(part)
                continue
            if value <= self.target and stage > 1 and time.perf_counter() < self.deadline:
                leaf = self.proofs.below(part, *multipliers.of(place), self.target, value)
                if leaf is not None:
                    self._close(leaf)
                    continue
            if self.incumbent.excludes(part.choice):
                continue
            part = self._renewed(part, *multipliers.of(place), value)
            order = np.argsort(-scores[place, undecided], kind="stable")[:MOST_LEVELS]
            units = undecided[order]
            ends = np.where(vertices[place, units], 1, -1).astype(np.int8)
            node = Node(part, value, units, ends, swept.rows(place), stage)
            if value <= self.target * (1.0 + NOISE) and 1 < stage < len(STAGES):
                node.stage = stage if value <= self.target else max(stage, DOUBLE)
                self.waiting.add(node)
            else:
                self.frontier.push(node)

    def _renewed(self, part: Part, mu: Array, tau: Sequence[Array], value: float) -> Part:
        """Return an open part with a proof of its own where its ancestor's has grown old.

        So the upper end follows the search: it is the largest bound that is left.
        """
        age = np.count_nonzero(part.choice != part.proof.choice)
        if age < RENEWED or not self._watched:
            return part
        for widening in RENEWALS:
            bound = value * (1.0 + widening)
            leaf = (
                None
                if bound >= part.proof.bound
                else self.proofs.below(part, mu, tau, bound, value)
            )
            if leaf is not None:
                return replace(part, proof=leaf)
        return part

    def _close(self, leaf: Leaf) -> None:
        self.closed = max(self.closed, leaf.bound)
        if self.leaves is None:
            return
        self._kept_bytes += leaf.nbytes
        self.leaves.append(leaf)
        if self._kept_bytes > LARGEST_PROOF:
            self.leaves, self._kept_bytes = None, 0

    def _close_vertex(self, part: Part) -> None:
        """Close a part with one vertex; for L try whether a point attains it."""
        leaf = self.proofs.enclosed(part.choice, part.column)
        if leaf.bound > self.target:
            if self.incumbent.excludes(part.choice):
                return
            self.incumbent.try_vertex(part.choice)
        self._close(leaf)

    def _tighten(self, end: float) -> None:
        """Prove better bounds of the open nodes that decide the upper end, while there is time."""
        begin = time.perf_counter()
        while time.perf_counter() < end:
            nodes = heapq.nlargest(TIGHTENED, self._nodes, key=lambda node: node.bound)
            loose = [node for node in nodes if not node.tight]
            if not loose or nodes[0].tight:
                break
            swept = self.sweeps.go_on(loose, TIGHTENING_SWEEPS, double=True)
            multipliers, values = swept.multipliers, swept.values.tolist()
            for place, (node, value) in enumerate(zip(loose, values, strict=True)):
                best = self.proofs.tightest(node.part, *multipliers.of(place), value)
                node.part, node.tight = replace(node.part, proof=best), True
        self._tightening += time.perf_counter() - begin
