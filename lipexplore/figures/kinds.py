"""Methods by kind, for lists and legends that would be too long otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lipexplore.bounds import METHODS, BoundMethod


@dataclass(frozen=True)
class Kind:
    """Methods that work alike; ``title`` says what they prove and how."""

    title: str
    methods: tuple[str, ...]


_NAMED: Final = (
    Kind(
        "upper: products, paths",
        (
            "frobenius",
            "norm-product",
            "huang-local",
            "combettes-pesquet",
            "seqlip",
            "path",
            "interval-jacobian",
        ),
    ),
    Kind("upper: LP", ("lipopt-lp",)),
    Kind(
        "upper: SDP",
        ("lipopt-lasserre", "coupled-sdp", "slope-lmi", "shor", "lipsdp-layer", "eclipse"),
    ),
    Kind("both ends: exact", ("exact", "activation-patterns")),
    Kind("lower: points, slopes", ("sampled-gradient", "gradient-ascent", "vertex-search")),
)
_OTHERS: Final = {
    "upper": "upper: others",
    "interval": "both ends: exact",
    "lower": "lower: others",
}


def kind_of(method: type[BoundMethod]) -> str:
    """Return the title of a method's kind; methods that no kind names go by their side."""
    named = (kind.title for kind in _NAMED if method.name in kind.methods)
    return next(named, _OTHERS[method.side])


def _kinds() -> tuple[Kind, ...]:
    titles = dict.fromkeys(
        [*(kind.title for kind in _NAMED), *(kind_of(method) for method in METHODS)]
    )
    groups = [
        Kind(title, tuple(method.name for method in METHODS if kind_of(method) == title))
        for title in sorted(titles, key=_side)
    ]
    return tuple(group for group in groups if group.methods)


def _side(title: str) -> int:
    return ("upper", "both ends", "lower").index(title.partition(":")[0])


KINDS: Final = _kinds()
"""All of METHODS, each in one kind: upper ends first, lower ends last."""
