"""Cliques of variables and the subsets of them that a relaxation uses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import DegreeTooLow, InvalidSetting, RelaxationTooLarge
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.polynomials.polynomial import EMPTY, Index, PolynomialProblem, row_keys, unique_rows

Flags = NDArray[np.bool_]

CLIQUE_FAMILIES: Final = ("output", "layerwise", "chordal", "dense")
LARGEST_CHORDAL_EDGES = 20_000
LARGEST_CLIQUE_COUNT = 3_000


@dataclass(frozen=True, eq=False)
class Cliques:
    """A family of variable sets.

    Parameters
    ----------
    family
        One of CLIQUE_FAMILIES.
    members
        Ascending variables of each clique.
    """

    family: str
    members: tuple[Index, ...]

    @property
    def largest(self) -> int:
        """Number of variables in the largest clique."""
        return max((len(clique) for clique in self.members), default=0)

    @property
    def running_intersection(self) -> bool | None:
        """Whether the cliques form a junction tree, or None for more than 3,000 of them.

        They do exactly if a spanning tree of largest intersections keeps each variable connected:
        sum over its edges of |C_i and C_j| = sum |C_i| - |union of all|.
        """
        if len(self.members) > LARGEST_CLIQUE_COUNT:
            return None
        if not self.members:
            return True
        from scipy.sparse.csgraph import minimum_spanning_tree

        variables = np.unique(np.concatenate(self.members))
        table = np.zeros((len(self.members), len(variables)))
        for row, clique in zip(table, self.members, strict=True):
            row[np.searchsorted(variables, clique)] = 1.0
        tree = minimum_spanning_tree(np.triu(-(table @ table.T), 1))
        return bool(-tree.sum() == table.sum() - len(variables))


def clique_family(
    problem: PolynomialProblem, network: Network, slopes: SlopeRanges, family: str
) -> Cliques:
    """Return the cliques called ``family``.

    ``output``: one clique per unit of the last hidden layer: the unit and all its ancestors along
    non-zero weights (the paper's sparsity). A squared gradient multiplies two such units, so there
    the clique also holds the units that share an input with it, and their ancestors.
    ``layerwise``: the polynomial's own maximal monomials. ``chordal``: the maximal cliques of a
    chordal extension of the graph that joins two variables which meet in a monomial. ``dense``: all
    variables in one clique. Only variables that the polynomial holds are members: units with a
    fixed slope are constants.

    Raises
    ------
    InvalidSetting
        If there is no such family.

    References
    ----------
    Latorre, Rolland, Cevher, ICLR 2020, section 4 (arXiv 2004.08688).
    """
    terms = problem.objective.terms
    used = np.unique(terms[terms != EMPTY])
    match family:
        case "dense":
            members = [used] if used.size else []
        case "layerwise":
            members = [row[row != EMPTY] for row in _maximal_rows(terms)]
        case "chordal":
            members = _chordal_cliques(terms)
        case "output":
            holders = _ancestor_sets(network, slopes)
            if problem.root == 2:
                holders = _with_neighbours(holders, network.n_inputs)
            kept = np.zeros(holders.shape[1], dtype=bool)
            kept[used] = True
            sets, first = np.unique(holders & kept, axis=0, return_index=True)
            sets = sets[np.argsort(first)]  # in the order of the units
            members = [np.flatnonzero(row).astype(np.int64) for row in sets if row.any()]
        case _:
            raise InvalidSetting(
                f"unknown clique family {family!r}: use {', '.join(CLIQUE_FAMILIES)}"
            )
    return Cliques(family, tuple(members))


def _ancestor_sets(network: Network, slopes: SlopeRanges) -> Flags:
    """Tell which variables belong to each unit of the last hidden layer with a path to the output.

    Returns
    -------
    array (units, variables)
        The unit itself and its ancestors.
    """
    active = [
        (low != 0.0) | (high != 0.0) for low, high in zip(slopes.lower, slopes.upper, strict=True)
    ]
    last = np.flatnonzero((network.weights[-1][0] != 0.0) & (active[-1] if active else True))
    reach = np.zeros((len(last), network.widths[-2]), dtype=bool)
    reach[np.arange(len(last)), last] = True
    ancestors = [reach]
    for layer in range(network.depth - 1, -1, -1):
        reach = (reach.astype(np.float64) @ (network.weights[layer] != 0.0)) > 0
        if layer:
            reach &= active[layer - 1]
        ancestors.append(reach)
    return np.hstack(ancestors[::-1])


def _with_neighbours(holders: Flags, n_inputs: int) -> Flags:
    """Unite each set with all sets that share an input with it."""
    inputs = holders[:, :n_inputs].astype(np.float64)
    neighbours = (inputs @ inputs.T) > 0
    return (neighbours.astype(np.float64) @ holders) > 0


def correlative_edges(terms: Index) -> Index:
    """Return the pairs (count, 2) of variables that meet in a monomial, the smaller one first."""
    pairs = [
        terms[:, list(columns)][(terms[:, list(columns)] != EMPTY).all(axis=1)]
        for columns in combinations(range(terms.shape[1]), 2)
    ]
    return unique_rows(np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs]))


def _chordal_cliques(terms: Index) -> list[Index]:
    """Return the maximal cliques of a chordal extension of the correlative-sparsity graph."""
    import networkx

    edges = correlative_edges(terms)
    if len(edges) > LARGEST_CHORDAL_EDGES:
        raise RelaxationTooLarge(
            f"the correlative-sparsity graph has {len(edges):,} edges, above "
            f"{LARGEST_CHORDAL_EDGES:,}: use the clique family 'output' or 'layerwise'"
        )
    graph: Any = networkx.Graph()
    graph.add_nodes_from(np.unique(terms[terms != EMPTY]).tolist())
    graph.add_edges_from(edges.tolist())
    chordal, _ = networkx.complete_to_chordal_graph(graph)
    cliques = sorted(sorted(clique) for clique in networkx.chordal_graph_cliques(chordal))
    return [np.array(clique, dtype=np.int64) for clique in cliques]


def _maximal_rows(terms: Index) -> Index:
    """Return the monomials with at least one variable that are contained in no other one.

    Only containment in monomials of the largest degree is looked for; a smaller set that stays is a
    harmless addition.
    """
    sizes = (terms != EMPTY).sum(axis=1)
    top = int(sizes.max(initial=0))
    kept = terms[sizes == top] if top else terms[:0]
    for size in range(top - 1, 0, -1):
        smaller = terms[sizes == size]
        covered = np.concatenate(
            [_pick(kept, columns, terms.shape[1]) for columns in combinations(range(-top, 0), size)]
        )
        keys = row_keys(np.concatenate([smaller, covered]))
        extra = smaller[~np.isin(keys[: len(smaller)], keys[len(smaller) :])]
        kept = np.concatenate([kept, extra])
    return kept


def _pick(rows: Index, columns: Sequence[int], width: int) -> Index:
    """Return rows made of the given columns, ascending with padding in front."""
    picked = np.full((len(rows), width), EMPTY, dtype=np.int64)
    if columns:
        picked[:, width - len(columns) :] = np.sort(rows[:, list(columns)], axis=1)
    return picked


def clique_subsets(cliques: Cliques, degree: int) -> list[Index]:
    """Return all ``degree``-subsets of the cliques, and smaller cliques whole.

    Returns
    -------
    list of arrays (count, size)
        Distinct ascending subsets, one array per size that occurs.
    """
    by_size: dict[int, list[Index]] = {}
    for private, shared, size in _parts(cliques.members, degree):
        for inside in range(1 if private.size else 0, min(size, len(private)) + 1):
            if size - inside <= len(shared):
                by_size.setdefault(size, []).append(
                    _joined(_combinations(private, inside), _combinations(shared, size - inside))
                )
    return [unique_rows(np.concatenate(parts)) for _, parts in sorted(by_size.items())]


def count_subsets(cliques: Cliques, degree: int) -> dict[int, int]:
    """Return how many subsets of each size :func:`clique_subsets` makes, without making them.

    Subsets with a variable of their own clique are counted exactly. Those of the parts that cliques
    share can repeat: they are bounded by their sum and by all subsets of the shared variables.
    """
    counts: dict[int, int] = {}
    shared_parts: dict[int, list[Index]] = {}
    for private, shared, size in _parts(cliques.members, degree):
        if private.size:
            own = math.comb(len(private) + len(shared), size) - math.comb(len(shared), size)
            counts[size] = counts.get(size, 0) + own
        else:
            shared_parts.setdefault(size, []).append(shared)
    for size, parts in shared_parts.items():
        union = len(np.unique(np.concatenate(parts)))
        repeated = sum(math.comb(len(part), size) for part in parts)
        counts[size] = counts.get(size, 0) + min(repeated, math.comb(union, size))
    return counts


def _parts(members: Sequence[Index], degree: int) -> list[tuple[Index, Index, int]]:
    """Split each clique into its own and its shared variables, with the size of its subsets.

    A subset with a private variable belongs to one clique only, so only the subsets of shared parts
    can repeat: each shared part is listed once more, with an empty private part, to stand for them.
    """
    if not members:
        return []
    occurrences = np.bincount(np.concatenate(members))
    parts: list[tuple[Index, Index, int]] = []
    shared_parts: dict[tuple[bytes, int], tuple[Index, Index, int]] = {}
    nothing = np.empty(0, dtype=np.int64)
    for clique in members:
        size = min(degree, len(clique))
        alone = occurrences[clique] == 1
        private, shared = clique[alone], clique[~alone]
        if private.size:
            parts.append((private, shared, size))
        if len(shared) >= size:
            shared_parts.setdefault((shared.tobytes(), size), (nothing, shared, size))
    return parts + list(shared_parts.values())


def _combinations(values: Index, size: int) -> Index:
    """Return all ``size``-subsets of ascending ``values`` as rows."""
    if size == 0:
        return np.empty((1, 0), dtype=np.int64)
    rows = values[: len(values) - size + 1, None]
    positions = np.arange(len(rows))
    for place in range(1, size):
        limit = len(values) - size + place + 1
        counts = limit - positions - 1
        rows = np.repeat(rows, counts, axis=0)
        step = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        positions = np.repeat(positions, counts) + 1 + step
        rows = np.hstack([rows, values[positions][:, None]])
    return rows


def _joined(left: Index, right: Index) -> Index:
    """Return every row of ``left`` joined with every row of ``right``, entries ascending."""
    pairs = np.hstack([np.repeat(left, len(right), axis=0), np.tile(right, (len(left), 1))])
    return np.sort(pairs, axis=1)


def check_degree(problem: PolynomialProblem, degree: int) -> None:
    """Raise DegreeTooLow if a monomial has more variables than ``degree``."""
    if degree < problem.objective.degree:
        raise DegreeTooLow(degree, problem.objective.degree)
