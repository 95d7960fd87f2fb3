"""Train the implicit networks of data/networks and write their table of data/README.md.

    python data/make_implicit.py            trains and writes all (half a minute)
    python data/make_implicit.py --check    trains all again and compares with the files

The check asks for weights within 1e-6, the same test images right and certified, and the checksums
of the README; it exits with status 1 otherwise.
"""

import os

if __name__ == "__main__":
    # One thread, said before numpy loads.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"

import sys
from dataclasses import dataclass
from functools import cache

from lipexplore.networks.files import load_model, save_network
from lipexplore.networks.gallery import digits
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.implicit_files import MATRICES
from lipexplore.properties.implicit.bounds import implicit_bound
from lipexplore.properties.implicit.robustness import is_certified
from lipexplore.rounding import text_above
from lipexplore.training import Recipe
from lipexplore.training.implicit import train_implicit
from lipexplore.training.implicit_loss import ImplicitLoss
from lipexplore.training.implicit_parameters import initial_parameters
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

STATES, GAMMA = 40, 0.5
RADII = (0.02, 0.05, 0.1)


@dataclass(frozen=True)
class Plan:
    """One network: what it minimises, and how."""

    loss: ImplicitLoss
    recipe: Recipe


PLANS = {
    "implicit-digits-64-40-10-plain": Plan(ImplicitLoss(), Recipe(epochs=60)),
    "implicit-digits-64-40-10-lipschitz": Plan(ImplicitLoss(lipschitz=0.005), Recipe(epochs=60)),
    "implicit-digits-64-40-10-robust": Plan(
        ImplicitLoss(kappa=0.5, radius=0.1), Recipe(epochs=60, step=0.01)
    ),
}


@cache
def trained(name: str) -> ImplicitNetwork:
    """Return the network of that name, trained here and now."""
    plan = PLANS[name]
    images, labels = digits("train")
    start = initial_parameters(images.shape[1], STATES, 10, GAMMA, plan.recipe.seed)
    return train_implicit(start, images, labels, plan.recipe, plan.loss).network(name)


def shipped(name: str) -> ImplicitNetwork:
    """Return the network as it is in the file."""
    network = load_model(path_of(name))
    assert isinstance(network, ImplicitNetwork)
    return network


def number_certified(network: ImplicitNetwork, radius: float) -> int:
    """Count the test images proven to keep their label on the l_inf ball (radius 0: right)."""
    return int(is_certified(network, *digits(), radius, clip=None).sum())


def row(name: str) -> list[str]:
    """Return the cells of the README's line on a shipped network."""
    network, plan = shipped(name), PLANS[name]
    bound = implicit_bound(network, "closed-form").value
    counts = [number_certified(network, radius) for radius in (0.0, *RADII)]
    return [
        f"`{name}`",
        text_above(network.contraction.measure, 4),
        *(f"{count} ({100 * count / 360:.1f} %)" for count in counts),
        text_above(bound, 4),
        str(plan.recipe.seed),
        checksum(name),
    ]


def write() -> None:
    """Train and save every network, then renew the README's table."""
    for name in PLANS:
        save_network(trained(name), path_of(name))
    head = ["network", "measure of A at most", "right of 360"]
    head += [f"certified at {radius:g}" for radius in RADII]
    head += ["l∞ bound", "seed", "SHA-256 of the file"]
    renew("make_implicit.py", table(head, map(row, PLANS)))


def differences(name: str) -> list[str]:
    """Train a network again and say where it departs from the shipped one."""
    old, again = shipped(name), trained(name)
    pairs = [(getattr(old, key), getattr(again, key)) for key in MATRICES]
    problems = weight_problems(name, pairs)
    for radius in (0.0, *RADII):
        counts = [number_certified(network, radius) for network in (old, again)]
        if counts[0] != counts[1]:
            problems.append(f"{name}: {counts[1]} certified at {radius:g} instead of {counts[0]}")
    return problems + table_problems(name, line(row(name)))


def all_differences() -> list[str]:
    """Train everything again and say what departs from the files."""
    return [problem for name in PLANS for problem in differences(name)]


if __name__ == "__main__":
    sys.exit(run(__doc__, write, all_differences))
