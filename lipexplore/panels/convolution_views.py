"""What the convolution panel shows: bounds as a table with words, curves, a whole network."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from lipexplore.bounds import bound
from lipexplore.bounds.lipopt_lp import LipoptLP
from lipexplore.bounds.operator_norms.convolutions import ConvolutionNorm, convolution_norms
from lipexplore.bounds.operator_norms.geometry import axes_of
from lipexplore.bounds.operator_norms.kernels import grid_factor, symbol_bound
from lipexplore.bounds.operator_norms.layers import layer_norm_above
from lipexplore.bounds.operator_norms.unrolled import matrix_norm_estimate
from lipexplore.errors import LipexploreError
from lipexplore.figures.convolution import count_entries
from lipexplore.figures.convolution_curves import LINES
from lipexplore.figures.texts import seconds_text
from lipexplore.networks.convolution import Convolution
from lipexplore.networks.feedforward import Network
from lipexplore.networks.generators import random_dense
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE
from lipexplore.rounding import Array, text_above

MOST_FOR_EXACT = 60_000
"""Entries of an unrolled matrix up to which the exact norm is estimated for the curve."""

TIME_LIMIT = 10.0
SAMPLES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64)


@dataclass(frozen=True, eq=False)
class Curves:
    """Norms by name against image sizes, and the symbol's maximum against the grid."""

    sizes: Sequence[int] = ()
    norms: Mapping[str, Sequence[float]] = field(default_factory=dict)
    samples: Sequence[int] = ()
    raw: Sequence[float] = ()
    certified: Sequence[float] = ()


def exact_norm(layer: Convolution) -> float | None:
    """Return the estimate of the exact norm, None for large layers."""
    if count_entries(layer) > MOST_FOR_EXACT:
        return None
    if min(layer.n_inputs, layer.n_outputs) <= 64:
        return float(np.linalg.norm(layer.dense, 2))
    return matrix_norm_estimate(layer.matrix, 1e-6)


def growth(layers: Sequence[Convolution], grid: tuple[int, int]) -> dict[str, list[float]]:
    """Return the exact norm and every bound of the kernel for each layer; infinite: none."""
    found: dict[str, list[float]] = {"exact": []}
    for layer in layers:
        exact = exact_norm(layer)
        found["exact"].append(math.inf if exact is None else exact)
        for norm in convolution_norms(layer, grid, with_matrix=False):
            found.setdefault(norm.name, []).append(norm.value)
    return found


def against_samples(kernel: Array) -> tuple[list[int], list[float], list[float]]:
    """Return grids S and the symbol's maximum over each, without and with its factor."""
    samples = [s for s in SAMPLES if s >= max(kernel.shape[2:])]
    certified = [symbol_bound(kernel, (s, s)) for s in samples]
    height, width = kernel.shape[2:]
    factors = [grid_factor(height, s) * grid_factor(width, s) for s in samples]
    return samples, [v / f for v, f in zip(certified, factors, strict=True)], certified


def padding_html(layer: Convolution, norms: Sequence[ConvolutionNorm]) -> str:
    """Say in words, red where it matters, what the padding does to the bounds of the kernel."""
    factor, mode = norms[0].factor, layer.padding_mode
    axes = axes_of(layer)
    if mode in ("replicate", "reflect") and factor > 1.0:
        return _red(
            f"WARNING: {mode} padding repeats pixels. The bounds of the kernel do not cover it as "
            f"they are; below each is multiplied by {text_above(factor, 4)}, the padding's own norm"
        )
    if mode == "circular" and factor > 1.0:
        return _red(
            "WARNING: there are more outputs than pixels, so circular padding repeats rows. Each "
            f"bound is multiplied by {text_above(factor, 4)}"
        )
    if any(axis.phase_torus() is None for axis in axes):
        return _red(
            "WARNING: the stride does not divide the image, so with circular padding the bounds of "
            "the phases do not apply; those that ignore the stride hold"
        )
    if mode == "circular" and all(axis.outputs(1) == axis.inputs for axis in axes):
        return "<p>Circular padding, as many outputs as pixels: the torus is the exact norm.</p>"
    return "<p>All bounds hold as they are. The grid's maximum alone is no bound.</p>"


