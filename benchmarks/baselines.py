"""The baseline methods side by side on the shipped and the reference networks.

``python -m benchmarks.baselines`` checks what docs/baselines.md states as theorems about their
order; ``python -m benchmarks.baselines docs/baselines.md`` also writes the tables into that file.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import lipexplore
from lipexplore.bounds import Bound
from lipexplore.errors import LipexploreError
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm

ROOT = Path(__file__).parents[1]
REFERENCE = ("dense-8-6-1", "dense-6-6-6-1", "dense-20-16-1", "sparse-24-16-1", "band-30-30-30-1")
DIGITS = ("digits-16-12-8-10-relu", "digits-64-20-10-relu", "digits-64-32-16-10-relu")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MOST_UNITS = 16
"""Networks with at most so many undecided units have P* by enumeration."""

ROWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("frobenius", {}),
    ("norm-product", {}),
    ("norm-product", {"hidden_norm": "best"}),
    ("huang-local", {}),
    ("combettes-pesquet", {"hidden_norm": "same"}),
    ("combettes-pesquet", {}),
    ("seqlip", {}),
    ("path", {}),
    ("interval-jacobian", {}),
    ("interval-jacobian", {"recursion": "recurjac"}),
    ("slope-lmi", {}),
    ("vertex-search", {}),
    ("gradient-ascent", {}),
    ("sampled-gradient", {}),
)
BELOW = (
    ("norm-product", "frobenius"),
    ("norm-product hidden_norm=best", "norm-product"),
    ("huang-local", "norm-product"),
    ("combettes-pesquet hidden_norm=same", "norm-product"),
    ("combettes-pesquet", "combettes-pesquet hidden_norm=same"),
    ("interval-jacobian", "path"),
    ("interval-jacobian recursion=recurjac", "interval-jacobian"),
)
"""Pairs of upper bounds, the first never above the second."""

ROUNDING = 1.0 + 1e-9


@dataclass(frozen=True)
class Answers:
    """What the methods say about one constant, by row; ``maximum`` is P* or None."""

    network: str
    bounds: dict[str, Bound]
    maximum: float | None


def label(method: str, settings: dict[str, str]) -> str:
    """Return the name of one row."""
    return " ".join([method, *(f"{key}={value}" for key, value in settings.items())])


def ask(name: str, norm: str, place: Callable[[int], lipexplore.regions.Region]) -> Answers:
    """Ask every method that answers."""
    file = name if name in DIGITS else ROOT / "tests" / "reference" / f"{name}.npz"
    network = lipexplore.load_network(file)
    region, output = place(network.n_inputs), 3 if name in DIGITS else 0
    bounds = {}
    for method, settings in ROWS:
        try:
            answer = lipexplore.bound(network, method, norm, region, output, **settings)
        except LipexploreError:
            continue
        bounds[label(method, settings)] = answer
    return Answers(name, bounds, enumerated(network.head(output), norm, region))


def enumerated(
    network: lipexplore.Network, norm: str, region: lipexplore.regions.Region
) -> float | None:
    """Return P* by trying all ends of the slope ranges, None for too many."""
    ranges = slope_ranges(network, region)
    low, high = (np.concatenate(ends) for ends in (ranges.lower, ranges.upper))
    free = np.flatnonzero(low < high)
    if free.size > MOST_UNITS:
        return None
    vertices = np.tile(high, (2**free.size, 1))
    bits = (np.arange(2**free.size)[:, None] >> np.arange(free.size)) & 1
    vertices[:, free] = np.where(bits, high[free], low[free])
    slopes = np.split(vertices, np.cumsum(network.widths[1:-2]), axis=1)
    gradients = network.jacobian_of_slopes(slopes)[:, 0, :]
    return float(np.linalg.norm(gradients, Norm.parse(norm).dual.exponent, axis=1).max())


def orders(asked: Answers) -> Iterator[tuple[str, bool]]:
    """Yield every order that is a theorem, in words, and whether the numbers keep it."""
    found = asked.bounds
    for low, high in BELOW:
        if low in found and high in found:
            yield f"{low} <= {high}", found[low].value <= found[high].value * ROUNDING
    if found["path"].norm != "l2":
        yield "path <= norm-product", found["path"].value <= found["norm-product"].value * ROUNDING
    lower = {name: item for name, item in found.items() if item.side == "lower"}
    for name, item in found.items():
        if item.side == "lower":
            continue
        for below, other in lower.items():
            if item.of == "P*" or other.lower_of == "L":
                yield f"{below} <= {name}", other.lower <= item.value
        if item.of == "P*" and asked.maximum is not None:
            yield f"P* <= {name}", asked.maximum <= item.value * ROUNDING
    if asked.maximum is not None:
        for name, item in lower.items():
            yield f"{name} <= P*", item.lower <= asked.maximum * ROUNDING


def markdown(title: str, columns: list[Answers]) -> str:
    """Return one table: methods in rows, networks in columns, seconds in brackets."""
    lines = [f"### {title}", "", "| method | " + " | ".join(c.network for c in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for name in (label(*row) for row in ROWS):
        if any(name in column.bounds for column in columns):
            cells = [cell(column.bounds.get(name)) for column in columns]
            lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    maxima = ["" if c.maximum is None else f"{c.maximum:.5g}" for c in columns]
    lines.append("| P\\* by enumeration | " + " | ".join(maxima) + " |")
    return "\n".join(lines)


def cell(answer: Bound | None) -> str:
    """Return the proven end and the seconds it took; what is not verified says so."""
    if answer is None:
        return ""
    end = answer.lower if answer.side == "lower" else answer.value
    if not math.isfinite(end) or not answer.verified:
        return f"not verified ({answer.status})"
    return f"{end:.5g} ({answer.seconds:.3f})"


def questions() -> Iterator[tuple[str, list[Answers]]]:
    """Yield a title and the answers for all networks."""
    for norm in ("l2", "linf"):
        columns = [ask(name, norm, lambda size: lipexplore.WHOLE_SPACE) for name in NETWORKS]
        yield f"Norm {norm}, whole space", columns
    yield (
        "Norm l2, l2 ball of radius 0.1 around (0.3, ..., 0.3)",
        [
            ask(name, "l2", lambda size: lipexplore.Ball(np.full(size, 0.3), 0.1, "l2"))
            for name in NETWORKS
        ],
    )


NETWORKS = (*REFERENCE, *DIGITS)


def main() -> None:
    """Check every order and print the figures; write the tables into the file named."""
    found = list(questions())
    checks = [
        (asked.network, *check)
        for _, columns in found
        for asked in columns
        for check in orders(asked)
    ]
    if len(sys.argv) > 1:
        path = Path(sys.argv[1])
        head, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
        text = "\n\n".join(markdown(title, columns) for title, columns in found)
        tail = rest.partition(END)[2]
        path.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}", encoding="utf-8")
    wrong = [f"{name}: {order}" for name, order, holds in checks if not holds]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    figures = [
        ["baselines: orders that are theorems, checked", str(len(checks)), ""],
        ["  contradicted", str(len(wrong)), "0"],
    ]
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
