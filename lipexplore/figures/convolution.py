"""A convolution's kernel, its unrolled matrix, and its symbol over the frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lipexplore.bounds.operator_norms.symbol import symbol_on_grid
from lipexplore.figures.palette import PATTERN_COLOUR, PURPLE, VERMILLION
from lipexplore.figures.sparsity import Pattern
from lipexplore.networks.convolution import Convolution
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_ENTRIES: Final = 2_000_000
"""Larger unrolled matrices are not built for a picture."""

FINE: Final = 48
"""The symbol is drawn over so many frequencies per axis; a multiple of common grids."""

SIGNED: Final = [
    [0.0, "rgba(0,114,178,0.75)"],
    [0.5, "rgba(0,114,178,0)"],
    [0.5, "rgba(213,94,0,0)"],
    [1.0, "rgba(213,94,0,0.75)"],
]
"""Blue below zero, red above; zero shows the page, light or dark, and numbers stay readable."""

LEGEND: Final = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0.0}


def count_entries(layer: Convolution) -> int:
    """Return at most so many entries as the unrolled matrix has."""
    return int(layer.kernel.size // len(layer.kernel) * layer.n_outputs)


def unrolled_figure(layer: Convolution, *, font_size: int = 14, height: int = 300) -> go.Figure:
    """Draw where the unrolled (doubly block Toeplitz) matrix is not zero."""
    matrix = layer.matrix.tocoo()
    nothing = np.zeros(matrix.nnz, dtype=bool)
    pattern = Pattern("matrix", "outputs", "inputs", matrix.shape, matrix.row, matrix.col, nothing)
    grid = pattern.grid()
    steps = [n / m for n, m in zip(matrix.shape, grid.shape, strict=True)]
    trace = {
        "type": "heatmap",
        "z": grid,
        "x0": 0.5 * (steps[1] - 1.0),
        "dx": steps[1],
        "y0": 0.5 * (steps[0] - 1.0),
        "dy": steps[0],
        "zmin": 0,
        "zmax": 99,
        "colorscale": [[0.0, "rgba(0,0,0,0)"], [0.01, PATTERN_COLOUR], [1.0, PATTERN_COLOUR]],
        "showscale": False,
        "hovertemplate": "output %{y:.0f}<br>input %{x:.0f}<extra></extra>",
    }
    frame = {"showline": True, "mirror": True, "linecolor": "rgba(128,128,128,0.6)"}
    layout = {
        "xaxis": _axis("inputs (channel, row, column)", **frame),
        "yaxis": _axis("outputs (channel, row, column)", autorange="reversed", **frame),
    }
    return figure_of([trace], layout, font_size, height, "unrolled")


def kernel_figure(kernel: Array, *, font_size: int = 14, height: int = 300) -> go.Figure:
    """Draw the taps, the kernels of all pairs of channels side by side: blue -, empty 0, red +."""
    largest = float(np.abs(kernel).max(initial=0.0)) or 1.0
    single = kernel.shape[:2] == (1, 1)
    trace = {
        "type": "heatmap",
        "z": _tiles(kernel),
        "zmin": -largest,
        "zmax": largest,
        "colorscale": SIGNED,
        "texttemplate": "%{z:.2f}" if single else None,
        "showscale": not single,
        "colorbar": {"title": {"text": "weight", "side": "right"}, "thickness": 12, "nticks": 5},
        "hovertemplate": "row %{y}, column %{x}: %{z:.4g}<extra></extra>",
    }
    names = ("tap column", "tap row") if single else ("input channels", "output channels")
    ticks = {"showticklabels": single, "dtick": 1, "constrain": "domain"}
    layout = {
        "xaxis": _axis(names[0], **ticks),
        "yaxis": _axis(names[1], autorange="reversed", scaleanchor="x", **ticks),
    }
    return figure_of([trace], layout, font_size, height, "kernel")


def symbol_figure(
    kernel: Array,
    samples: tuple[int, int],
    raw: float,
    *,
    font_size: int = 14,
    height: int = 265,
) -> go.Figure:
    """Draw sigma_1(F(w)) as a heat map, the grid's points on it, and where it passes their maximum.

    Parameters
    ----------
    samples
        Frequencies per axis of the grid that ``raw``, its maximum, is taken over.
    raw
        The level that is drawn as a line, if anything lies above it.
    """
    ends = [np.linspace(0.0, 2.0, s + 1) for s in samples]
    columns, rows = np.meshgrid(ends[1], ends[0])
    fine = np.linspace(0.0, 2.0, FINE + 1)
    values = symbol_surface(kernel, (FINE, FINE))
    picture = {
        "type": "heatmap",
        "x": fine,
        "y": fine,
        "z": values,
        "zsmooth": "best",
        "colorscale": "Cividis",
        "colorbar": {"title": {"text": "σ₁(F(w))", "side": "right"}, "thickness": 12, "nticks": 6},
        "hovertemplate": "w = (%{y:.2f} π, %{x:.2f} π)<br>%{z:.4g}<extra>σ₁(F)</extra>",
    }
    points = {
        "type": "scatter",
        "x": columns.ravel(),
        "y": rows.ravel(),
        "customdata": symbol_surface(kernel, samples).ravel(),
        "mode": "markers",
        "marker": {"size": 6, "color": PURPLE, "line": {"width": 1}},
        "name": "grid",
        "hovertemplate": "w = (%{y:.2f} π, %{x:.2f} π)<br>%{customdata:.4g}<extra>grid</extra>",
    }
    level = {
        "type": "contour",
        "x": fine,
        "y": fine,
        "z": values,
        "contours": {"start": raw, "end": raw, "size": 1.0, "coloring": "none"},
        "line": {"color": VERMILLION, "width": 3},
        "showlegend": True,
        "name": "above the grid's maximum",
        "hoverinfo": "skip",
    }
    traces: list[dict[str, Any]] = [picture, points]
    if 0.0 < raw < values.max() * (1.0 - 1e-9):
        traces.append(level)
    axis = {"tickvals": [0, 1, 2], "ticktext": ["0", "π", "2π"], "range": [-0.06, 2.06]}
    layout = {
        "xaxis": _axis("w₂ (columns)", **axis),
        "yaxis": _axis("w₁ (rows)", **axis),
        "legend": LEGEND,
        "showlegend": True,
    }
    return figure_of(traces, layout, font_size, height, "symbol")


def symbol_surface(kernel: Array, samples: tuple[int, int]) -> Array:
    """Return sigma_1(F(w)) at w = 2 pi (j / S_1, k / S_2), shape (S_1 + 1, S_2 + 1), both ends."""
    symbol = symbol_on_grid(kernel, samples)
    norms = symbol.scale * np.linalg.norm(symbol.values, 2, axis=(1, 2))
    half = norms.reshape(-1, samples[1])
    rows, columns = np.arange(samples[0] + 1) % samples[0], np.arange(samples[1] + 1) % samples[1]
    mirrored = rows > samples[0] // 2  # F(-w) is the conjugate of F(w)
    rows = np.where(mirrored, samples[0] - rows, rows)
    places = np.where(mirrored[:, None], -columns % samples[1], columns)
    return np.asarray(half[rows[:, None], places])


def _tiles(kernel: Array) -> Array:
    """Return the kernels as one picture, outputs downwards, with empty lines between them."""
    c_out, c_in, height, width = kernel.shape
    picture = np.full((c_out * (height + 1) - 1, c_in * (width + 1) - 1), np.nan)
    for o, c in np.ndindex(c_out, c_in):
        top, left = o * (height + 1), c * (width + 1)
        picture[top : top + height, left : left + width] = kernel[o, c]
    return picture


def figure_of(
    traces: list[dict[str, Any]], layout: dict[str, Any], font_size: int, height: int, meta: str
) -> go.Figure:
    """Return the figure at once: changing one afterwards takes plotly many times longer.

    ``height`` is that in type of 14 pixels; the figure grows with the type.
    """
    import plotly.graph_objects as go

    usual = {
        "font": {"size": font_size},
        "height": round(height * font_size / 14),
        "autosize": True,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "meta": meta,
    }
    return go.Figure({"data": traces, "layout": usual | layout})


def _axis(title: str, **settings: Any) -> dict[str, Any]:
    usual = {"automargin": True, "showgrid": False, "zeroline": False}
    return {"title": {"text": title, "standoff": 4}, **usual, **settings}
