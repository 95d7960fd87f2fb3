"""What travels between a worker and its client: one JSON object per line, either way.

Both ends are Python, so infinite and undefined numbers travel as JSON's Infinity and NaN.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lipexplore.bounds import Bound, BoundMethod, OnProgress, bound
from lipexplore.errors import InvalidSetting, LipexploreError
from lipexplore.jobs.arrays import Kept
from lipexplore.networks.feedforward import Network
from lipexplore.networks.files import network_bytes, network_from_bytes
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Region, region_from_dict

Message = dict[str, Any]
Kind = Literal["ready", "started", "progress", "result", "finished", "error", "cancelled", "died"]

FAILURES = (LipexploreError, ArithmeticError, np.linalg.LinAlgError, MemoryError)
"""What may go wrong in a run without being a mistake in the program."""

NETWORKS_KEPT = 4
"""So many networks, the last ones sent, stay with a worker: jobs about them name them only."""

_ARRAYS = ("certificate", "witness")


@dataclass(frozen=True, eq=False)
class Job:
    """One question for :func:`lipexplore.bound`, whose arguments the fields are.

    Parameters
    ----------
    method
        A name or a method; a worker is sent the name alone and knows those of METHODS only.
    layers
        Weight layers (first, last), 1-based; None for the whole network.
    time_limit
        Seconds after which the method is asked to return the best it has.
    certificate
        File that the certificate is saved to.
    """

    network: Network
    method: str | BoundMethod
    norm: str | Norm = "linf"
    region: Region = WHOLE_SPACE
    output: int | str = 0
    minus: int | None = None
    layers: tuple[int, int] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    time_limit: float | None = None
    output_norm: str | None = None
    certificate: str | Path | None = None

    @property
    def method_name(self) -> str:
        """Name of the method."""
        return self.method if isinstance(self.method, str) else self.method.name

    def run(self, on_progress: OnProgress | None = None) -> Bound:
        """Compute the answer in this process."""
        found = bound(
            self.network,
            self.method,
            self.norm,
            self.region,
            self.output,
            self.minus,
            self.output_norm,
            layers=self.layers,
            time_limit=self.time_limit,
            on_progress=on_progress,
            **self.settings,
        )
        if self.certificate is not None:
            from lipexplore.bounds.saving import save_certificate

            save_certificate(found, self.certificate)
        return found

    def to_message(self) -> Message:
        """Return the job as plain numbers and strings, the network's bytes in base 64."""
        message = {item.name: getattr(self, item.name) for item in fields(self)}
        message["network"] = _network_text(self.network)
        message["method"] = self.method_name
        message["norm"] = self.norm.value if isinstance(self.norm, Norm) else self.norm
        message["region"] = self.region.to_dict()
        message["settings"] = dict(self.settings)
        if self.certificate is not None:
            message["certificate"] = str(Path(self.certificate).absolute())
        return message

    @classmethod
    def from_message(cls, message: Message) -> Job:
        """Return the job that :meth:`to_message` described."""
        plain = dict(message)
        plain["network"] = _network_of(plain["network"])
        plain["region"] = region_from_dict(plain["region"])
        plain["layers"] = _pair(plain["layers"])
        return cls(**plain)


@dataclass(frozen=True)
class Event:
    """Something that happened in a worker.

    Parameters
    ----------
    job
        The number that ``submit`` gave; None for "ready".
    data
        ready: versions by package; progress: the method's dictionary, or one answer of a survey;
        result: the Bound without its arrays; error and died: one sentence; otherwise None.
    seconds
        Since the job started (ready: since the process was started).
    error
        Name of the exception's class, for "error" only.
    expected
        False where that exception is a mistake in lipexplore rather than in the question.
    arrays
        For "result": certificate and witness, or what else the job asked for; None without any.
    """

    kind: Kind
    job: int | None
    data: Any
    seconds: float
    error: str = ""
    expected: bool = True
    arrays: Kept | None = None


@dataclass(frozen=True)
class Parcel:
    """A network that is sent ahead of the first job about it: its name and the line."""

    name: str
    line: bytes


def packed(question: Message) -> tuple[Message, Parcel | None]:
    """Return a job's question with the network's name in the place of its bytes, and those."""
    if not isinstance(question.get("network"), str):
        return question, None
    parcel = _parcel(question["network"])
    return {**question, "network": parcel.name}, parcel


@lru_cache(maxsize=NETWORKS_KEPT)
def _parcel(text: str) -> Parcel:
    name = sha256(text.encode()).hexdigest()
    return Parcel(name, encode({"parcel": name, "content": text}))


@lru_cache(maxsize=NETWORKS_KEPT)
def _network_text(network: Network) -> str:
    return base64.b64encode(network_bytes(network)).decode("ascii")


@lru_cache(maxsize=NETWORKS_KEPT)
def _network_of(text: str) -> Network:
    return network_from_bytes(base64.b64decode(text))


def bound_to_message(found: Bound) -> Message:
    """Return the fields of a Bound without its arrays."""
    return {item.name: getattr(found, item.name) for item in fields(found) if _travels(item.name)}


def bound_from_message(message: Message) -> Bound:
    """Return the Bound that :func:`bound_to_message` described."""
    return Bound(**{**message, "layers": _pair(message["layers"])})


def encode(message: Message) -> bytes:
    """Return a message as one line.

    Raises
    ------
    InvalidSetting
        If it holds something that JSON does not know.
    """
    return json.dumps(message, default=_plain).encode() + b"\n"


def one_sentence(error: Exception) -> str:
    """Return what to tell the user about a failure."""
    if isinstance(error, LipexploreError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory: choose a lower degree or a smaller network"
    return " ".join(f"{type(error).__name__}: {error}".split())


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise InvalidSetting(
        f"{value!r} cannot be sent to a worker: settings must be numbers, strings or lists"
    )


def _travels(name: str) -> bool:
    return name not in _ARRAYS


def _pair(layers: list[int] | None) -> tuple[int, int] | None:
    return None if layers is None else (layers[0], layers[1])
