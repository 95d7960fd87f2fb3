"""Train the unfolded networks of data/networks/unfolded-*.npz and write their README table.

    python data/make_unfolded.py            trains and writes all (half a minute)
    python data/make_unfolded.py --check    trains all again and compares with the files

The check asks for losses within a hundredth of those of the files and for the checksums of the
README; it exits with status 1 otherwise.
"""

import os

if __name__ == "__main__":
    # One thread, said before numpy loads.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"

import sys
from functools import cache

from lipexplore.networks.files import load_model, save_network
from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.properties.generalization import IstaClass, LayerwiseClass, input_lipschitz
from lipexplore.properties.incremental_qc import lipschitz
from lipexplore.rounding import text_above
from lipexplore.training.shipping import (
    checksum,
    path_of,
    renew,
    run,
    table,
    table_problems,
)
from lipexplore.training.unfolded_loss import mean_loss
from lipexplore.training.unfolded_parameters import IstaParameters, LayerwiseParameters
from lipexplore.training.unfolded_problem import RecoveryProblem
from lipexplore.training.unfolded_training import (
    Learned,
    Plan,
    fresh_samples,
    learned,
    nearby_dictionary,
)

CODES, MEASURED, SPARSITY, LAYERS, WEIGHT, SAMPLES = 24, 14, 3, 8, 0.05, 2000
PLAN = Plan(steps=250)
NAMES = ("dictionary-shared", "lista-tied", "lista-halves", "lista-untied")
PATTERNS = {
    "lista-tied": (0,) * LAYERS,
    "lista-halves": (0,) * (LAYERS // 2) + (1,) * (LAYERS - LAYERS // 2),
    "lista-untied": tuple(range(LAYERS)),
}


@cache
def problem() -> RecoveryProblem:
    """Return the synthetic problem, seed 0."""
    return RecoveryProblem.random(CODES, MEASURED, SPARSITY)


@cache
def trained(short: str) -> Learned:
    """Return the training run of that name, done here and now."""
    step = problem().usual_step
    threshold = step * WEIGHT
    if short == "dictionary-shared":
        family = IstaClass(
            problem().measurements,
            CODES,
            LAYERS,
            step,
            threshold,
            threshold_radius=threshold,
            threshold_of=tuple(range(LAYERS)),
        )
        start = IstaParameters.start(family, nearby_dictionary(problem(), 0.5))
        return learned(problem(), start, family, SAMPLES, PLAN)
    ista, pattern = problem().ista(LAYERS, step, WEIGHT), PATTERNS[short]
    count = max(pattern) + 1
    center = UnfoldedNetwork(
        ista.G * count, ista.H * count, ista.thresholds * count, ista.Phi, (pattern,) * 3
    )
    free = LayerwiseClass(center, 0.5, 0.5, 0.1)
    return learned(problem(), LayerwiseParameters.start(free), free, SAMPLES, PLAN)


def full_name(short: str) -> str:
    """Return the name that the network is shipped under."""
    return f"unfolded-{MEASURED}-{LAYERS}x{CODES}-{short}"


def shipped(short: str) -> UnfoldedNetwork:
    """Return the network as it is in the file."""
    network = load_model(path_of(full_name(short)))
    assert isinstance(network, UnfoldedNetwork)
    return network


def row(short: str) -> list[str]:
    """Return the cells of the README's line on a shipped network."""
    network, run = shipped(short), trained(short)
    return [
        f"`{full_name(short)}`",
        f"{run.train_loss:.4f}",
        f"{mean_loss(network, *fresh_samples(problem())):.4f}",
        text_above(run.bound.value, 4),
        text_above(lipschitz(network.unclipped).value, 5),
        text_above(input_lipschitz(network), 5),
        checksum(full_name(short)),
    ]


def write() -> None:
    """Train and save every network, then renew the README's table."""
    for short in NAMES:
        name = full_name(short)
        save_network(trained(short).parameters.network(problem().radius, name), path_of(name))
    head = ["network", "training loss", "loss on new data", "gap proven at most"]
    head += ["l2 bound of y → x (slope LMI)", "naive l2 bound", "SHA-256 of the file"]
    renew("make_unfolded.py", table(head, map(row, NAMES)))


def differences() -> list[str]:
    """Train again and say what differs from the files."""
    problems = []
    for short in NAMES:
        old, new = mean_loss(shipped(short), *fresh_samples(problem())), trained(short).test_loss
        if abs(old - new) > 0.01 * old:
            problems.append(f"{short}: loss {new:.5f}, not {old:.5f}")
        problems += table_problems(short, checksum(full_name(short)))
    return problems


if __name__ == "__main__":
    sys.exit(run(__doc__, write, differences))
