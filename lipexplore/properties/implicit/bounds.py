"""Lipschitz bounds of implicit networks, from the paper's form to the semidefinite program."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import ArrayLike

from lipexplore.bounds.method import ALL_NORMS, Bound, Side
from lipexplore.errors import InvalidRegion, InvalidSetting, UnsupportedQuestion
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.norms import Norm
from lipexplore.properties.implicit.forms import weighted_form
from lipexplore.properties.implicit.gain import (
    SlopeBox,
    all_slopes,
    box_norm_above,
    closed_gain,
    jacobian_box,
    operator_norm_above,
)
from lipexplore.properties.implicit.programs import program_bound
from lipexplore.properties.implicit.search import pattern_interval, sampled_bound
from lipexplore.properties.reachability import EmbeddedNetwork
from lipexplore.regions import WHOLE_SPACE, Region, WholeSpace

CONTRACTIVE = (Norm.L1, Norm.LINF)
THEORY = "Jafarpour, Davydov, Proskurnikov, Bullo, NeurIPS 2021, arXiv 2106.03194"
OWN_PROOF = "M-matrix argument in the docstring; norms of arXiv 2106.03194"


@dataclass(frozen=True)
class Question:
    """One network, the slopes it may have over a region, and the norm on both sides."""

    network: ImplicitNetwork
    slopes: SlopeBox
    region: Region
    norm: Norm
    weights: ArrayLike | None = None
    """Those of the weighted forms; the best found where None."""


@dataclass(frozen=True)
class ImplicitMethod:
    """A bound of max |J|, J = C (I - S A)^-1 S B + D, from l_p to l_p.

    Parameters
    ----------
    ends
        Returns the proven upper end and the proven lower end.
    """

    name: str
    label: str
    side: Side
    norms: tuple[Norm, ...]
    source: str
    ends: Callable[[Question], tuple[float, float]]


def _upper(value: Callable[[Question], float]) -> Callable[[Question], tuple[float, float]]:
    return lambda question: (value(question), 0.0)


def _weighted(*, rows: bool, sharp: bool) -> Callable[[Question], float]:
    return lambda q: weighted_form(q.network, q.norm, q.weights, rows=rows, sharp=sharp)


def _midpoint(question: Question) -> float:
    return box_norm_above(*jacobian_box(question.network, question.slopes), question.norm)


IMPLICIT_METHODS: Final = (
    ImplicitMethod(
        "paper",
        "paper's form",
        "upper",
        CONTRACTIVE,
        THEORY,
        _upper(_weighted(rows=False, sharp=False)),
    ),
    ImplicitMethod(
        "sharp",
        "sharp form",
        "upper",
        CONTRACTIVE,
        OWN_PROOF,
        _upper(_weighted(rows=False, sharp=True)),
    ),
    ImplicitMethod(
        "row",
        "row form",
        "upper",
        CONTRACTIVE,
        OWN_PROOF,
        _upper(_weighted(rows=True, sharp=True)),
    ),
    ImplicitMethod(
        "closed-form",
        "closed form",
        "upper",
        ALL_NORMS,
        OWN_PROOF,
        _upper(lambda q: operator_norm_above(closed_gain(q.network, q.slopes), q.norm)),
    ),
    ImplicitMethod(
        "midpoint",
        "midpoint form",
        "upper",
        ALL_NORMS,
        OWN_PROOF,
        _upper(_midpoint),
    ),
    ImplicitMethod(
        "slope-lmi",
        "slope LMI",
        "upper",
        ALL_NORMS,
        "Revay, Wang, Manchester 2020, arXiv 2010.01732; Hashemi, Ruths, Fazlyab, L4DC 2021, "
        "arXiv 2012.05981",
        _upper(lambda q: program_bound(q.network, q.slopes, q.norm)),
    ),
    ImplicitMethod(
        "patterns",
        "all slope patterns",
        "interval",
        ALL_NORMS,
        "vertices suffice: J is affine in s_i / (1 - s_i c_i), by a rank-one update",
        lambda q: pattern_interval(q.network, q.slopes, q.norm),
    ),
    ImplicitMethod(
        "sampled",
        "sampled slope",
        "lower",
        ALL_NORMS,
        "the Jacobian at a point, enclosed",
        lambda q: (math.inf, sampled_bound(q.network, q.region, q.norm)),
    ),
)
"""From weak to strong, then the exact formal value for few states, then sampling."""


def implicit_bound(
    network: ImplicitNetwork,
    method: str = "closed-form",
    norm: str | Norm = "linf",
    region: Region = WHOLE_SPACE,
    *,
    weights: ArrayLike | None = None,
) -> Bound:
    """Bound the Lipschitz constant of an implicit network from l_p to l_p over a region.

    The weighted forms hold for the whole space and do not use the region's slopes; all others take
    the slopes that the embedded network proves for the region. ``weights`` are those of the
    weighted forms; without them the network's own.

    Parameters
    ----------
    network
        n states, m inputs, p outputs.
    method
        A name of IMPLICIT_METHODS: "paper", "sharp", "row", "closed-form", "midpoint", "slope-lmi",
        "patterns" or "sampled".
    norm
        On both sides: "l1", "l2" or "linf".
    region
        WHOLE_SPACE, a Ball or a Box.
    weights
        eta, positive, shape (n,).

    Returns
    -------
    Bound
        ``of`` is "P*", the maximum over the slopes in range; :func:`.sampled_bound` is attained by
        the network ("L").

    Raises
    ------
    InvalidSetting
        If the method is unknown.
    UnsupportedQuestion
        If the method does not answer for the norm; its NoContraction if nothing is proven to be
        well-posed.
    """
    kind, chosen, start = Norm.parse(norm), _method(method), time.perf_counter()
    if kind not in chosen.norms:
        raise UnsupportedQuestion(
            f"{chosen.name} does not answer for the {kind.value} norm: use closed-form or slope-lmi"
        )
    slopes = slopes_over(network, region)
    built = time.perf_counter()
    upper, lower = chosen.ends(Question(network, slopes, region, kind, weights))
    return Bound(
        value=upper,
        lower=lower,
        side=chosen.side,
        of="L" if chosen.side == "lower" else "P*",
        lower_of="P*" if chosen.side == "interval" else "L",
        method=chosen.name,
        verified=chosen.side == "lower" or math.isfinite(upper),
        status="done" if math.isfinite(upper) or chosen.side == "lower" else "not proven",
        network=network.name,
        network_hash=network.content_hash,
        norm=kind.value,
        output="all" if network.n_outputs > 1 else 0,
        output_norm=kind.value,
        region=region.to_dict(),
        settings={"source": chosen.source},
        size={"states": network.n_states, "undecided": slopes.undecided},
        build_seconds=built - start,
        solve_seconds=time.perf_counter() - built,
    )


def implicit_bounds(
    network: ImplicitNetwork,
    norm: str | Norm = "linf",
    region: Region = WHOLE_SPACE,
    methods: Sequence[str] | None = None,
    **settings: Any,
) -> list[Bound]:
    """Return :func:`implicit_bound` of several methods, all that answer for the norm if not given.

    "patterns" is left out above twelve undecided states.
    """
    kind = Norm.parse(norm)
    names = methods or [m.name for m in IMPLICIT_METHODS if kind in m.norms]
    if methods is None and slopes_over(network, region).undecided > 12:
        names = [name for name in names if name != "patterns"]
    return [implicit_bound(network, name, kind, region, **settings) for name in names]


def slopes_over(network: ImplicitNetwork, region: Region) -> SlopeBox:
    """Return the slopes that states can take over a region, by the embedded network.

    Raises
    ------
    InvalidRegion
        If the region's dimension is not the network's.
    """
    if region.dimension not in (None, network.n_inputs):
        raise InvalidRegion(
            f"the region has {region.dimension} coordinates, but the network has "
            f"{network.n_inputs} inputs"
        )
    if isinstance(region, WholeSpace):
        return all_slopes(network)
    return EmbeddedNetwork(network).slopes(*region.box())


def _method(name: str) -> ImplicitMethod:
    known = {method.name: method for method in IMPLICIT_METHODS}
    if name not in known:
        raise InvalidSetting(f"unknown method {name!r}: use one of {', '.join(known)}")
    return known[name]
