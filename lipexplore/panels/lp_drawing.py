"""What the sparsity panel shows of a program: patterns, cliques and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from lipexplore.figures.cliques import graph_figure, sizes_figure, tree_figure
from lipexplore.figures.identity import Identity
from lipexplore.figures.sparsity import Pattern, program_pattern, weight_patterns
from lipexplore.panels.lp_program import Program, tree_text, variables_text
from lipexplore.polynomials.polynomial import Index
from lipexplore.rounding import text_above

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False)
class Drawing:
    """What the panel shows: patterns, and what they mean as HTML.

    ``marked`` are the clique's variables, ``posed`` says whether there is a polynomial at all, and
    ``figures`` are the graph of the variables, the tree and the sizes of the cliques.
    """

    weights: Sequence[Pattern] = ()
    program: Pattern | None = None
    text: str = ""
    missing: str = ""
    marked: tuple[int, ...] = ()
    posed: bool = False
    figures: tuple[go.Figure | None, ...] = (None, None, None)


def drawing_of(
    program: Program,
    number: int,
    proof: Identity | None = None,
    font_size: int = 14,
    no_proof: str = "",
) -> Drawing:
    """Return patterns with clique ``number`` marked (from 1; 0 for none), and what they show."""
    members, problem = program.cliques.members, program.problem
    chosen = min(number, len(members)) - 1
    mark = chosen if chosen >= 0 else None
    clique = None if mark is None else members[mark]
    weights = weight_patterns(program.head, clique)
    lines = ["; ".join(pattern.title for pattern in weights)]
    if problem is None:
        return Drawing(weights, text=_paragraphs(lines), missing=program.missing)
    pattern, products = None, ""
    title = f"{len(members):,} {program.cliques.family} cliques"
    if program.relaxation is not None:
        pattern = program_pattern(program.relaxation, program.cliques, mark)
        count = len(set(pattern.columns[pattern.marked].tolist()))
        products = f" and {count:,} of the {pattern.shape[1]:,} products"
        title = f"{pattern.title}; {title}"
    lines.append(title)
    if clique is not None:
        lines.append(
            f"Marked in orange: clique {chosen + 1} of {len(members):,}, with {len(clique):,} "
            f"variables ({variables_text(problem, clique)}){products}."
        )
        lines.append(no_proof if proof is None else share_text(proof, clique))
    return Drawing(
        weights,
        pattern,
        _paragraphs([*lines, tree_text(program.cliques)]),
        program.missing,
        () if clique is None else tuple(clique.tolist()),
        True,
        (
            graph_figure(problem, clique, font_size=font_size),
            tree_figure(program.cliques, mark, font_size=font_size),
            sizes_figure(program.cliques, mark, font_size=font_size),
        ),
    )


def share_text(proof: Identity, clique: Index) -> str:
    """Say which share of a proven bound the products inside a clique carry."""
    less = "" if proof.mean == 0.0 else f" less the mean {proof.mean:.4g} of the polynomial"
    of = "squared bound" if proof.problem.root == 2 else "bound"
    return (
        f"Its products carry {proof.share(clique):.1%} of the {of} "
        f"{text_above(proof.value)}{less}: the mean over the box of multiplier × product, summed "
        "over the products whose variables all lie in the clique. Cliques that share products both "
        "count them, so shares may add up to more than 100%."
    )


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines if line)
