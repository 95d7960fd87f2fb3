"""Expected seconds, corrected by the runs that were made on this machine."""

from __future__ import annotations

import contextlib
import json
import math
import os
from pathlib import Path
from statistics import median
from typing import Final

MOST_RUNS = 25
SMALLEST, LARGEST = 1e-2, 1e4
"""Between which a run may differ from its estimate to be believed."""
_FORMAT: Final = 1


class Timings:
    """Ratios of measured to counted seconds, by method; the newest count.

    Parameters
    ----------
    file
        Where they are kept between sessions; None for nowhere. A file that cannot be read or
        written, or that holds anything else, is ignored.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._ratios: dict[str, tuple[float, ...]] = {} if file is None else _read(file)

    def note(self, method: str, counted: float, measured: float) -> None:
        """Remember a finished run."""
        if not (counted > 0.0 and measured > 0.0 and math.isfinite(counted * measured)):
            return
        ratio = min(max(measured / counted, SMALLEST), LARGEST)
        self._ratios[method] = (*self._ratios.get(method, ()), ratio)[-MOST_RUNS:]
        if self._file is not None:
            with contextlib.suppress(OSError):
                _write(self._file, self._ratios)

    def runs(self, method: str) -> int:
        """Return how many runs of a method are known."""
        return len(self._ratios.get(method, ()))

    def expected(self, method: str, counted: float) -> float:
        """Return counted seconds times the median ratio of the known runs."""
        return counted * median(self._ratios.get(method) or (1.0,))


def cache_file() -> Path:
    """Return the file in the user's cache folder."""
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "lipexplore" / "timings.json"


def _read(file: Path) -> dict[str, tuple[float, ...]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return {}
    ratios = content.get("ratios")
    if not isinstance(ratios, dict):
        return {}
    read = {str(name): _plausible(values) for name, values in ratios.items()}
    return {name: values for name, values in read.items() if values}


def _plausible(values: object) -> tuple[float, ...]:
    if not isinstance(values, list):
        return ()
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return tuple(float(v) for v in numbers if SMALLEST <= v <= LARGEST)[-MOST_RUNS:]


def _write(file: Path, ratios: dict[str, tuple[float, ...]]) -> None:
    """Replace the file as a whole, so that two sessions never mix their halves."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({"format": _FORMAT, "ratios": ratios}), encoding="utf-8")
    part.replace(file)
