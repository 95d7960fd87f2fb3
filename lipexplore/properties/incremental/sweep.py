"""Certified properties against the radius of a ball, with sampled estimates beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh

from lipexplore.certificates.incremental import IncrementalCertificate
from lipexplore.norms import Norm
from lipexplore.properties.incremental.maps import IncrementalMap, jacobians
from lipexplore.properties.incremental.run import OnProgress
from lipexplore.properties.incremental.table import PROPERTIES
from lipexplore.properties.incremental_qc import IncrementalBound, certify
from lipexplore.regions import WHOLE_SPACE, Ball, Region
from lipexplore.rounding import Array

SAMPLES = 2000


@dataclass(frozen=True, eq=False)
class SweepPoint:
    """One radius: what is certified, and an estimate from sampled Jacobians, which is no bound."""

    radius: float
    found: IncrementalBound
    sampled: float


def radius_sweep(
    mapping: IncrementalMap,
    prop: str,
    center: ArrayLike,
    radii: Sequence[float],
    *,
    ball: str | Norm = Norm.L2,
    samples: int = SAMPLES,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> Iterator[SweepPoint]:
    """Yield the property over balls of growing radius around one centre.

    ``settings`` go to :func:`.certify`. An infinite radius is the whole space. Points of a smaller
    ball count for the larger ones too, so that the estimates are monotone as the truth is.
    """
    worst: float | None = None
    pick = max if PROPERTIES[prop].side == "upper" else min
    for number, radius in enumerate(sorted(radii)):
        whole = np.isinf(radius)
        region: Region = (
            WHOLE_SPACE if whole else Ball(np.asarray(center), radius, Norm.parse(ball))
        )
        found = certify(mapping, prop, region, on_progress=on_progress, **settings)
        sampled = sampled_value(mapping, found.certificate, prop, region, samples, seed=number)
        fixed = prop not in ("contraction", "flow-contraction")
        worst = sampled if worst is None or not fixed else pick(worst, sampled)
        yield SweepPoint(float(radius), found, worst)


def sampled_value(
    mapping: IncrementalMap,
    proof: IncrementalCertificate,
    prop: str,
    region: Region,
    samples: int = SAMPLES,
    *,
    seed: int = 0,
) -> float:
    """Estimate the property by Jacobians at sampled points of the region: no bound.

    Where f is differentiable its Jacobians are limits of difference quotients, so the estimate errs
    to the optimistic side; for a contraction it is that in the certificate's norm. With the l_inf
    norm it is the largest |J s| over random sign vectors s.
    """
    rng = np.random.default_rng(seed)
    found = jacobians(mapping, region.sample(samples, rng, mapping.n_inputs))
    asked = PROPERTIES[prop]
    if prop == "lipschitz" and not np.array_equal(proof.metric, np.eye(mapping.n_inputs)):
        signs = rng.choice([-1.0, 1.0], (samples, mapping.n_inputs))
        return float(np.linalg.norm(np.einsum("sij,sj->si", found, signs), axis=1).max())
    return asked.of_level(slope_level(found, proof.supply, proof.metric))


def slope_level(found: Array, supply: Array, metric: Array) -> float:
    """Return the least eigenvalue of [I; J]^T Q [I; J] in the metric R over many J, no bound."""
    count = len(metric)
    whole = np.eye(count)
    cross, last = supply[:count, count:], supply[count:, count:]
    mixed = cross @ found
    forms = supply[:count, :count] + mixed + mixed.transpose(0, 2, 1)
    forms = forms + found.transpose(0, 2, 1) @ last @ found
    if not np.array_equal(metric, whole):
        values, vectors = eigh(metric)
        root = vectors / np.sqrt(values)
        forms = root.T @ forms @ root
    return float(np.linalg.eigvalsh(0.5 * (forms + forms.transpose(0, 2, 1)))[:, 0].min())
