"""Train the parallel networks of data/networks and write their table of data/README.md.

    python data/make_parallel.py            trains and writes all (half a minute)
    python data/make_parallel.py --check    trains all again and compares with the files

The check asks for weights within 1e-6, as many test images right, and the checksums of the README;
it exits with status 1 otherwise.
"""

# ruff: noqa: T201 (a script prints)
import os

if __name__ == "__main__":
    # One thread, said before numpy loads.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"

import argparse
import hashlib
import sys
from functools import cache
from pathlib import Path

import numpy as np

from lipexplore.bounds import bound
from lipexplore.networks.files import load_model, save_network
from lipexplore.networks.gallery import digits
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.properties.path_norm import regulariser
from lipexplore.rounding import text_above
from lipexplore.training import Recipe
from lipexplore.training.path_regularized import initial_stack, train_stack

FOLDER = Path(__file__).resolve().parent
TABLE_START, TABLE_END = "<!-- table by make_parallel.py -->", "<!-- end of parallel table -->"
SUBNETWORKS, WIDTH, RECIPE = 24, 3, Recipe(epochs=40)
BETAS = {
    f"parallel-digits-beta{text}": float(text) for text in ("0", "1e-3", "1e-2", "3e-2", "1e-1")
}


@cache
def trained(name: str) -> ParallelNetwork:
    """Return the network of that name, trained here and now."""
    images, labels = digits("train")
    start = initial_stack(images.shape[1], SUBNETWORKS, WIDTH, 10, RECIPE.seed)
    return train_stack(start, images, labels, RECIPE, BETAS[name]).network(name)


def path_of(name: str) -> Path:
    """Return the file of the network of that name."""
    return FOLDER / "networks" / f"{name}.npz"


def shipped(name: str) -> ParallelNetwork:
    """Return the network as it is in the file."""
    network = load_model(path_of(name))
    assert isinstance(network, ParallelNetwork)
    return network


def number_correct(network: ParallelNetwork) -> int:
    """Count the test images whose largest output is their label."""
    images, labels = digits()
    return int((network(images).argmax(axis=1) == labels).sum())


def largest(network: ParallelNetwork, method: str) -> float:
    """Return the largest bound over the ten outputs, for l_inf."""
    whole = network.to_network()
    return max(bound(whole.head(output), method, norm="linf").value for output in range(10))


def row(name: str) -> str:
    """Return the README's line on a shipped network."""
    network, right = shipped(name), number_correct(shipped(name))
    cells = [
        f"`{name}`",
        f"{BETAS[name]:g}",
        f"{len(network.subnetworks)} of {SUBNETWORKS}",
        f"{right} ({100 * right / 360:.1f} %)",
        f"{regulariser(network):.4g}",
        *(text_above(largest(network, method), 4) for method in ("path", "shor")),
        str(RECIPE.seed),
        f"`{hashlib.sha256(path_of(name).read_bytes()).hexdigest()}`",
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """Return the README's table of the parallel networks, in Markdown."""
    head = ["network", "β", "sub-networks left", "right of 360", "R", "path bound", "shor"]
    head += ["seed", "SHA-256 of the file"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join(lines + [row(name) for name in BETAS])


def write() -> None:
    """Train and save every network, then renew the README's table."""
    for name in BETAS:
        save_network(trained(name), path_of(name))
    readme = FOLDER / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(TABLE_START)
    after = rest.split(TABLE_END)[1]
    text = f"{before}{TABLE_START}\n{table()}\n{TABLE_END}{after}"
    readme.write_text(text, encoding="utf-8")


def differences(name: str) -> list[str]:
    """Train a network again and say where it departs from the shipped one."""
    old, again = shipped(name), trained(name)
    if len(old.subnetworks) != len(again.subnetworks):
        return [f"{name}: {len(again.subnetworks)} sub-networks, not {len(old.subnetworks)}"]
    problems = []
    pairs = [
        pair
        for parts in zip(old.subnetworks, again.subnetworks, strict=True)
        for pair in zip(*parts, strict=True)
    ]
    if (gap := max(float(np.abs(a - b).max()) for a, b in pairs)) > 1e-6:
        problems.append(f"{name}: weights differ by {gap:.3g}")
    if number_correct(old) != number_correct(again):
        problems.append(f"{name}: {number_correct(again)} images right")
    if row(name) not in (FOLDER / "README.md").read_text(encoding="utf-8"):
        problems.append(f"{name}: the line of data/README.md is not that of the file")
    return problems


def main() -> int:
    """Write or check everything; print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    if parser.parse_args().check:
        problems = [problem for name in BETAS for problem in differences(name)]
    else:
        problems = []
        write()
    print(table())
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
