"""The record that every method returns and the class that every method extends."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal

import numpy as np

from lipexplore.errors import InvalidSetting, UnsupportedQuestion
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import PROPAGATIONS, SlopeRanges, slope_ranges
from lipexplore.norms import Norm
from lipexplore.regions import Region, WholeSpace
from lipexplore.rounding import text_above, text_below

Side = Literal["upper", "lower", "interval"]
Constant = Literal["P*", "L"]
OnProgress = Callable[[Mapping[str, Any]], None]

ALL_NORMS = (Norm.L1, Norm.L2, Norm.LINF)


@dataclass(frozen=True, eq=False)
class Bound:
    """One answer: what is proven about one Lipschitz constant, and what it cost.

    ``value`` is a verified upper end (inf where there is none), ``lower`` a verified lower end
    (0 where there is none). L is the true constant, P* the maximum of the gradient's norm when
    slopes move freely in their ranges; L <= P*.

    Parameters
    ----------
    of
        "P*" when ``value`` is proven to be at least P* (hence at least L), "L" when only L.
    lower_of
        "L" when a point of the network attains ``lower`` (hence at most P*), "P*" when only a
        choice of slopes does: that is no floor for L.
    solver_value
        What the solver or search printed: a diagnostic, not a bound.
    residual
        What verification added to make the solver's multipliers a proof (absolute).
    seconds
        Building, solving and verifying apart.
    certificate, witness
        Arrays that prove the upper and the lower end.
    """

    value: float
    lower: float
    side: Side
    of: Constant
    lower_of: Constant
    method: str
    verified: bool
    status: str
    solver_value: float = math.nan
    residual: float = math.nan
    network: str = ""
    network_hash: str = ""
    norm: str = ""
    output: int | str = 0
    minus: int | None = None
    output_norm: str | None = None
    layers: tuple[int, int] | None = None
    region: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    size: Mapping[str, int] = field(default_factory=dict)
    build_seconds: float = 0.0
    solve_seconds: float = 0.0
    verify_seconds: float = 0.0
    certificate: Any = field(default=None, repr=False)
    witness: Any = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """Total time of the run in seconds."""
        return self.build_seconds + self.solve_seconds + self.verify_seconds

    def to_dict(self) -> dict[str, Any]:
        """Return the fields without arrays; infinite and undefined numbers become None."""
        plain = {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if item.name not in ("certificate", "witness")
        }
        return {name: _finite_or_none(value) for name, value in plain.items()}

    def to_json(self) -> str:
        """Return :meth:`to_dict` as one JSON object."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def _repr_html_(self) -> str:
        upper = "none" if math.isinf(self.value) else text_above(self.value)
        mark = "verified" if self.verified else "not verified"
        return (
            f"<p><b>{self.method}</b>: {self.of} ≤ {upper} ({mark}); "
            f"{self.lower_of} ≥ {text_below(self.lower)}; {self.seconds:.3g} s</p>"
        )


def _finite_or_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite_or_none(item) for key, item in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True)
class Estimate:
    """What a run will cost, counted before building anything.

    Parameters
    ----------
    size
        Counts by name, for instance rows, columns and nonzeros of a program.
    seconds
        Expected run time on a machine like the one the model was fitted on.
    memory_bytes
        Predicted peak memory of the run, without the interpreter.
    """

    size: Mapping[str, int]
    seconds: float
    memory_bytes: float = 0.0


