"""Train the 1-Lipschitz networks of data/networks/spline-*.npz and the comparison of families.

    python data/make_splines.py            trains and writes all (two minutes)
    python data/make_splines.py --check    trains all again and compares with the files

Written are the networks, data/spline-experiments.json and the tables of data/README.md. The check
asks for scores within a tenth: a thousand steps through kinks enlarge the last bit of a singular
value decomposition, so other processors reach other weights. It exits with status 1 otherwise.
"""

import os

if __name__ == "__main__":
    # One thread, said before numpy loads.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"

import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from lipexplore.bounds import bound
from lipexplore.bounds.margins import margins
from lipexplore.networks.feedforward import Network
from lipexplore.networks.files import load_network, save_network
from lipexplore.networks.gallery import data_folder, digits
from lipexplore.norms import Norm
from lipexplore.properties.robustness import certified_radii
from lipexplore.training.lipschitz_experiments import (
    DIGIT_PAIR_WIDTHS,
    RING_WIDTHS,
    Trained,
    classify_digits,
    distances,
    estimate_distance,
    fit_curve,
    ring_and_points,
    threes_and_eights,
)
from lipexplore.training.lipschitz_families import FAMILIES, Family
from lipexplore.training.lipschitz_networks import Plan
from lipexplore.training.lipschitz_tasks import TARGETS
from lipexplore.training.shipping import checksum, path_of, renew, run, table

RESULTS = data_folder() / "spline-experiments.json"

CURVES = Plan(steps=1000)
RING = Plan(steps=600, replicas=3, smoothing=1e-8)
DIGIT_PAIR = Plan(steps=300, replicas=3, smoothing=1e-8)
CLASSIFIERS = Plan(steps=300, step=0.02, replicas=3, smoothing=1e-7)
RADII = (0.1, 0.2, 0.3)
SHIPPED_CURVE = "sine of slope 1"
NICKNAMES = {"leaky_relu:0.1": "leaky", "spline": "learned"}


def nickname(family: Family) -> str:
    """Return the family's name in file names."""
    return NICKNAMES.get(family.name, family.name)


def trained() -> tuple[dict[str, Any], dict[str, Network]]:
    """Return all scores and the networks to ship, trained here and now."""
    scores: dict[str, Any] = {"curves": {}, "distances": {}, "digits": {}}
    networks: dict[str, Network] = {}
    for norm in (Norm.L2, Norm.LINF):
        table = scores["curves"].setdefault(norm.value, {})
        for target in TARGETS:
            for family in FAMILIES:
                name = f"spline-sine-{norm.value}-{nickname(family)}"
                found = fit_curve(family, target, replace(CURVES, norm=norm), name=name)
                table.setdefault(target, {})[family.name] = _rounded(found)
                if target == SHIPPED_CURVE and (norm is Norm.L2 or family.name == "spline"):
                    networks[name] = found.median
    exact, pairs = distances(), (ring_and_points(), threes_and_eights())
    tasks = zip(exact, pairs, (RING_WIDTHS, DIGIT_PAIR_WIDTHS), (RING, DIGIT_PAIR), strict=True)
    for task, pair, widths, plan in tasks:
        entry = scores["distances"].setdefault(task, {"exact": round(exact[task], 6)})
        for family in FAMILIES:
            name = f"spline-ring-{nickname(family)}"
            found = estimate_distance(family, *pair, widths, plan, name)
            entry[family.name] = _rounded(found)
            if task == "ring" and family.name == "spline":
                networks[name] = found.median
    for family in FAMILIES:
        name = f"spline-digits-64-20-10-{nickname(family)}"
        found = classify_digits(family, CLASSIFIERS, name)
        scores["digits"][family.name] = {
            "right": found.scores.tolist(),
            "certified": [certified(network) for network in found.networks],
        }
        if family.name in ("relu", "spline"):
            networks[name] = found.median
    return scores, networks


def _rounded(found: Trained) -> list[float]:
    return [float(f"{score:.5g}") for score in found.scores]


def certified(network: Network) -> list[int]:
    """Count the test images read rightly and proven not to change in each l_2 radius of RADII."""
    images, labels = digits("test")
    table = margins(network, "norm-product", "l2")
    found = certified_radii(network, images, table)
    right = found.classes == labels
    return [int((right & (found.radius >= radius)).sum()) for radius in RADII]


def row(name: str) -> list[str]:
    """Return the cells of the README's line on a shipped network."""
    network = load_network(path_of(name))
    norm = "linf" if "-linf-" in name else "l2"
    product = bound(network, "norm-product", norm, output="all", output_norm=norm)
    return [
        f"`{name}`",
        "-".join(map(str, network.widths)),
        ", ".join(sorted({f"`{act.name}`" for act in network.activations})),
        norm,
        f"{product.value:.7f}",
        checksum(name),
    ]


def tables(scores: dict[str, Any], names: list[str]) -> str:
    """Return the README's tables in Markdown."""
    head = "network, layers, activation, norm, norm product (proven), SHA-256 of the file"
    parts = [table(head.split(", "), map(row, names))]
    labels = {family.name: family.label for family in FAMILIES}
    for norm, by_target in scores["curves"].items():
        rows = [
            [label, *(_spread(by_family[family]) for by_family in by_target.values())]
            for family, label in labels.items()
        ]
        titles = [target.replace("|", "\\|") for target in by_target]
        parts.append(table([f"error, weights of {norm} norm 1", *titles], rows))
    rows = []
    for family, label in labels.items():
        by_task = [_spread(entry[family]) for entry in scores["distances"].values()]
        right = scores["digits"][family]
        certified_counts = np.median(right["certified"], axis=0)
        cells = [label, *by_task, f"{np.median(right['right']):g}"]
        rows.append([*cells, *(f"{n:g}" for n in certified_counts)])
    exact = [f"W1 {task} (exact {e['exact']:g})" for task, e in scores["distances"].items()]
    radii = [f"proven at {radius:g}" for radius in RADII]
    parts.append(table(["family", *exact, "digits right of 360", *radii], rows))
    return "\n\n".join(parts)


def _spread(values: list[float]) -> str:
    return f"{np.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"


def write() -> None:
    """Train and save everything, then renew the README's tables."""
    scores, networks = trained()
    for name, network in networks.items():
        save_network(network, path_of(name))
    RESULTS.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    renew("make_splines.py", tables(scores, list(networks)))


def differences() -> list[str]:
    """Train again and say which medians are more than a tenth from the written ones."""
    old, (new, _) = json.loads(RESULTS.read_text(encoding="utf-8")), trained()
    problems = []
    for norm, by_target in old["curves"].items():
        for target, by_family in by_target.items():
            for family, errors in by_family.items():
                pair = np.median(errors), np.median(new["curves"][norm][target][family])
                if abs(pair[0] - pair[1]) > 0.1 * pair[0]:
                    problems.append(f"{norm}, {target}, {family}: {pair[1]:g} not {pair[0]:g}")
    return problems


if __name__ == "__main__":
    sys.exit(run(__doc__, write, differences))
