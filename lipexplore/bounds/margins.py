"""The table of margins: how fast output i minus output j can change."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lipexplore.bounds import bound
from lipexplore.bounds.method import Bound, BoundMethod, OnProgress
from lipexplore.errors import NoPath
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Region
from lipexplore.rounding import Array, text_above


@dataclass(frozen=True, eq=False)
class MarginTable:
    """Bounds of all margins f_i - f_j, and of the single outputs on the diagonal.

    Parameters
    ----------
    value, lower
        Arrays (m, m), symmetric: proven upper and lower ends; entry (i, i) belongs to f_i alone.
    bounds
        The record of each pair (i, j) with i < j, and of (i, i).
    """

    value: Array
    lower: Array
    bounds: Mapping[tuple[int, int], Bound]

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{j}</th>' for j in range(len(self.value)))
        rows = "".join(
            f'<tr><th scope="row">{i}</th>'
            + "".join(f"<td>{text_above(v, 4)}</td>" for v in row)
            + "</tr>"
            for i, row in enumerate(self.value.tolist())
        )
        return (
            "<table><caption>proven upper bounds of output i minus output j; the diagonal is the "
            f"output alone</caption><tr><td></td>{head}</tr>{rows}</table>"
        )


def margins(
    network: Network,
    method: str | BoundMethod,
    norm: str | Norm = "linf",
    region: Region = WHOLE_SPACE,
    *,
    time_limit: float | None = None,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> MarginTable:
    """Bound every margin of a classifier in one call.

    f_i - f_j and f_j - f_i have the same gradient norm, so m (m + 1) / 2 questions fill the m x m
    table. Two outputs with equal gradients have margin 0.

    Parameters
    ----------
    time_limit
        Seconds for the whole table, shared evenly among the questions that are left.
    on_progress
        Called with ``done`` and ``total`` after each question.
    """
    pairs = [(i, j) for i in range(network.n_outputs) for j in range(i, network.n_outputs)]
    deadline = None if time_limit is None else time.perf_counter() + time_limit
    value = np.zeros((network.n_outputs, network.n_outputs))
    lower, bounds = np.zeros_like(value), {}
    for done, (i, j) in enumerate(pairs):
        share = None
        if deadline is not None:
            share = max(deadline - time.perf_counter(), 0.0) / (len(pairs) - done)
        minus = None if i == j else j
        try:
            answer = bound(network, method, norm, region, i, minus, time_limit=share, **settings)
        except NoPath:
            continue
        bounds[i, j] = answer
        value[i, j] = value[j, i] = answer.value
        lower[i, j] = lower[j, i] = answer.lower
        if on_progress is not None:
            on_progress({"done": done + 1, "total": len(pairs)})
    return MarginTable(value, lower, bounds)
