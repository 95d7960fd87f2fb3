"""The address of the page, where Voila shows it: it may carry a state."""

from __future__ import annotations

import os
from urllib.parse import parse_qs, quote

STATE = "state"
"""Name of the part of the address that holds what the Compare tab gave."""


def is_app() -> bool:
    """Tell whether this kernel serves a page of Voila, whose address we know."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


def state_in_address() -> str | None:
    """Return the state that the page's address carries, None without one."""
    query = os.environ.get("QUERY_STRING", "") if is_app() else ""
    return parse_qs(query).get(STATE, [None])[-1]


def link_to(state: str) -> str:
    """Return the end of the address that opens the app at a state."""
    return f"?{STATE}={quote(state, safe='')}"
