"""P* and L by branching on slopes: every node is bounded by the vector pass and its proof."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.certificates.chain import ChainProver
from lipexplore.exact.pattern_ascent import Vertices, ascend, shaken
from lipexplore.exact.pattern_feasibility import Feasibility
from lipexplore.exact.slope_tree import (
    NO_COLUMN,
    Frontier,
    Leaf,
    Node,
    Part,
    Rows,
    SlopeBox,
    Waiting,
)
from lipexplore.exact.vector_pass import VectorPass
from lipexplore.exact.vector_state import Ascent, Vectors
from lipexplore.exact.witness import Witness, proven_at, witness
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import (
    gradient_norm_below,
    jacobian_enclosure,
    norm_above,
)
from lipexplore.networks.slope_chain import SlopeChain, slope_chain
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.rounding import Array

Report = Callable[[Mapping[str, Any]], None]

RANK = 8
BATCH = 64
ROOT_SWEEPS = 300
STAGES = (8, 24, 60, 120)
"""Sweeps of a new node, then those of a node that waits for multipliers good enough to close it;
the last ones in double precision."""

STARTS, SHAKES = 200, 6
WITNESSES = 8
"""Vertices of a batch for which a point is sought, for L."""

TIGHTENING = (1e-5, 1e-3, 1e-2)
SHARE_OF_TIGHTENING = 0.1
SECONDS_BETWEEN_REPORTS = 0.1
LARGEST_PROOF = 2**28


@dataclass(frozen=True, eq=False)
class PatternInterval:
    """What is proven of P*, or of L.

    Parameters
    ----------
    upper, lower
        Proven ends.
    slopes
        Per layer, the slopes whose gradient attains ``lower``; ends of their ranges.
    witness
        For L, the point of the region that attains ``lower``.
    leaves
        Closed parts of the tree; with the open ones they cover the box of slopes. Empty if they
        were not kept.
    status
        "exact" if the ends differ by the tolerance at most, else why the search ended.
    root
        Proven bound before any branching.
    nodes
        Number of nodes that were bounded.
    """

    upper: float
    lower: float
    slopes: tuple[Array, ...]
    witness: Witness | None
    leaves: tuple[Leaf, ...]
    status: str
    root: float
    nodes: int


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
    keep
        Keep the multipliers of closed parts, as long as they take less than 256 MB.

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
        keep: bool = True,
    ) -> None:
        self.network, self.slopes, self.norm = network, slopes, norm
        self.feasibility = feasibility
        self.witness: Witness | None = None
        self.tolerance, self.seed, self.memory = tolerance, seed, memory
        self.chain = slope_chain(network, slopes)
        self.light = _in_single_precision(self.chain)
        self.box = SlopeBox(self.chain)
        self.frontier, self.waiting = Frontier(), Waiting()
        self.leaves: list[Leaf] | None = [] if keep else None
        self.lower, self.slopes_of_lower = 0.0, tuple(slopes.upper)
        self.closed = self.root = 0.0
        self.nodes = 0
        self._kept_bytes = 0
        self._provers: dict[int, ChainProver] = {}

    def run(self, deadline: float = math.inf, on_progress: Report | None = None) -> PatternInterval:
        """Search until the ends meet or the time is over.

        Parameters
        ----------
        deadline
            On the clock of ``time.perf_counter``.
        on_progress
            Called with ``lower``, ``upper`` (both proven), ``done`` and ``open``.
        """
        self._find_start(deadline)
        self._open_roots()
        status, reported, batches = "exact", time.perf_counter(), 0
        while self.open:
            now = time.perf_counter()
            if now > deadline or self.nbytes > self.memory:
                status = "time limit" if now > deadline else "memory limit"
                self._tighten(SHARE_OF_TIGHTENING * (now - reported))
                break
            if on_progress is not None and now - reported > SECONDS_BETWEEN_REPORTS:
                self._tighten(SHARE_OF_TIGHTENING * (now - reported))
                on_progress(self._report())
                reported = now
            if self.waiting.ready(BATCH) or not len(self.frontier):
                self._go_on()
            else:
                self._branch(search=batches < 8 or batches % 8 == 0)
                batches += 1
        if on_progress is not None:
            on_progress(self._report())
        return PatternInterval(
            upper=self.upper,
            lower=self.lower,
            slopes=self.slopes_of_lower,
            witness=self.witness,
            leaves=tuple(self.leaves or ()),
            status=status,
            root=self.root,
            nodes=self.nodes,
        )

    @property
    def open(self) -> int:
        """Number of parts that are not closed."""
        return len(self.frontier) + len(self.waiting)

    @property
    def nbytes(self) -> int:
        """Memory of the open parts."""
        return self.frontier.nbytes + self.waiting.nbytes

    @property
    def upper(self) -> float:
        """The proven upper end at any time."""
        bounds = [node.bound for node in (*self.frontier.nodes, *self.waiting.nodes)]
        return max(self.closed, self.lower, *bounds)

    @property
    def target(self) -> float:
        """What a part must be proven to stay below to be closed."""
        return self.lower * (1.0 + self.tolerance)

    def _report(self) -> dict[str, Any]:
        return {
            "done": self.nodes,
            "open": self.open,
            "lower": self.lower,
            "upper": self.upper,
        }

    def _find_start(self, deadline: float) -> None:
        """Search for a good vertex from random and from shaken ones."""
        rng = np.random.default_rng(self.seed)
        vertices = rng.random((STARTS, len(self.box.free))) < 0.5
        vertices[0] = True
        best = self._ascend(vertices, deadline)
        for _ in range(SHAKES):
            if time.perf_counter() < deadline:
                best = self._ascend(shaken(best, STARTS, rng), deadline)

    def _ascend(self, vertices: Vertices, deadline: float = math.inf) -> Vertices:
        """Improve vertices and try whether the best of them raise the lower end."""
        values, reached = ascend(self.chain, self.norm, vertices, deadline)
        order = np.argsort(-values, kind="stable")
        tries = 1 if self.feasibility is None else WITNESSES
        for place in order[:tries].tolist():
            if self._in_units(values[place]) > self.lower:
                self._try(self._ends(reached[place]))
        best: Vertices = reached[order[0]]
        return best

    def _ends(self, upper: Vertices) -> tuple[Array, ...]:
        """Return the slopes of a vertex in the network's units, per layer."""
        return tuple(
            np.where(above, high, low)
            for above, low, high in zip(
                self.box.split(upper), self.slopes.lower, self.slopes.upper, strict=True
            )
        )

    def _try(self, ends: tuple[Array, ...]) -> None:
        """Raise the lower end to the gradient at a vertex, for L only if a point attains it."""
        if self.feasibility is None:
            lower = gradient_norm_below(self.network, SlopeRanges(ends, ends), self.norm)
            if lower > self.lower:
                self.lower, self.slopes_of_lower = lower, ends
            return
        region = self.feasibility.region
        self._accept(witness(self.network, region, ends, self.norm, self.feasibility))

    def _accept(self, found: Witness | None) -> None:
        if found is not None and found.lower > self.lower:
            self.lower, self.slopes_of_lower, self.witness = found.lower, found.slopes, found

    def _open_roots(self) -> None:
        """Bound the whole box; for l_1 once per input."""
        columns = range(self.network.n_inputs) if self.norm is Norm.L1 else [NO_COLUMN]
        whole = np.zeros(len(self.box.free), dtype=np.int8)
        parts = [Part(whole, column, math.inf) for column in columns]
        problem = self._problem(self.light, parts)
        start = problem.start(RANK, self.seed)
        rows = start.rows.astype(np.float32)
        self._sweep(parts, rows, ROOT_SWEEPS, stage=1)
        self._tighten(math.inf)
        self.root = self.upper

    def _branch(self, search: bool) -> None:
        """Branch on the most promising nodes."""
        parents = self.frontier.pop(BATCH)
        parts = [
            Part(choice, node.column, node.bound) for node in parents for choice in node.children()
        ]
        self.nodes += len(parts)
        rows = np.repeat(_stacked(parents), 2, axis=1)
        ascent = self._sweep(parts, rows, STAGES[0], stage=1)
        if search:
            self._ascend(_rounded(ascent))

    def _go_on(self) -> None:
        """Sweep on the nodes that may be closed by better multipliers."""
        nodes, stage = self.waiting.take(BATCH)
        parts = [Part(node.choice, node.column, node.bound) for node in nodes]
        self._sweep(parts, _stacked(nodes), STAGES[stage], stage + 1)

    def _sweep(self, parts: Sequence[Part], rows: Rows, sweeps: int, stage: int) -> Ascent:
        """Sweep, then close each part, or let it wait for more sweeps or to be branched on."""
        light = stage < len(STAGES)
        problem = self._problem(self.light if light else self.chain, parts)
        start: Any = rows if light else rows.astype(np.float64)
        ascent = problem.run(Vectors(start, problem.widths), sweeps)
        multipliers = problem.multipliers(ascent.last)
        scores = _joined(problem.scores(ascent.last), len(parts))
        for place, part in enumerate(parts):
            undecided = self.box.undecided(part.choice)
            if not undecided.any():
                self._close_vertex(part)
                continue
            value = self._in_units(ascent.best[place])
            may_close = value <= self.target
            if may_close and self._proven(part, *multipliers.of(place)):
                continue
            if self._excluded(part):
                continue
            unit = int(np.where(undecided, scores[place], -1.0).argmax())
            vectors = ascent.vectors.rows[:, place].astype(np.float32)
            node = Node(part.choice, part.column, value, part.bound, unit, vectors)
            if may_close and stage < len(STAGES):
                self.waiting.add(node, stage)
            else:
                self.frontier.push(node)
        return ascent

    def _proven(self, part: Part, mu: Array, tau: Sequence[Array]) -> bool:
        """Close a part if the multipliers prove that it stays below the target."""
        inputs = mu.astype(np.float32)
        units = np.concatenate([np.empty(0), *tau]).astype(np.float32)
        bound = self.target
        proven = self._prover(part.column).is_proven_below(
            inputs.astype(np.float64),
            self.box.split(units.astype(np.float64)),
            bound,
            *self.box.ranges(part.choice),
        )
        if proven:
            self._close(Leaf(part.choice, part.column, bound, inputs, units))
        return proven

    def _close(self, leaf: Leaf) -> None:
        self.closed = max(self.closed, leaf.bound)
        if self.leaves is None:
            return
        self._kept_bytes += leaf.choice.nbytes
        if leaf.inputs is not None and leaf.units is not None:
            self._kept_bytes += leaf.inputs.nbytes + leaf.units.nbytes
        if self._kept_bytes > LARGEST_PROOF:
            self.leaves = None
        else:
            self.leaves.append(leaf)

    def _close_vertex(self, part: Part) -> None:
        """Close a part with one vertex; for L try whether a point attains it."""
        bound = self._enclosed(part)
        if self.feasibility is not None and bound > self.target:
            if self._excluded(part):
                return
            self._try(self._ends(part.choice > 0))
        self._close(Leaf(part.choice, part.column, bound))

    def _excluded(self, part: Part) -> bool:
        """Drop a part that no point of the region is in; else see what its best point attains."""
        if self.feasibility is None:
            return False
        ranges = self._ends(part.choice > 0), self._ends(part.choice >= 0)
        if self.feasibility.is_proven_infeasible(*ranges):
            return True
        point = self.feasibility.point(*ranges)
        if point is not None:
            self._accept(proven_at(self.network, self.feasibility.region, point, self.norm))
        return False

    def _enclosed(self, part: Part) -> float:
        """Return a proven upper bound of the gradient's norm for fixed slopes."""
        ends = self._ends(part.choice > 0)
        lower, upper = jacobian_enclosure(self.network, SlopeRanges(ends, ends))
        magnitude = np.maximum(np.abs(lower), np.abs(upper))[0]
        if part.column != NO_COLUMN:
            magnitude = magnitude[[part.column]]
        return norm_above(magnitude, self.norm.dual)

    def _tighten(self, seconds: float) -> None:
        """Prove better bounds of the open nodes, those that decide the upper end first."""
        end = time.perf_counter() + seconds
        nodes = sorted(self.frontier.nodes, key=lambda node: -node.bound)
        for place, node in enumerate(nodes):
            if time.perf_counter() > end:
                break
            if node.bound > node.value * (1.0 + TIGHTENING[-1]):
                nodes[place] = self._tightened(node)
        self.frontier.replace(nodes)

    def _tightened(self, node: Node) -> Node:
        problem = self._problem(self.chain, [node])
        rows = node.rows.astype(np.float64)[:, None]
        ascent = problem.run(Vectors(rows, problem.widths), STAGES[2])
        mu, tau = problem.multipliers(ascent.last).of(0)
        value = self._in_units(ascent.best[0])
        ranges = self.box.ranges(node.choice)
        prover = self._prover(node.column)
        for widening in TIGHTENING:
            bound = value * (1.0 + widening)
            if bound < node.bound and prover.is_proven_below(mu, tau, bound, *ranges):
                return replace(node, bound=bound)
        certificate = prover.prove(mu, tau, *ranges, value=value)
        return replace(node, bound=min(node.bound, certificate.value))

    def _in_units(self, value: float) -> float:
        """Return a value of the chain in the network's units, infinite where it overflows."""
        return float(np.ldexp(np.float64(value), self.chain.exponent))

    def _prover(self, column: int) -> ChainProver:
        if column not in self._provers:
            chosen = None if column == NO_COLUMN else column
            self._provers[column] = ChainProver(self.chain, self.norm, chosen)
        return self._provers[column]

    def _problem(self, chain: SlopeChain, parts: Sequence[Part | Node]) -> VectorPass:
        lower, upper = self.box.ranges(np.stack([part.choice for part in parts]))
        if chain is self.light:
            lower = [low.astype(np.float32) for low in lower]
            upper = [high.astype(np.float32) for high in upper]
        columns = [part.column for part in parts] if self.norm is Norm.L1 else None
        return VectorPass(chain, self.norm, lower=lower, upper=upper, columns=columns)


def _stacked(nodes: Sequence[Node]) -> Rows:
    return np.stack([node.rows for node in nodes], axis=1)


def _rounded(ascent: Ascent) -> Vertices:
    """Round the vectors of each problem to a vertex: the upper end where v and g agree."""
    signs = [
        np.einsum("rbn,rbn->bn", a, g) > 0.0
        for a, g in zip(ascent.last.backward, ascent.last.forward, strict=True)
    ]
    return _joined(signs, ascent.last.values.size)


def _joined(layers: Sequence[NDArray[Any]], count: int) -> NDArray[Any]:
    """Put arrays (B, n_l) side by side; (B, 0) for none."""
    return np.concatenate([np.zeros((count, 0), dtype=bool), *layers], axis=1)


def _in_single_precision(chain: SlopeChain) -> SlopeChain:
    def single(arrays: Sequence[Array]) -> tuple[Any, ...]:
        return tuple(array.astype(np.float32) for array in arrays)

    return replace(
        chain,
        weights=single(chain.weights),
        lower=single(chain.lower),
        upper=single(chain.upper),
    )
