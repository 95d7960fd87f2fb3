"""Train the parallel networks of data/networks and write their table of data/README.md.

    python data/make_parallel.py            trains and writes all (half a minute)
    python data/make_parallel.py --check    trains all again and compares with the files

The check asks for weights within 1e-6, as many test images right, and the checksums of the README;
it exits with status 1 otherwise.
"""

import os

if __name__ == "__main__":
    # One thread, said before numpy loads.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"

import sys
from functools import cache

from lipexplore.bounds import bound
from lipexplore.networks.files import load_model, save_network
from lipexplore.networks.gallery import digits
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.properties.path_norm import regulariser
from lipexplore.rounding import text_above
from lipexplore.training import Recipe
from lipexplore.training.path_regularized import initial_stack, train_stack
from lipexplore.training.shipping import (
    checksum,
    line,
    path_of,
    renew,
    run,
    table,
    table_problems,
    weight_problems,
)

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


def row(name: str) -> list[str]:
    """Return the cells of the README's line on a shipped network."""
    network, right = shipped(name), number_correct(shipped(name))
    return [
        f"`{name}`",
        f"{BETAS[name]:g}",
        f"{len(network.subnetworks)} of {SUBNETWORKS}",
        f"{right} ({100 * right / 360:.1f} %)",
        f"{regulariser(network):.4g}",
        *(text_above(largest(network, method), 4) for method in ("path", "shor")),
        str(RECIPE.seed),
        checksum(name),
    ]


def write() -> None:
    """Train and save every network, then renew the README's table."""
    for name in BETAS:
        save_network(trained(name), path_of(name))
    head = ["network", "β", "sub-networks left", "right of 360", "R", "path bound", "shor"]
    head += ["seed", "SHA-256 of the file"]
    renew("make_parallel.py", table(head, map(row, BETAS)))


def differences(name: str) -> list[str]:
    """Train a network again and say where it departs from the shipped one."""
    old, again = shipped(name), trained(name)
    if len(old.subnetworks) != len(again.subnetworks):
        return [f"{name}: {len(again.subnetworks)} sub-networks, not {len(old.subnetworks)}"]
    pairs = [
        pair
        for parts in zip(old.subnetworks, again.subnetworks, strict=True)
        for pair in zip(*parts, strict=True)
    ]
    problems = weight_problems(name, pairs)
    if number_correct(old) != number_correct(again):
        problems.append(f"{name}: {number_correct(again)} images right")
    return problems + table_problems(name, line(row(name)))


def all_differences() -> list[str]:
    """Train everything again and say what departs from the files."""
    return [problem for name in BETAS for problem in differences(name)]


if __name__ == "__main__":
    sys.exit(run(__doc__, write, all_differences))
