"""A chart as plotly takes it: plain JSON, without plotly's own template."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from lipexplore.figures.charts import Axis, Chart, Series, Ticks
from lipexplore.figures.tightness import CONFIG

FONT_SIZE: Final = 14
_RIM: Final = "#444444"
_HEIGHT, _LINE = 400, 26


def plotly_json(chart: Chart) -> str:
    """Return an object with ``data``, ``layout`` and ``config``, without a closing script tag."""
    plot = {
        "data": [_trace(chart, item) for item in chart.series],
        "layout": _layout(chart),
        "config": CONFIG,
    }
    text = json.dumps(plot, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def height_of(chart: Chart) -> int:
    """Return the height in pixels: more where the vertical axis has many categories."""
    return max(_HEIGHT, _LINE * len(chart.y.labels) + 90)


def _trace(chart: Chart, item: Series) -> dict[str, Any]:
    trace = {
        "type": "scatter",
        "name": item.name,
        "mode": "lines+markers" if item.joined else "markers",
        "x": [_short(x) for x in item.x],
        "y": [None if math.isnan(y) else _short(y) for y in item.y],
        "hovertext": list(item.hover),
        "hoverinfo": "text",
        "cliponaxis": False,
        "marker": {
            "color": item.style.colour,
            "symbol": item.style.symbol,
            "size": 8 if chart.y.labels else 12,
            "line": {"width": 1, "color": _RIM},
        },
        "line": {"color": item.style.colour, "dash": item.style.dash, "width": 2},
    }
    if item.lows:
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [0.0] * len(item.lows),
            "arrayminus": [_short(y - low) for y, low in zip(item.y, item.lows, strict=True)],
            "color": item.style.colour,
            "thickness": 3,
        }
    return trace


def _short(position: float) -> float:
    """Return where a point is drawn, to less than a pixel; numbers are told by the texts."""
    return float(f"{position:.6g}")


def _layout(chart: Chart) -> dict[str, Any]:
    across, upward = chart.scales
    return {
        "font": {"size": FONT_SIZE},
        "height": height_of(chart),
        "autosize": True,
        "margin": {"l": 10, "r": 16, "t": 8, "b": 10},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "showlegend": not chart.y.labels,
        "legend": {"x": 1.01, "y": 1, "font": {"size": 0.8 * FONT_SIZE}},
        "xaxis": _axis(chart.x, across),
        "yaxis": _axis(chart.y, upward),
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": level.y,
                "y1": level.y,
                "layer": "below",
                "line": {"color": level.colour, "dash": level.dash, "width": 2.5},
            }
            for level in chart.levels
        ],
        "annotations": [
            {
                "xref": "paper",
                "x": 0,
                "xanchor": "left",
                "y": chart.y.position(level.y),
                "yanchor": "top" if level.text_below else "bottom",
                "text": f" {level.text}",
                "showarrow": False,
            }
            for level in chart.levels
        ],
    }


def _axis(axis: Axis, scale: tuple[float, float, Ticks]) -> dict[str, Any]:
    low, high, ticks = scale
    return {
        "type": "log" if axis.log else "linear",
        "title": {"text": axis.title},
        "range": [low, high],
        "tickvals": [value for value, _ in ticks],
        "ticktext": [text for _, text in ticks],
        "zeroline": False,
        "gridcolor": "rgba(128,128,128,0.25)",
        "automargin": True,
    }
