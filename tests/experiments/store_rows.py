"""Rows like those of a sweep, and a program that writes some: python -m ... FOLDER FIRST LAST."""

from __future__ import annotations

import json
import sys


def row(number: int, **changed):
    """Return row ``number``: every number is another run of one of ten questions."""
    made = {
        "run": f"{number:032x}",
        "failed": number % 50 == 0,
        "network": f"net {number % 5}",
        "network_hash": f"{number % 5:064x}",
        "widths": "16-10-6-3",
        "density": 1.0,
        "seed": number % 5,
        "region": json.dumps({"kind": "whole space"}),
        "region_label": "whole space",
        "region_hash": "0123456789abcdef",
        "norm": ("linf", "l2")[number % 10 >= 5],
        "output": 0,
        "method": ("path", "norm-product", "sampled-gradient")[number % 3],
        "settings": json.dumps({"number": number}),
        "time_limit": None,
        "label": "Path",
        "side": "upper",
        "of": "P*",
        "lower_of": "L",
        "value": 1.0 + 1.0 / (number + 3.0),
        "lower": 0.0,
        "verified": number % 50 != 0,
        "status": "done",
        "solver_value": float("nan"),
        "residual": float("nan"),
        "size": json.dumps({"rows": number}),
        "build_seconds": 0.001,
        "solve_seconds": 0.01 * (number % 7 + 1),
        "verify_seconds": 0.0,
        "seconds": 0.001 + 0.01 * (number % 7 + 1),
        "versions": json.dumps({f"package {i}": "1.2.3" for i in range(8)}),
        "machine": json.dumps({"system": "Linux", "processors": 2}),
    }
    return made | changed


def main() -> None:
    """Add rows and say the number of each when it is kept."""
    from lipexplore.experiments.store import Store

    folder, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with Store(folder) as store:
        # a kill loses nothing that the system was handed; the disk matters to power cuts alone
        store._open.execute("PRAGMA synchronous = OFF")
        for number in range(first, last):
            if store.add(row(number)):
                sys.stdout.write(f"{number}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
