"""Train the unfolded networks of data/networks/unfolded-*.npz and write their README table.

    python data/make_unfolded.py            trains and writes all (half a minute)
    python data/make_unfolded.py --check    trains all again and compares with the files

The check asks for losses within a hundredth of those of the files and for the checksums of the
README; it exits with status 1 otherwise.
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

from lipexplore.networks.files import load_model, save_network
from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.properties.generalization import IstaClass, LayerwiseClass, input_lipschitz
from lipexplore.properties.incremental_qc import lipschitz
from lipexplore.rounding import text_above
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

FOLDER = Path(__file__).resolve().parent
TABLE_START, TABLE_END = "<!-- table by make_unfolded.py -->", "<!-- end of unfolded table -->"
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


def path_of(short: str) -> Path:
    """Return the file of the network of that name."""
    return FOLDER / "networks" / f"unfolded-{MEASURED}-{LAYERS}x{CODES}-{short}.npz"


def shipped(short: str) -> UnfoldedNetwork:
    """Return the network as it is in the file."""
    network = load_model(path_of(short))
    assert isinstance(network, UnfoldedNetwork)
    return network


def row(short: str) -> str:
    """Return the README's line on a shipped network."""
    network, run = shipped(short), trained(short)
    cells = [
        f"`{path_of(short).stem}`",
        f"{run.train_loss:.4f}",
        f"{mean_loss(network, *fresh_samples(problem())):.4f}",
        text_above(run.bound.value, 4),
        text_above(lipschitz(network.unclipped).value, 5),
        text_above(input_lipschitz(network), 5),
        f"`{hashlib.sha256(path_of(short).read_bytes()).hexdigest()}`",
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """Return the README's table of the unfolded networks, in Markdown."""
    head = ["network", "training loss", "loss on new data", "gap proven at most"]
    head += ["l2 bound of y → x (slope LMI)", "naive l2 bound", "SHA-256 of the file"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join(lines + [row(short) for short in NAMES])


def write() -> None:
    """Train and save every network, then renew the README's table."""
    for short in NAMES:
        network = trained(short).parameters.network(problem().radius, path_of(short).stem)
        save_network(network, path_of(short))
    readme = FOLDER / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(TABLE_START)
    after = rest.split(TABLE_END)[1]
    text = f"{before}{TABLE_START}\n{table()}\n{TABLE_END}{after}"
    readme.write_text(text, encoding="utf-8")


def differences() -> list[str]:
    """Train again and say what differs from the files."""
    problems = []
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for short in NAMES:
        old, new = mean_loss(shipped(short), *fresh_samples(problem())), trained(short).test_loss
        if abs(old - new) > 0.01 * old:
            problems.append(f"{short}: loss {new:.5f}, not {old:.5f}")
        if hashlib.sha256(path_of(short).read_bytes()).hexdigest() not in readme:
            problems.append(f"{short}: its checksum is not in README.md")
    return problems


def main() -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the files")
    if not parser.parse_args().check:
        write()
        return 0
    problems = differences()
    print("\n".join(problems) or "the files agree with what training gives here")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
