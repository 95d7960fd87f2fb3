"""Radii of test images as jobs of a worker: under one method, or where an attack succeeds."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from lipexplore.bounds import OnProgress
from lipexplore.bounds.margins import margins
from lipexplore.jobs.protocol import Message
from lipexplore.networks.feedforward import Network
from lipexplore.networks.files import network_bytes, network_from_bytes
from lipexplore.properties.attack import Attacks, attack
from lipexplore.properties.local_radius import LocalRadius, local_radius
from lipexplore.properties.robustness import CertifiedRadii, certified_radii
from lipexplore.regions import Ball, region_from_dict
from lipexplore.training.images import digits_for

ATTACK = ""


@dataclass(frozen=True, eq=False)
class RadiiJob:
    """Radii of the test images that a network reads.

    Parameters
    ----------
    method
        A bound's method, or ATTACK for the closest changes of class that are found.
    ball
        Asks for the one radius around its centre that bounds over the ball prove.
    images
        The first so many images.
    time_limit
        Seconds for all margins together.
    """

    network: Network
    method: str
    norm: str
    images: int
    ball: Ball | None = None
    time_limit: float | None = None

    def run(self, on_progress: OnProgress | None = None) -> CertifiedRadii | LocalRadius | Attacks:
        """Compute the answer in this process."""
        limit = self.time_limit
        if self.ball is not None:
            return local_radius(
                self.network,
                self.method,
                self.norm,
                self.ball,
                time_limit=limit,
                on_progress=on_progress,
            )
        pixels = digits_for(self.network)[0][: self.images]
        if self.method == ATTACK:
            return attack(self.network, pixels, self.norm)
        table = margins(
            self.network, self.method, self.norm, time_limit=limit, on_progress=on_progress
        )
        return certified_radii(self.network, pixels, table)

    def to_message(self) -> Message:
        """Return the job as plain numbers and strings."""
        content: dict[str, Any] = {
            "network": base64.b64encode(network_bytes(self.network)).decode("ascii"),
            "method": self.method,
            "norm": self.norm,
            "images": self.images,
            "ball": None if self.ball is None else self.ball.to_dict(),
            "time_limit": self.time_limit,
        }
        return {"radii": content}

    @classmethod
    def from_message(cls, message: Message) -> RadiiJob:
        """Return the job that :meth:`to_message` described."""
        plain = dict(message["radii"])
        plain["network"] = network_from_bytes(base64.b64decode(plain["network"]))
        if plain["ball"] is not None:
            plain["ball"] = region_from_dict(plain["ball"])
        return cls(**plain)
