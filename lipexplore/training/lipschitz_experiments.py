"""The comparison of families at equal Lipschitz budget: curves, distances, digits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.networks.gallery import data_folder, digits
from lipexplore.rounding import Array
from lipexplore.training.lipschitz_families import Family
from lipexplore.training.lipschitz_networks import LipschitzNetworks, Plan, train
from lipexplore.training.lipschitz_tasks import (
    TARGETS,
    hinge,
    squared_error,
    transport_distance,
    wasserstein,
)

CURVE_WIDTHS, CURVE_POINTS = (1, 10, 10, 10, 1), 200
RING_WIDTHS, DIGIT_PAIR_WIDTHS, PAIR = (2, 16, 16, 1), (64, 32, 32, 1), 128
CLASSIFIER_WIDTHS, MARGIN = (64, 20, 10), 0.5

OnStep = Callable[[int, Array], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """Networks of one family on one task, as they are exported.

    Parameters
    ----------
    networks
        One per replica, on a grid, of proven weights.
    scores
        Array (replicas,): root mean square error, distance or number of right digits.
    """

    networks: tuple[Network, ...]
    scores: Array

    @property
    def median(self) -> Network:
        """The network of the median score (the upper one of two)."""
        return self.networks[int(np.argsort(self.scores)[len(self.scores) // 2])]


def fit_curve(
    family: Family, target: str, plan: Plan, on_step: OnStep | None = None, name: str = "curve"
) -> Trained:
    """Fit a curve of :data:`TARGETS` at 200 points; score its root mean square error at 2001."""
    x = np.linspace(-1.0, 1.0, CURVE_POINTS)[:, None]
    loss = squared_error(TARGETS[target](x[:, 0]))
    found = _exported(CURVE_WIDTHS, family, x, loss, plan, on_step, name)
    fine = np.linspace(-1.0, 1.0, 2001)[:, None]
    wanted = TARGETS[target](fine[:, 0])
    errors = [np.sqrt(np.square(net(fine)[:, 0] - wanted).mean()) for net in found]
    return Trained(found, np.array(errors))


def ring_and_points() -> tuple[Array, Array]:
    """Return 128 points on the unit circle and 128 around four places inside it."""
    rng = np.random.default_rng(0)
    angle = 2.0 * np.pi * rng.random(PAIR)
    places = np.array([[0.3, 0.3], [-0.4, 0.1], [0.1, -0.5], [0.0, 0.0]])
    inner = places[np.arange(PAIR) % 4] + 0.1 * (rng.random((PAIR, 2)) - 0.5)
    return np.column_stack([np.cos(angle), np.sin(angle)]), inner


def threes_and_eights() -> tuple[Array, Array]:
    """Return the first 128 images of a three and of an eight."""
    images, labels = digits("train")
    return images[labels == 3][:PAIR], images[labels == 8][:PAIR]


def estimate_distance(
    family: Family, first: Array, second: Array, widths: tuple[int, ...], plan: Plan, name: str
) -> Trained:
    """Estimate W_1 of two sets of points from below by a network of proven constant at most 1.

    Score: mean f over the first set less mean f over the second. No such score exceeds W_1.
    """
    loss = wasserstein(len(first))
    found = _exported(widths, family, np.vstack([first, second]), loss, plan, None, name)
    return Trained(found, np.array([net(first).mean() - net(second).mean() for net in found]))


def classify_digits(family: Family, plan: Plan, name: str = "digits") -> Trained:
    """Train 64-20-10 classifiers by a hinge of margin 1/2; score the test images read rightly."""
    images, labels = digits("train")
    found = _exported(CLASSIFIER_WIDTHS, family, images, hinge(labels, MARGIN), plan, None, name)
    images, labels = digits("test")
    return Trained(found, np.array([(net(images).argmax(axis=1) == labels).sum() for net in found]))


def distances() -> dict[str, float]:
    """Return the exact W_1 in l_2 of the two pairs of sets."""
    return {
        "ring": transport_distance(*ring_and_points()),
        "digits 3 and 8": transport_distance(*threes_and_eights()),
    }


def results() -> Any:
    """Return the table that ``data/make_splines.py`` wrote: scores by task, norm and family."""
    return json.loads((data_folder() / "spline-experiments.json").read_text(encoding="utf-8"))


def _exported(
    widths: tuple[int, ...],
    family: Family,
    x: Array,
    loss: Any,
    plan: Plan,
    on_step: OnStep | None,
    name: str,
) -> tuple[Network, ...]:
    networks = LipschitzNetworks.initial(widths, family, plan)
    trained = train(networks, x, loss, plan, on_step)
    return tuple(trained.exported(replica, name) for replica in range(plan.replicas))