def norms_html(layer: Convolution, norms: Sequence[ConvolutionNorm]) -> str:
    """Return the table of bounds of a layer: value, what the grid alone says, whether it holds."""
    exact = exact_norm(layer)
    rows = [_row(item, exact) for item in norms]
    rows += [
        f'<tr><th class="lx-text" scope="row">{name} norm of the matrix</th>'
        f"<td>{text_above(layer_norm_above(layer, norm, norm), 5)}</td><td></td>"
        '<td class="lx-text">another norm; exact but for rounding</td></tr>'
        for name, norm in (("l₁", Norm.L1), ("l∞", Norm.LINF))
    ]
    said = "not computed: too large" if exact is None else f"about {exact:.5g} (estimate)"
    return (
        f'<div class="lx-scroll"><table class="lx-table"><caption>l₂ norm: exact {said}</caption>'
        '<tr><th class="lx-text">bound</th><th>proven</th><th>grid alone</th>'
        f'<th class="lx-text">does it hold?</th></tr>{"".join(rows)}</table></div>'
    )


def symbol_html(norms: Sequence[ConvolutionNorm], grid: tuple[int, int]) -> str:
    """Say how high the symbol is on the grid, which is no bound, and what no frequency passes."""
    found = next(item for item in norms if item.name == "symbol")
    raw = f"{(found.estimate or 0.0) / found.factor:.5g}"
    count = f"{grid[0]} × {grid[1]} frequencies"
    if not math.isfinite(found.value):
        return f"<p>The largest at {count} is {raw}: too few to prove anything.</p>"
    certified = text_above(found.value / found.factor, 5)
    return (
        f"<p>The largest at {count} is {raw}, no bound. Certified: no frequency at all has more "
        f"than <b>{certified}</b>.</p>"
    )


def network_html(network: Network, output: int = 0) -> str:
    """Bound one output in l_inf by norm product and LiPopt, and count cliques and cost."""
    head = network.head(output)
    start = time.perf_counter()
    product = bound(head, "norm-product", "linf")
    lipopt = bound(head, "lipopt-lp", "linf", time_limit=TIME_LIMIT)
    seconds = time.perf_counter() - start
    dense = random_dense(head.widths, 0)
    columns = [LipoptLP().estimate(net, WHOLE_SPACE, Norm.LINF) for net in (head, dense)]
    size = lipopt.size
    lines = [
        f"Output {output}, l∞, whole space: norm product {text_above(product.value, 5)}; LiPopt LP "
        f"of degree {size.get('degree', '?')} on the unrolled network "
        f"{text_above(lipopt.value, 5)} ({escape(lipopt.status)}, {seconds_text(seconds)}): "
        f"{text_above(product.value / lipopt.value, 3)} times smaller."
        if math.isfinite(lipopt.value)
        else f"Norm product {text_above(product.value, 5)}; LiPopt: {escape(lipopt.status)}.",
        f"A unit of a convolution reads few pixels: the largest of {size.get('cliques', 0)} "
        f"cliques has {size.get('largest_clique', 0)} of {sum(head.widths[:-1])} variables, and "
        f"the program about {columns[0].size.get('columns', 0):,} columns "
        f"({seconds_text(columns[0].seconds)} predicted). A dense network of the same widths "
        f"would have {columns[1].size.get('columns', 0):,} columns "
        f"({seconds_text(columns[1].seconds)}).",
    ]
    return "".join(f"<p>{line}</p>" for line in lines)


def safe_network_html(network: Network) -> str:
    """Return :func:`network_html`, or why it cannot be, in a sentence."""
    try:
        return network_html(network)
    except LipexploreError as error:
        return f"<p>{escape(str(error))}.</p>"


def _row(item: ConvolutionNorm, exact: float | None) -> str:
    label = LINES[item.name].label
    head = f'<tr><th class="lx-text" scope="row">{label}</th>'
    if not math.isfinite(item.value):
        reason = item.why_not or "the grid has fewer points than the kernel has taps"
        word = "LEFT OUT" if reason.startswith("left out") else "DOES NOT APPLY"
        said = f"{word}: {reason.removeprefix('left out: ')}"
        return f'{head}<td>–</td><td></td><td class="lx-text lx-refused">{said}</td></tr>'
    raw = "" if item.estimate is None else f"{item.estimate:.5g}"
    said = "holds" if item.factor == 1.0 else f"holds, with the factor {text_above(item.factor, 4)}"
    if item.estimate is not None and exact is not None and item.estimate < exact * (1 - 1e-6):
        said += '; <span class="lx-refused">the grid alone is BELOW the exact norm</span>'
    value = text_above(item.value, 5)
    return f'{head}<td>{value}</td><td>{raw}</td><td class="lx-text">{said}</td></tr>'


def _red(text: str) -> str:
    return f'<p class="lx-refused">{text}.</p>'
