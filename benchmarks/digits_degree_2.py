"""The shipped 64-20-10 network at degree 2: the bound that a class waits for."""

import json
import statistics

import lipexplore


def main() -> None:
    """Take the median of five runs after a first one."""
    network = lipexplore.load_network("digits-64-20-10-relu")
    runs = [lipexplore.bound(network, "lipopt-lp", degree=2).seconds for _ in range(6)][1:]
    print(json.dumps([["64-20-10 digits, degree 2", f"{statistics.median(runs):.2f} s", "< 1 s"]]))


if __name__ == "__main__":
    main()
