"""Train every network of data/networks and write the table of data/README.md.

    python data/make_networks.py            trains and writes all (half a minute)
    python data/make_networks.py --check    trains all again and compares with the files

The check asks for weights within 1e-6, the same number of test images right, and the checksums of
the README; it exits with status 1 otherwise.
"""

import os

if __name__ == "__main__":
    # One thread, said before numpy loads.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"

import sys
from dataclasses import dataclass
from functools import cache

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.networks.files import load_network, save_network
from lipexplore.networks.layers import Convolution, Dense
from lipexplore.training import (
    Recipe,
    biases_of,
    digits_for,
    initial_network,
    initial_weights,
    number_correct,
    train,
    train_pruned,
    units_with_path,
    weights_of,
)
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

DENSE = "digits-64-20-10-relu"
CONVOLUTIONAL = "digits-conv-64-36-10-relu"
SCRATCH = Recipe()
FINE_TUNING = Recipe(epochs=30, step=0.01)
KERNELS = Recipe(epochs=60)


@dataclass(frozen=True)
class Plan:
    """One network: trained from scratch, or pruned in ``stages`` from the network ``start``.

    ``kernels`` are the shapes of the convolutions of the first layers, the first with stride 2.
    """

    widths: tuple[int, ...]
    activation: str = "relu"
    recipe: Recipe = SCRATCH
    start: str | None = None
    stages: tuple[float, ...] = ()
    kernels: tuple[tuple[int, int, int, int], ...] = ()


def _pruned(start: str, *stages: float) -> Plan:
    return Plan((64, 20, 10), recipe=FINE_TUNING, start=DENSE + start, stages=stages)


PLANS = {
    "digits-16-12-8-10-relu": Plan((16, 12, 8, 10), recipe=Recipe(epochs=200)),
    "digits-64-20-10-relu": Plan((64, 20, 10)),
    "digits-64-20-10-elu": Plan((64, 20, 10), "elu:1.0"),
    "digits-64-32-16-10-relu": Plan((64, 32, 16, 10)),
    "digits-784-50-10-relu": Plan((784, 50, 10), recipe=Recipe(epochs=50, step=0.001)),
    "digits-64-20-10-relu-zeros50": _pruned("", 0.25, 0.5),
    "digits-64-20-10-relu-zeros80": _pruned("-zeros50", 0.55, 0.6, 0.65, 0.7, 0.75, 0.8),
    "digits-64-20-10-relu-zeros90": _pruned("-zeros80", 0.82, 0.84, 0.86, 0.88, 0.9),
    "digits-64-20-10-relu-zeros95": _pruned("-zeros90", 0.91, 0.92, 0.93, 0.935, 0.94, 0.945, 0.95),
    CONVOLUTIONAL: Plan((64, 36, 10), recipe=KERNELS, kernels=((4, 1, 4, 4),)),
    f"{CONVOLUTIONAL}-zeros70": Plan(
        (64, 36, 10), recipe=FINE_TUNING, start=CONVOLUTIONAL, stages=(0.3, 0.5, 0.6, 0.65, 0.7)
    ),
    "digits-conv-64-36-24-10-relu": Plan(
        (64, 36, 24, 10), recipe=KERNELS, kernels=((4, 1, 4, 4), (6, 4, 2, 2))
    ),
}


def untrained(plan: Plan, name: str) -> Network:
    """Return the network that training starts from."""
    if not plan.kernels:
        return initial_network(plan.widths, plan.activation, plan.recipe.seed, name)
    layers: list[Convolution] = []
    for kernel in plan.kernels:
        shape, stride = (layers[-1].output_shape, 1) if layers else ((1, 8, 8), 2)
        layers.append(Convolution(np.zeros(kernel), None, shape, stride))
    last = Dense(np.zeros((plan.widths[-1], plan.widths[-2])))
    zeros = Network([*layers, last], (), plan.activation, name)
    return initial_weights(zeros, plan.recipe.seed)


@cache
def trained(name: str) -> Network:
    """Return the network of that name, trained here and now."""
    plan = PLANS[name]
    if plan.start is None:
        start = untrained(plan, name)
        return train(start, *digits_for(start, "train"), plan.recipe)
    start = trained(plan.start)
    start = Network(start.layers, (), start.activations, name)
    return train_pruned(start, *digits_for(start, "train"), plan.recipe, plan.stages)


def row(name: str) -> list[str]:
    """Return the cells of the README's line on a shipped network."""
    network = load_network(path_of(name))
    right = number_correct(network, *digits_for(network))
    total = sum(weight.size for weight in weights_of(network))
    zeros = total - sum(np.count_nonzero(weight) for weight in weights_of(network))
    alive = ", ".join(
        f"{count} of {width}"
        for count, width in zip(units_with_path(network), network.widths[1:-1], strict=True)
    )
    return [
        f"`{name}`",
        "-".join(map(str, network.widths)),
        f"`{PLANS[name].activation}`",
        f"{right} ({100 * right / 360:.1f} %)",
        f"{zeros} of {total} ({100 * zeros / total:.1f} %)",
        alive,
        str(PLANS[name].recipe.seed),
        checksum(name),
    ]


def write() -> None:
    """Train and save every network, then renew the README's table."""
    for name in PLANS:
        save_network(trained(name), path_of(name))
    titles = "network, layers, activation, right of 360, zero weights, hidden units on a path, seed"
    head = [*titles.split(", "), "SHA-256 of the file"]
    renew("make_networks.py", table(head, map(row, PLANS)))


def differences(name: str) -> list[str]:
    """Train a network again and say where it departs from the shipped one."""
    shipped, again = load_network(path_of(name)), trained(name)
    arrays = [weights_of(network) + biases_of(network) for network in (shipped, again)]
    problems = weight_problems(name, zip(*arrays, strict=True))
    images, labels = digits_for(shipped)
    counts = [number_correct(network, images, labels) for network in (shipped, again)]
    if counts[0] != counts[1]:
        problems.append(f"{name}: {counts[1]} test images right instead of {counts[0]}")
    return problems + table_problems(name, line(row(name)))


def all_differences() -> list[str]:
    """Train everything again and say what departs from the files."""
    return [problem for name in PLANS for problem in differences(name)]


if __name__ == "__main__":
    sys.exit(run(__doc__, write, all_differences))
