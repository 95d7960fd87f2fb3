"""The radius of one point that bounds over a ball around it prove."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lipexplore.bounds import OnProgress, configured
from lipexplore.bounds.method import BoundMethod
from lipexplore.errors import InvalidNetwork
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.properties.robustness import as_points, margins_below
from lipexplore.regions import Ball
from lipexplore.rounding import down, up


@dataclass(frozen=True)
class LocalRadius:
    """A radius around the centre of a ball in which the class is proven not to change.

    Parameters
    ----------
    chosen, rival
        The class of the centre, and the one that limits the radius; None where the ball does.
    radius
        At most ``reach``; 0 where not even the class of the centre is proven.
    reach
        Radius of a ball in the norm asked for that lies inside the region.
    """

    chosen: int
    rival: int | None
    radius: float
    reach: float


def local_radius(
    network: Network,
    method: str | BoundMethod,
    norm: str | Norm,
    ball: Ball,
    *,
    time_limit: float | None = None,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> LocalRadius:
    """Return min(reach, min_j (f_c(x) - f_j(x)) / L_cj) for the centre x of a ball.

    L_cj bounds f_c - f_j over the ball, along whose segments from x the margin falls no faster. The
    reach is the ball's radius, divided by n^(1/q - 1/p) where its norm q is the smaller one.

    Parameters
    ----------
    network
        A classifier.
    method, settings
        As for :func:`lipexplore.bound`.
    norm
        Of the radius.
    ball
        Where the bounds hold; its centre is x.
    time_limit
        Seconds for all margins together.
    on_progress
        Called with ``done`` and ``total`` after each margin.

    Raises
    ------
    InvalidNetwork
        If the network has fewer than two outputs.

    References
    ----------
    Hein, Andriushchenko, NeurIPS 2017 (arXiv 1705.08475), theorem 2.1.
    """
    if network.n_outputs < 2:
        raise InvalidNetwork("a classifier needs at least two outputs")
    chosen, norm = configured(method, settings), Norm.parse(norm)
    chosen.check(network.head(0), norm)
    center = as_points(network, ball.center)
    top = int(network(center).argmax(axis=1)[0])
    margins = margins_below(network, center, np.array([top]))[0]
    heads = {j: network.head(top, j) for j in range(network.n_outputs) if j != top}
    living = {j: head for j, head in heads.items() if head.has_path()}
    slopes = dict.fromkeys(heads, 0.0)
    answers = chosen.each(list(living.values()), ball, norm, time_limit=time_limit)
    for done, (rival, answer) in enumerate(zip(living, answers, strict=True), 1):
        slopes[rival] = answer.value
        if on_progress is not None:
            on_progress({"done": done, "total": len(living)})
    reach = reach_inside(ball, norm)
    radii = {j: _quotient(float(margins[j]), slope) for j, slope in slopes.items()}
    rival = min(radii, key=radii.__getitem__)
    limited = radii[rival] < reach
    return LocalRadius(top, rival if limited else None, min(radii[rival], reach), reach)


def reach_inside(ball: Ball, norm: str | Norm) -> float:
    """Return a radius, rounded down, of a ball in ``norm`` that lies inside a ball."""
    inverse = {Norm.L1: 1.0, Norm.L2: 0.5, Norm.LINF: 0.0}
    power = inverse[ball.norm] - inverse[Norm.parse(norm)]
    if power <= 0.0:
        return ball.radius
    count = float(len(ball.center))
    return float(down(ball.radius / (count if power == 1.0 else float(up(math.sqrt(count))))))


def _quotient(margin: float, slope: float) -> float:
    if not margin > 0.0 or math.isnan(slope):
        return 0.0
    return math.inf if slope == 0.0 else max(float(down(np.float64(margin) / slope)), 0.0)
