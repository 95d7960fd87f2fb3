"""Which kind of machine produced a number: nothing that names it or its user."""

from __future__ import annotations

import os
import platform
from functools import cache


@cache
def machine_facts() -> dict[str, str | int]:
    """Return system, architecture, processors that this process may use, and Python."""
    usable = getattr(os, "sched_getaffinity", None)
    return {
        "system": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
        "processors": len(usable(0)) if usable else os.cpu_count() or 1,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