@dataclass(frozen=True)
class BoundMethod(ABC):
    """A method of bounding a Lipschitz constant: a frozen value that is called like a function.

    Its fields become widget controls, sweep keys, command-line options and its repr. A field's
    ``metadata`` may hold ``help`` (one sentence), ``choices`` and ``minimum``.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    side: ClassVar[Side]
    of: ClassVar[Constant]
    norms: ClassVar[tuple[Norm, ...]] = ALL_NORMS
    joint_norms: ClassVar[tuple[Norm, ...]] = ()
    """Norms p for which a network of several outputs is bounded at once, from p to p."""
    depths: ClassVar[tuple[int, ...] | None] = None
    """Numbers of hidden layers that the method knows, None for all."""
    activations: ClassVar[tuple[str, ...] | None] = None
    """Names of the activations that the method knows, None for all."""
    bounded_regions_only: ClassVar[bool] = False
    """Whether the method needs a ball or a box."""
    sources: ClassVar[tuple[str, ...]]
    explanation: ClassVar[str]

    @abstractmethod
    def __call__(
        self,
        network: Network,
        region: Region,
        norm: Norm,
        *,
        time_limit: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Bound:
        """Bound the constant of a scalar network over ``region`` for the input norm ``norm``.

        With a norm of ``joint_norms`` the network may have several outputs; their norm is ``norm``.
        """

    def each(
        self,
        heads: Sequence[Network],
        region: Region,
        norm: Norm,
        *,
        time_limit: float | None = None,
    ) -> Iterator[Bound]:
        """Bound several heads of one network, which differ in their last weights alone.

        One after the other, the time shared evenly among those that are left.
        """
        deadline = None if time_limit is None else time.perf_counter() + time_limit
        for left, head in zip(range(len(heads), 0, -1), heads, strict=True):
            share = None if deadline is None else max(deadline - time.perf_counter(), 0.0) / left
            yield self(head, region, norm, time_limit=share)

    @abstractmethod
    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return size and seconds before running."""

    def check(self, network: Network, norm: Norm) -> None:
        """Raise UnsupportedQuestion unless this method answers for the norm and the network."""
        if norm not in self.norms:
            known = ", ".join(item.value for item in self.norms)
            raise UnsupportedQuestion(
                f"{self.name} does not answer for the {norm.value} norm: use {known}, "
                "or another method"
            )
        if self.depths is not None and network.depth not in self.depths:
            raise UnsupportedQuestion(
                f"{self.name} does not answer for {network.depth} hidden layers, only for "
                f"{' or '.join(map(str, self.depths))}: use another method"
            )
        names = {activation.name for activation in network.activations}
        if self.activations is not None and not names <= set(self.activations):
            raise UnsupportedQuestion(
                f"{self.name} does not answer for {', '.join(sorted(names))}, only for "
                f"{', '.join(self.activations)}: use another method"
            )

    def check_bounded(self, region: Region) -> None:
        """Raise UnsupportedQuestion for the whole space if the method needs a ball or a box."""
        if self.bounded_regions_only and isinstance(region, WholeSpace):
            raise UnsupportedQuestion(
                f"{self.name} needs a bounded region: choose a ball or a box, or another method"
            )

    def settings(self) -> dict[str, Any]:
        """Return the fields and their values."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def answer(self, value: float, lower: float, **details: Any) -> Bound:
        """Return a Bound that carries this method's name, side and settings.

        An upper end that overflowed is no verified one, and the status says so.
        """
        details.setdefault("lower_of", "L")
        details.setdefault("status", "done")
        if self.side != "lower" and not value < math.inf:
            value, details["verified"] = math.inf, False
            details["status"] = "overflow" if details["status"] == "done" else details["status"]
        return Bound(
            value=value,
            lower=lower,
            side=self.side,
            of=self.of,
            method=self.name,
            settings=self.settings(),
            **details,
        )

    @classmethod
    def with_settings(cls, **settings: Any) -> BoundMethod:
        """Return the method with these settings, checked by name and by each field's metadata.

        Raises
        ------
        InvalidSetting
            If a setting is unknown or outside its range.
        """
        known = {item.name: item for item in fields(cls)}
        for name, value in settings.items():
            if name not in known:
                options = ", ".join(known) or "none"
                raise InvalidSetting(f"{cls.name} has no setting {name!r}: it has {options}")
            choices = known[name].metadata.get("choices")
            if choices is not None and value not in choices:
                options = ", ".join(map(repr, choices))
                raise InvalidSetting(f"{name} must be one of {options}, not {value!r}")
            minimum = known[name].metadata.get("minimum")
            if minimum is not None and value is not None:
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise InvalidSetting(f"{name} must be a number, not {value!r}")
                if not value >= minimum:
                    raise InvalidSetting(f"{name} must be at least {minimum}, not {value!r}")
        return replace(cls(), **settings)


@dataclass(frozen=True)
class SlopeMethod(BoundMethod):
    """A method that starts from the ranges of the slopes over the region."""

    slopes: str = field(
        default="interval",
        metadata={
            "help": "how slopes are enclosed over a bounded region",
            "choices": PROPAGATIONS,
        },
    )

    def slope_ranges(self, network: Network, region: Region) -> SlopeRanges:
        """Return the slope ranges by the chosen propagation."""
        return slope_ranges(network, region, self.slopes)
