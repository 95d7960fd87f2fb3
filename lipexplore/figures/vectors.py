"""The vectors of the vector pass, sweep by sweep: on one line where the relaxation is exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.exact.vector_state import Vectors
from lipexplore.figures.palette import BLUE, GREY, ORANGE, P_STAR_COLOUR
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

MILLISECONDS_PER_SWEEP: Final = 150
_EDGE = 1.08
_CURVES = (("proven bound", GREY, "diamond"), ("value of the pass", BLUE, "circle"))


def distance_from_line(vectors: Vectors, problem: int = 0) -> float:
    """Return how far the farthest tip is from the line through 0 that fits all vectors best.

    The vectors of units have length 1: the distance is 0 when all are parallel.
    """
    rows = vectors.rows[:, problem].T
    line = _main_direction(rows)
    return float(np.linalg.norm(rows - np.outer(rows @ line, line), axis=1).max())


def projected(sweeps: Sequence[Vectors], problem: int = 0) -> list[Array]:
    """Return the vectors of each sweep in one plane, arrays (n, 2), inputs first.

    The first axis is the line that fits the last sweep best, the second the main direction of what
    all sweeps have beside it (principal components about 0).
    """
    rows = [vectors.rows[:, problem].T for vectors in sweeps]
    line = _main_direction(rows[-1])
    every = np.concatenate(rows)
    plane = np.column_stack([line, _main_direction(every - np.outer(every @ line, line))])
    return [tips @ plane for tips in rows]


def collapsing_vectors(
    sweeps: Sequence[Vectors],
    values: Sequence[float],
    bounds: Sequence[float],
    p_star: float,
    *,
    font_size: int = 14,
) -> go.Figure:
    """Draw the vectors of a pass from sweep to sweep, beside its value and its proven bound.

    One frame per sweep, with a slider and a button that plays them.

    Parameters
    ----------
    sweeps
        The vectors of one problem before each sweep, all of the same rank.
    values, bounds
        Value and proven bound of each of them; an infinite bound is left out.
    p_star
        P*, drawn as a dashed line.

    Raises
    ------
    InvalidSetting
        If there are no sweeps, or not one value and one bound for each.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    if not len(sweeps) == len(values) == len(bounds) > 0:
        raise InvalidSetting("give one value and one bound for each of at least one sweep")
    levels = [_finite(bounds), _finite(values)]
    frames = [
        [*_arrows(tips, sweeps[0].widths[0]), *_marks(number, levels)]
        for number, tips in enumerate(projected(sweeps))
    ]
    figure = make_subplots(cols=2, column_widths=[0.42, 0.58], horizontal_spacing=0.12)
    for start, style in zip(frames[0], _moving_styles(), strict=True):
        figure.add_trace(start | style, row=1, col=1 + ("lines" not in style["mode"]))
    for level, (name, colour, _) in zip(levels, _CURVES, strict=True):
        curve = {"name": name, "y": level, "mode": "lines", "line": {"color": colour, "width": 2}}
        figure.add_trace({"type": "scatter", "x": list(range(len(level)))} | curve, row=1, col=2)
    figure.add_hline(
        p_star,
        line={"color": P_STAR_COLOUR, "dash": "dash", "width": 2},
        annotation={"text": "P*", "font": {"size": font_size, "color": P_STAR_COLOUR}},
        annotation_position="bottom right",
        row=1,
        col=2,
    )
    figure.frames = [
        go.Frame(name=str(number), data=moved, traces=[0, 1, 2, 3])
        for number, moved in enumerate(frames)
    ]
    _lay_out(figure, levels, p_star, font_size)
    return figure


def _main_direction(rows: Array) -> Array:
    """Return the first right singular vector."""
    direction: Array = np.linalg.svd(rows, full_matrices=False)[2][0]
    return direction


def _finite(numbers: Sequence[float]) -> list[float | None]:
    return [float(number) if math.isfinite(number) else None for number in numbers]


