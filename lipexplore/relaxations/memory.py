"""How much memory a program may take."""

from __future__ import annotations

import os
from pathlib import Path


def default_memory_limit() -> float:
    """Return half of the memory that is free now, in bytes."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 0.5 * 1024.0 * float(line.split()[1])
    return 0.25 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def limit_bytes(gigabytes: float | None) -> float:
    """Return a limit given in gigabytes in bytes; None stands for half of the free memory."""
    return default_memory_limit() if gigabytes is None else gigabytes * 1e9
