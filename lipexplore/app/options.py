"""What the app is told: where to listen, for whom, for how long."""

from __future__ import annotations

import math
import secrets
import socket
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from lipexplore.errors import InvalidSetting
from lipexplore.networks.gallery import open_network

HOST: Final = "127.0.0.1"
PORT: Final = 8866
USERS: Final = 4
IDLE_MINUTES: Final = 30.0
SMALLEST_TOKEN: Final = 16
"""Letters that a token must have at least."""


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches the address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def new_token(host: str) -> str:
    """Return a random token, or none where only this machine reaches the address."""
    return "" if is_loopback(host) else secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Options:
    """Settings of :func:`lipexplore.app.server.serve`.

    Parameters
    ----------
    networks
        Files or names of shipped networks, listed first in the workbench.
    host, port
        Where to listen; port 0 is any free one.
    users
        Most pages at the same time. Each has a kernel and a worker process.
    idle_minutes
        After so many minutes without a click or a running solve a page is ended.
    token
        What the address must carry; empty for none, which only a loopback address may have.

    Raises
    ------
    LipexploreError
        If a setting is out of range, a network cannot be read, or others than this machine
        would get in without a token.
    """

    networks: tuple[str, ...] = ()
    host: str = HOST
    port: int = PORT
    users: int = USERS
    idle_minutes: float = IDLE_MINUTES
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise InvalidSetting(f"--port must be from 0 (any free one) to 65535, not {self.port}")
        if self.users < 1:
            raise InvalidSetting(f"--users must be at least 1, not {self.users}")
        if not (self.idle_minutes > 0.0 and math.isfinite(self.idle_minutes)):
            raise InvalidSetting(f"--idle-minutes must be positive, not {self.idle_minutes}")
        if not is_loopback(self.host) and len(self.token) < SMALLEST_TOKEN:
            raise InvalidSetting(
                f"others than this machine reach {self.host}: a token of at least "
                f"{SMALLEST_TOKEN} letters is needed"
            )
        for network in self.networks:
            open_network(network)

    def listen(self) -> socket.socket:
        """Return a socket that listens.

        Raises
        ------
        InvalidSetting
            If the address cannot be had.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listening = socket.create_server((self.host, self.port), family=family)
        except OSError as problem:
            raise InvalidSetting(
                f"cannot listen on port {self.port} of {self.host} ({problem.strerror}): "
                "choose another --port, or --port 0 for any free one"
            ) from None
        listening.setblocking(False)
        return listening

    def address(self, port: int) -> str:
        """Return the address to open, token included."""
        host = socket.gethostname() if self.host in ("", "0.0.0.0", "::") else self.host
        if ":" in host:
            host = f"[{host}]"
        return f"http://{host}:{port}/" + (f"?token={self.token}" if self.token else "")
