"""Bars are the multipliers of the certificates, group by group."""

from __future__ import annotations

import numpy as np
import pytest

from lipexplore.bounds import bound
from lipexplore.figures.certificate import (
    MOST_BARS,
    bar_figure,
    gram_weights,
    leaf_depths,
    multiplier_figure,
    multiplier_groups,
)
from lipexplore.networks.generators import random_dense

NETWORK = random_dense((5, 4, 3, 1), 2)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("method", ["shor", "slope-lmi"])
def test_groups_hold_every_multiplier_once(method, norm):
    certificate = bound(NETWORK, method, norm).certificate[0]
    layers = np.array([1, 1, 1, 1, 2, 2, 2]) if method == "slope-lmi" else None
    groups = multiplier_groups(certificate, layers)
    assert [len(group.values) for group in groups] == [1 if norm == "l2" else 5, 4, 3]
    assert groups[0].values.tolist() == certificate.inputs.tolist()
    assert (
        np.concatenate([g.values for g in groups[1:]]).tolist()
        == np.hstack(certificate.units).tolist()
    )
    figure = multiplier_figure(groups)
    assert [list(bar.y) for bar in figure.data] == [g.values.tolist() for g in groups]


def test_bars_are_the_first_ones_and_stay_apart():
    figure = bar_figure(
        ["same"] * 20, list(range(20, 0, -1)), "weight", marked=[True] + [False] * 19
    )
    bar = figure.data[0]
    assert len(set(bar.y)) == MOST_BARS
    assert list(bar.x) == list(range(20, 20 - MOST_BARS, -1))
    assert len(set(bar.marker.color)) == 2


def test_gram_weights_are_traces_and_multipliers():
    certificate = bound(random_dense((2, 2, 1), 2), "lipopt-lasserre").certificate[0]
    labels, weights = gram_weights(certificate)
    assert weights == sorted(weights, reverse=True)
    scale = certificate.relaxation.scale
    total = sum(np.trace(gram) for gram in certificate.grams) + np.sum(certificate.multipliers)
    assert sum(weights) == pytest.approx(scale * total)
    assert len(labels) == len(certificate.grams) + len(certificate.multipliers)


def test_leaf_depths_count_fixed_slopes():
    choices = [np.array([0, 0, 0]), np.array([1, -1, 0]), np.array([0, 1, 1])]
    assert leaf_depths(choices).tolist() == [1, 0, 2]
    assert leaf_depths([]).tolist() == []