def _arrows(tips: Array, inputs: int) -> list[dict[str, Any]]:
    """Return strokes from 0 to the tips of the units, and to those of the inputs."""
    strokes = []
    for ends in (tips[inputs:], tips[:inputs]):
        x, y = ([c for end in ends[:, axis].tolist() for c in (0.0, end, None)] for axis in (0, 1))
        strokes.append({"type": "scatter", "x": x, "y": y})
    return strokes


def _marks(number: int, levels: Sequence[Sequence[float | None]]) -> list[dict[str, Any]]:
    """Return one point per curve at a sweep."""
    return [{"type": "scatter", "x": [number], "y": [level[number]]} for level in levels]


def _moving_styles() -> list[dict[str, Any]]:
    """Return the styles of the four traces that move."""
    strokes = [
        {
            "name": name,
            "mode": "lines+markers",
            "line": {"color": colour, "width": 2},
            "marker": {"size": size, "symbol": symbol, "color": colour},
            "hoverinfo": "skip",
        }
        for name, colour, symbol, size in (
            ("vectors of units", BLUE, "circle", 9),
            ("vectors of inputs", ORANGE, "square", 8),
        )
    ]
    marks = [
        {
            "mode": "markers",
            "marker": {"size": 12, "symbol": symbol, "color": colour},
            "cliponaxis": False,
            "showlegend": False,
            "hoverinfo": "skip",
        }
        for _, colour, symbol in _CURVES
    ]
    return strokes + marks


def _lay_out(
    figure: go.Figure, levels: Sequence[Sequence[float | None]], p_star: float, font_size: int
) -> None:
    top = max(number for level in (*levels, [p_star]) for number in level if number is not None)
    hidden = {"visible": False, "range": [-_EDGE, _EDGE]}
    figure.add_shape(
        type="circle", x0=-1, x1=1, y0=-1, y1=1, line={"color": GREY, "width": 1}, row=1, col=1
    )
    grid = {"gridcolor": "rgba(128,128,128,0.25)", "zeroline": False, "automargin": True}
    figure.update_layout(
        font={"size": font_size},
        height=34 * font_size,
        margin={"l": 10, "r": 16, "t": 40, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        xaxis=hidden,
        yaxis=hidden | {"scaleanchor": "x"},
        xaxis2=grid | {"title": {"text": "sweep"}, "range": [-0.5, len(levels[0]) - 0.5]},
        yaxis2=grid | {"title": {"text": "norm of the gradient"}, "range": [0.0, 1.08 * top]},
        sliders=[_slider(len(levels[0]), font_size)],
        updatemenus=[_buttons()],
    )


def _slider(count: int, font_size: int) -> dict[str, Any]:
    steps = [
        {"label": str(number), "method": "animate", "args": [[str(number)], _timing(0)]}
        for number in range(count)
    ]
    return {
        "steps": steps,
        "currentvalue": {"prefix": "sweep ", "font": {"color": "#333333", "size": font_size}},
        "x": 0.16,
        "len": 0.84,
        "pad": {"t": 34, "b": 6},
        "ticklen": 0,
        "minorticklen": 0,
        "font": {"color": "rgba(0,0,0,0)"},
    }


def _buttons() -> dict[str, Any]:
    play = {"label": "play", "method": "animate", "args": [None, _timing(MILLISECONDS_PER_SWEEP)]}
    stop = {"label": "stop", "method": "animate", "args": [[None], _timing(0)]}
    return {
        "type": "buttons",
        "direction": "left",
        "showactive": False,
        "buttons": [play, stop],
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 72, "r": 8},
    }


def _timing(milliseconds: int) -> dict[str, Any]:
    return {
        "mode": "immediate",
        "fromcurrent": True,
        "frame": {"duration": milliseconds, "redraw": False},
        "transition": {"duration": 0},
    }
