"""One proof as figures and words, by the kind of its certificate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from lipexplore.bounds import Bound, configured
from lipexplore.bounds.method import SlopeMethod
from lipexplore.certificates.chain import ChainCertificate
from lipexplore.certificates.lmi import LMICertificate
from lipexplore.certificates.sums_of_squares import SumsCertificate
from lipexplore.certificates.tables import TableCertificate
from lipexplore.errors import LipexploreError
from lipexplore.exact.pattern_interval import PatternInterval
from lipexplore.figures.certificate import (
    MOST_BARS,
    bar_figure,
    gram_weights,
    leaf_depths,
    multiplier_figure,
    multiplier_groups,
    product_figure,
)
from lipexplore.figures.identity import Identity, identity, identity_html
from lipexplore.networks.slope_ranges import layer_slice
from lipexplore.networks.slope_system import Integers, sector_system, slope_system
from lipexplore.norms import Norm
from lipexplore.panels.rows import Row
from lipexplore.panels.settings import Question
from lipexplore.polynomials.gradient import norm_gradient_problems
from lipexplore.rounding import text_above

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False)
class View:
    """What is shown of a proof: words as HTML, and a figure with the words it stands for."""

    html: str = ""
    figure: go.Figure | None = None
    caption: str = ""


def proof_view(row: Row, proof: Bound, font_size: int = 14) -> View:
    """Return how the certificate of a run is shown; never raises for what the user may choose."""
    kept = proof.certificate
    parts = kept if isinstance(kept, tuple) else () if kept is None else (kept,)
    largest: Any = max(parts, key=_value, default=None)
    several = (
        f"<p>{len(parts)} programs were proven; this is the one with the largest value.</p>"
        if len(parts) > 1
        else ""
    )
    try:
        match largest:
            case TableCertificate():
                view = _identity_view(identity_of(row, largest), font_size)
            case SumsCertificate():
                view = _sums_view(largest, font_size)
            case ChainCertificate() | LMICertificate():
                view = _multiplier_view(row, largest, font_size)
            case PatternInterval():
                view = _tree_view(largest, font_size)
                several = ""
            case _:
                return View(_no_certificate(proof))
    except LipexploreError as error:
        return View(f'<p class="lx-note">{escape(str(error))}</p>')
    return View(several + view.html, view.figure, view.caption)


def _value(part: Any) -> float:
    return float(getattr(part, "value", getattr(part, "upper", math.nan)))


def identity_of(row: Row, certificate: TableCertificate) -> Identity:
    """Return the identity of one linear program of a run.

    Raises
    ------
    LipexploreError
        If it is too large to be expanded.
    """
    head, slopes = _head_and_slopes(row)
    problems = norm_gradient_problems(head, slopes, Norm.parse(row.question.norm))
    problem = next(p for p in problems if p.entry == certificate.entry)
    return identity(problem, certificate)


def _head_and_slopes(row: Row) -> tuple[Any, Any]:
    question = row.question
    part, region = layer_slice(question.network, question.region, question.layers)
    head = part.head(question.output, question.minus)
    method = configured(row.run.method, dict(row.run.settings))
    if not isinstance(method, SlopeMethod):
        raise TypeError(f"{method.name} has no slope ranges")
    return head, method.slope_ranges(head, region)


def _identity_view(found: Identity, font_size: int) -> View:
    shown = sum(product.mean for product in found.products[:MOST_BARS])
    share = shown / found.total if found.total > 0.0 else 0.0
    count = min(MOST_BARS, len(found.products))
    mean = "" if found.mean == 0.0 else f" less the mean of p, {found.mean:.4g}"
    root = "; P* is at most its square root" if found.problem.root == 2 else ""
    caption = (
        f"{len(found.products):,} products carry weight, the heaviest {count} of them {share:.0%}. "
        f"The means of all add up to the bound of p, {text_above(found.value)}{mean}{root}."
    )
    told = (
        "<p>All variables lie in [0, 1]: t = (1 + dual vector) / 2, and s is the place of a slope "
        "in its range. Multipliers and products are never negative there, so the right side is "
        "not, and the left side says that p is at most λ. Expanded in exact fractions:</p>"
    )
    return View(told + identity_html(found), product_figure(found, font_size=font_size), caption)


def _sums_view(certificate: SumsCertificate, font_size: int) -> View:
    labels, weights = gram_weights(certificate)
    html = (
        "<p><i>λ</i> − <i>p</i>(<i>x</i>) = Σ<sub>b</sub> <i>m</i><sub>b</sub>(<i>x</i>)"
        "<sup>T</sup> <i>G</i><sub>b</sub> <i>m</i><sub>b</sub>(<i>x</i>) + Σ<sub>j</sub> "
        "<i>c</i><sub>j</sub> <i>h</i><sub>j</sub>(<i>x</i>) + <i>r</i>(<i>x</i>): sums of "
        f"squares, as every <i>G</i><sub>b</sub> is proven positive semidefinite. <i>λ</i> = "
        f"{text_above(certificate.value, 9)}, {len(certificate.grams):,} Gram matrices, the "
        f"largest of order {max((len(g) for g in certificate.grams), default=0)}.</p>"
    )
    caption = f"Trace of each Gram matrix, and multipliers: the heaviest of {len(labels):,}."
    return View(html, bar_figure(labels, weights, "weight", font_size=font_size), caption)


def _multiplier_view(
    row: Row, certificate: ChainCertificate | LMICertificate, font_size: int
) -> View:
    layers: Integers | None = None
    if isinstance(certificate, LMICertificate):
        head, slopes = _head_and_slopes(row)
        system = sector_system(slope_system(head, slopes))
        layers = system.layers if len(system.layers) == len(certificate.units) else None
    groups = multiplier_groups(certificate, layers)
    sums = "; ".join(f"sum of {group.name}: {group.values.sum():.4g}" for group in groups)
    html = (
        "<p>For every dual vector and every choice of slopes, |<i>f</i>|² ≤ <i>λ</i> Σ<i>μ</i>: "
        "the matrix of <i>λ</i>, <i>μ</i> and the <i>τ</i> is proven positive semidefinite. The "
        "bound is the root of <i>λ</i> Σ<i>μ</i>, in the network's units "
        f"{text_above(certificate.value)}. <i>λ</i> = {certificate.outer:.4g}; {escape(sums)} (in "
        "the program's own scaling).</p>"
    )
    caption = "A unit with a large τ is one whose slope the proof has to watch closely."
    return View(html, multiplier_figure(groups, font_size=font_size), caption)


def _tree_view(found: PatternInterval, font_size: int) -> View:
    gap = found.upper - found.lower
    html = (
        f"<p>Search tree: {found.nodes:,} nodes were bounded, {len(found.leaves):,} closed parts "
        f"are kept with their proofs. Before any branching the bound was {text_above(found.root)}; "
        f"at the end {text_above(found.upper)}, at most {gap:.2g} above the best pattern "
        f"({escape(found.status)}).</p>"
    )
    depths = leaf_depths([leaf.choice for leaf in found.leaves])
    if not len(depths):
        return View(html)
    labels = [f"{depth} slopes fixed" for depth in range(len(depths)) if depths[depth]]
    figure = bar_figure(
        labels, depths[depths > 0].tolist(), "closed parts of the tree", font_size=font_size
    )
    return View(html, figure, "Closed parts of the tree by the number of slopes that they fix.")


def _no_certificate(proof: Bound) -> str:
    if proof.side == "lower":
        return (
            "<p>A lower bound is proven by its witness alone: the gradient there is enclosed in "
            "interval arithmetic.</p>"
        )
    if proof.status.startswith("exact") or proof.method == "exact":
        return "<p>Dynamic programming tried every pattern: its tables are not kept.</p>"
    return (
        "<p>This method leaves no multipliers: its number is a formula of the weights, evaluated "
        "with every rounding counted outwards.</p>"
    )


def witness_html(question: Question, proof: Bound) -> str:
    """Return the point or the pattern that proves the lower end, as pictures where it is one."""
    from lipexplore.panels.witness_views import pattern_html, point_html

    witness = proof.witness
    if witness is None:
        return ""
    if isinstance(witness, np.ndarray) and witness.ndim == 1:
        return point_html(question, witness, proof)
    return pattern_html(witness, proof)
