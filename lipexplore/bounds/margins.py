"""The table of margins: how fast output i minus output j can change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lipexplore.bounds import configured
from lipexplore.bounds.method import Bound, BoundMethod, OnProgress
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
    network
        A classifier with m >= 2 outputs.
    method, norm, region, settings
        As for :func:`lipexplore.bound`.
    time_limit
        Seconds for the whole table.
    on_progress
        Called with ``done`` and ``total`` after each question.
    """
    chosen, norm = configured(method, settings), Norm.parse(norm)
    chosen.check(network.head(0), norm)
    outputs = range(network.n_outputs)
    heads = {
        (i, j): network.head(i, None if i == j else j) for i in outputs for j in outputs if i <= j
    }
    living = {pair: head for pair, head in heads.items() if head.has_path()}
    answers = chosen.each(list(living.values()), region, norm, time_limit=time_limit)
    value = np.zeros((network.n_outputs, network.n_outputs))
    lower, bounds = np.zeros_like(value), {}
    for done, ((i, j), answer) in enumerate(zip(living, answers, strict=True), 1):
        bounds[i, j] = replace(
            answer,
            network=network.name,
            network_hash=network.content_hash,
            norm=norm.value,
            output=i,
            minus=None if i == j else j,
            region=region.to_dict(),
        )
        value[i, j] = value[j, i] = answer.value
        lower[i, j] = lower[j, i] = answer.lower
        if on_progress is not None:
            on_progress({"done": done, "total": len(living)})
    return MarginTable(value, lower, bounds)
