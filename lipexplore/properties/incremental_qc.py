"""Certified properties of maps from one linear matrix inequality over their slopes."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.certificates.incremental import IncrementalCertificate
from lipexplore.networks.sector_loops import any_sector_system, has_loops
from lipexplore.norms import Norm
from lipexplore.properties.incremental.contraction import best_metric
from lipexplore.properties.incremental.maps import IncrementalMap, system_of
from lipexplore.properties.incremental.question import check_question, supply_matrix, value_of
from lipexplore.properties.incremental.run import TOO_LARGE, Found, OnProgress, Run, well_posed
from lipexplore.properties.incremental.table import METRICS
from lipexplore.regions import WHOLE_SPACE, Region, WholeSpace
from lipexplore.rounding import Array

NO_CLAIM = "no claim: it is not proven that every input has exactly one equilibrium"
UNPROVEN = "no claim: nothing is proven from the solver's multipliers; rescale the map"


@dataclass(frozen=True, eq=False)
class IncrementalBound:
    """A proven property of a map over a region.

    Parameters
    ----------
    prop
        Name of the property; :data:`.PROPERTIES` says what ``value`` means.
    value
        Rounded to the safe side; what holds for every map where nothing is proven.
    verified
        Whether it is proven from the multipliers alone.
    status
        How the solver ended, or why there is no claim.
    solver_value
        The solver's number, no proof.
    certificate
        The multipliers, with Q, R and the level that they prove.
    size
        Order of the matrix, variables, units with a free slope, input coordinates, iterations.
    """

    prop: str
    value: float
    verified: bool
    status: str
    seconds: float
    solver_value: float
    region: dict[str, Any]
    network_hash: str
    norm: str
    slopes: str
    certificate: IncrementalCertificate = field(repr=False)
    size: dict[str, int] = field(repr=False)

    @property
    def metric(self) -> Array:
        """R or, for a contraction, P of the norm |x|_P = sqrt(x^T P x)."""
        return self.certificate.metric


def certify(
    mapping: IncrementalMap,
    prop: str,
    region: Region = WHOLE_SPACE,
    *,
    supply: ArrayLike | None = None,
    norm: str | Norm = Norm.L2,
    slopes: str = "interval",
    reduce_input: str = "auto",
    solver: str = "auto",
    time_limit: float | None = None,
    on_progress: OnProgress | None = None,
) -> IncrementalBound:
    """Certify one property of a map over a region, for all pairs of inputs.

    Every map is z = phi(W z + U x + b), f = C z + D x with slopes [a_j, b_j] over the region, so
    differences of two runs obey dz_j = s_j dv_j with s_j in [a_j, b_j]. If

        [dx; df]^T Q [dx; df] - level |dx|^2 - sum_j t_j (dz_j - a_j dv_j) (b_j dv_j - dz_j) >= 0

    for some t >= 0, then [dx; df]^T Q [dx; df] >= level |dx|^2. The inequality is solved for the
    best level, and the level is proven from t alone. For implicit networks it is proven as well
    that every input has exactly one equilibrium. Statements over a bounded region hold for pairs
    of inputs of that region only.

    Parameters
    ----------
    mapping
        A network, an implicit network, a residual map, or any map with a ``slope_system``.
    prop
        A name of :data:`.PROPERTIES`.
    region
        WHOLE_SPACE, a Ball or a Box.
    supply
        Q for "dissipativity": symmetric, shape (n_0 + p, n_0 + p).
    norm
        "l2"; for "lipschitz" also "linf": |df|_2 <= L |dx|_inf (GeoLIP's inequality).
    slopes
        How slope ranges are enclosed: "interval" or "back-substitution".
    reduce_input
        Whether to turn the input by QR where only its length matters: "auto", "yes" or "no".
    solver
        "auto" (a method made for this inequality) or "cvxopt" (stated in PICOS).
    time_limit
        Seconds; what is proven until then is returned.
    on_progress
        Called with "iteration", "primal" and "dual", which are no bounds; what it raises ends the
        run.

    Raises
    ------
    InvalidSetting
        If the property, solver or Q is unknown or does not fit.
    UnsupportedQuestion
        If the property needs as many outputs as inputs, or another norm.
    RelaxationTooLarge
        If there are too many units.

    References
    ----------
    Hashemi, Ruths, Fazlyab, L4DC 2021 (arXiv 2012.05981); Fazlyab et al., NeurIPS 2019 (arXiv
    1906.04893).
    """
    start = time.perf_counter()
    asked, norm = check_question(mapping, prop, norm, solver), Norm.parse(norm)
    form = supply_matrix(mapping, asked, supply)
    system = system_of(mapping, region, slopes)
    sectors = any_sector_system(system)
    ground = None
    if has_loops(system):
        whole = isinstance(region, WholeSpace)
        ground = well_posed(
            sectors if whole else any_sector_system(system_of(mapping, WHOLE_SPACE))
        )
    run = Run(sectors, norm, reduce_input, solver, start, time_limit, on_progress)
    if has_loops(system) and ground is None:
        nothing = IncrementalCertificate(form, np.eye(mapping.n_inputs), -math.inf, np.empty(0))
        found = Found(nothing, math.nan, NO_CLAIM, {"units": sectors.n_units})
    elif prop in METRICS:
        found = best_metric(run, flow=prop == "flow-contraction")
    else:
        found = run.solved(form, np.eye(mapping.n_inputs), asked)
    proof = replace(found.certificate, well_posed=ground)
    proven = math.isfinite(proof.level)
    plain = proven or found.status in (NO_CLAIM, TOO_LARGE)
    return IncrementalBound(
        prop=prop,
        value=value_of(asked, proof, norm),
        verified=proven,
        status=found.status if plain else f"{UNPROVEN} ({found.status})",
        seconds=time.perf_counter() - start,
        solver_value=asked.of_level(found.claimed) if not math.isnan(found.claimed) else math.nan,
        region=region.to_dict(),
        network_hash=mapping.content_hash,
        norm=norm.value,
        slopes=slopes,
        certificate=proof,
        size=found.size,
    )


def lipschitz(
    mapping: IncrementalMap, region: Region = WHOLE_SPACE, **settings: Any
) -> IncrementalBound:
    """Return L with |f(x) - f(y)| <= L |x - y|: -|df|^2 >= -L^2 |dx|^2.

    LipSDP-Neuron; for one output also Shor's relaxation of the gradient and, with ``norm="linf"``,
    GeoLIP.

    Parameters
    ----------
    mapping, region, settings
        As for :func:`certify`.

    References
    ----------
    Fazlyab et al., NeurIPS 2019 (arXiv 1906.04893); Wang et al. 2022 (arXiv 2203.01212).
    """
    return certify(mapping, "lipschitz", region, **settings)


def one_sided_upper(
    mapping: IncrementalMap, region: Region = WHOLE_SPACE, **settings: Any
) -> IncrementalBound:
    """Return m+ with (f(x) - f(y)) . (x - y) <= m+ |x - y|^2, rounded up.

    Solutions of x' = f(x) then obey |x - y| <= exp(m+ t) |x_0 - y_0|.

    Parameters
    ----------
    mapping, region, settings
        As for :func:`certify`.

    References
    ----------
    Hashemi, Ruths, Fazlyab, L4DC 2021 (arXiv 2012.05981).
    """
    return certify(mapping, "one-sided-upper", region, **settings)


def one_sided_lower(
    mapping: IncrementalMap, region: Region = WHOLE_SPACE, **settings: Any
) -> IncrementalBound:
    """Return m- with (f(x) - f(y)) . (x - y) >= m- |x - y|^2, rounded down.

    Parameters
    ----------
    mapping, region, settings
        As for :func:`certify`.

    References
    ----------
    Hashemi, Ruths, Fazlyab, L4DC 2021 (arXiv 2012.05981).
    """
    return certify(mapping, "one-sided-lower", region, **settings)


def strong_monotonicity(
    mapping: IncrementalMap, region: Region = WHOLE_SPACE, **settings: Any
) -> IncrementalBound:
    """Return a modulus m of strong monotonicity; f is proven strongly monotone where m > 0.

    Parameters
    ----------
    mapping, region, settings
        As for :func:`one_sided_lower`, whose number this is.
    """
    return certify(mapping, "strong-monotonicity", region, **settings)


def inverse_bound(
    mapping: IncrementalMap, region: Region = WHOLE_SPACE, **settings: Any
) -> IncrementalBound:
    """Return l >= 0 with |f(x) - f(y)| >= l |x - y|, rounded down.

    Where l > 0, f is injective on the region; over the whole space f is then onto as well (its
    image is open and closed), and its inverse has Lipschitz constant 1 / l.

    Parameters
    ----------
    mapping, region, settings
        As for :func:`certify`.

    References
    ----------
    Hashemi, Ruths, Fazlyab, L4DC 2021 (arXiv 2012.05981).
    """
    return certify(mapping, "inverse", region, **settings)


def contraction(
    mapping: IncrementalMap, region: Region = WHOLE_SPACE, *, flow: bool = False, **settings: Any
) -> IncrementalBound:
    """Return the best rate that was certified in a quadratic norm |x|_P, with P as its ``metric``.

    |f(x) - f(y)|_P <= r |x - y|_P, or for ``flow`` <f(x) - f(y), x - y>_P <= c |x - y|_P^2.

    Parameters
    ----------
    mapping, region, settings
        As for :func:`certify`.
    flow
        Whether f is the right side of x' = f(x) instead of a step x+ = f(x).

    References
    ----------
    Lohmiller, Slotine, Automatica 34 (1998); Hashemi, Ruths, Fazlyab, L4DC 2021 (arXiv 2012.05981).
    """
    return certify(mapping, "flow-contraction" if flow else "contraction", region, **settings)


def dissipativity(
    mapping: IncrementalMap, supply: ArrayLike, region: Region = WHOLE_SPACE, **settings: Any
) -> IncrementalBound:
    """Return d with [dx; df]^T Q [dx; df] >= d |dx|^2; dissipative with the supply Q if d >= 0.

    Parameters
    ----------
    mapping, region, settings
        As for :func:`certify`.
    supply
        Q, symmetric, shape (n_0 + p, n_0 + p).

    References
    ----------
    Hashemi, Ruths, Fazlyab, L4DC 2021 (arXiv 2012.05981); Willems, Arch. Rational Mech. Anal. 45
    (1972).
    """
    return certify(mapping, "dissipativity", region, supply=supply, **settings)
