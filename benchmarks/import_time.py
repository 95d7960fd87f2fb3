"""How long ``import lipexplore`` takes and what it loads."""

import json
import statistics
import subprocess
import sys

CODE = (
    "import time; start = time.perf_counter(); import lipexplore; "
    "print(time.perf_counter() - start)"
)


def main() -> None:
    """Import in seven fresh processes and take the median."""
    times = [
        float(subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True).stdout)
        for _ in range(7)
    ]
    print(
        json.dumps(
            [["import lipexplore, median of 7", f"{statistics.median(times):.3f} s", "< 0.3 s"]]
        )
    )


if __name__ == "__main__":
    main()
