"""Which bounds may share an axis, and what they prove together."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from lipexplore.bounds import Bound
from lipexplore.errors import InvalidSetting


def question_key(bound: Bound) -> tuple[str, ...]:
    """Return text that is equal exactly for bounds of one constant of one network."""
    parts = (bound.layers, bound.norm, bound.region, bound.output, bound.minus, bound.output_norm)
    return (bound.network_hash, *(json.dumps(part, sort_keys=True) for part in parts))


def check_comparable(bounds: Sequence[Bound]) -> None:
    """Refuse bounds of different questions.

    Raises
    ------
    InvalidSetting
        If network, layers, norm, region or outputs differ.
    """
    if len({question_key(bound) for bound in bounds}) > 1:
        raise InvalidSetting(
            "these bounds answer different questions (network, layers, norm, region or output): "
            "draw one question at a time"
        )


@dataclass(frozen=True)
class Summary:
    """The best that several bounds prove about L and about P*; None where nothing is proven.

    L <= P*, so an upper end of P* is one of L too: ``l_upper`` may be about either. A lower end of
    L is one of P* too: ``p_star_lower`` is about P* alone and not below ``l_lower``. Over a
    bounded region narrower slope ranges have a smaller P*: where an upper end is about that one,
    ``p_star_lower`` is too.
    """

    l_upper: Bound | None
    l_lower: Bound | None
    p_star_upper: Bound | None
    p_star_lower: Bound | None

    @property
    def contradiction(self) -> bool:
        """Whether a lower end exceeds an upper end: then something is wrong."""
        pairs = ((self.l_lower, self.l_upper), (self.p_star_lower, self.p_star_upper))
        return any(low and high and low.lower > high.value for low, high in pairs)


def summary(bounds: Sequence[Bound]) -> Summary:
    """Return what ``bounds`` of one question prove together."""
    check_comparable(bounds)
    upper = [bound for bound in bounds if math.isfinite(bound.value)]
    lower = [bound for bound in bounds if bound.lower > 0.0]
    l_lower = max((b for b in lower if b.lower_of == "L"), key=_lower, default=None)
    floor = 0.0 if l_lower is None else l_lower.lower
    narrow = any(b.of == "P*" and _narrowed(b) for b in upper)
    slopes = [
        b for b in lower if b.lower_of == "P*" and b.lower >= floor and (_narrowed(b) or not narrow)
    ]
    return Summary(
        l_upper=min(upper, key=_value, default=None),
        l_lower=l_lower,
        p_star_upper=min((b for b in upper if b.of == "P*"), key=_value, default=None),
        p_star_lower=max(slopes, key=_lower, default=None),
    )


def _narrowed(bound: Bound) -> bool:
    """Tell whether the slope ranges are narrower than those of intervals."""
    bounded = bound.region.get("kind", "whole space") != "whole space"
    return bounded and bound.settings.get("slopes") == "back-substitution"


def _value(bound: Bound) -> float:
    return bound.value


def _lower(bound: Bound) -> float:
    return bound.lower
