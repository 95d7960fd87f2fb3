"""What the panel of path regularization computes: optima, descent, digits; no widgets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from lipexplore.bounds import bound
from lipexplore.figures.path_atoms import Atoms
from lipexplore.figures.path_bounds import PATHS, ROOT_R, SLOPE, R
from lipexplore.figures.path_fit import THREE, TWO
from lipexplore.networks.gallery import digits, gallery_model, gallery_names
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.properties.path_norm import (
    lipschitz_above,
    lipschitz_from_regulariser,
    path_norms,
    regulariser,
)
from lipexplore.properties.path_regularization import (
    Descent,
    PathOptimum,
    PathProblem,
    descend,
    optimum,
)
from lipexplore.properties.path_regularization.blocks import Blocks, blocks_of, sampled_blocks
from lipexplore.properties.path_regularization.columns import Atom
from lipexplore.properties.path_regularization.curve import largest_slope
from lipexplore.rounding import Array, text_above, text_below

LAYERS = {TWO: 2, THREE: 3}
REFERENCE, ROOF, STEP, PLANE = "five random points", "a roof", "a step", "six points in the plane"
CASES = (REFERENCE, ROOF, STEP, PLANE)
SAMPLES, GRID, PLANE_GRID = 250, 401, 61
STARTS, STEPS = 12, 1500
ACTIVE = 1e-9


@dataclass(frozen=True)
class Request:
    """What is shown: the data, beta, and the network of the descent and of the plane."""

    case: str
    beta: float
    layers: str


@dataclass(frozen=True, eq=False)
class View:
    """The optima of a request by number of layers, and the functions on a grid."""

    request: Request
    optima: dict[str, PathOptimum]
    grid: Array
    curves: dict[str, Array]


@cache
def data_of(case: str) -> tuple[Array, Array]:
    """Return points (n, d) and targets (n,)."""
    rng = np.random.default_rng(0)
    if case == REFERENCE:
        return rng.standard_normal((5, 1)), rng.standard_normal(5)
    if case == ROOF:
        return np.array([[-1.0], [-0.5], [0.0], [0.5], [1.0]]), np.array([0.0, 0.5, 1.0, 0.5, 0.0])
    if case == STEP:
        return np.linspace(-1.0, 1.0, 6)[:, None], np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    angles = np.arange(6) * np.pi / 3.0
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return circle + 0.2 * rng.standard_normal((6, 2)), np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])


def problem_of(request: Request, label: str) -> PathProblem:
    """Return the problem of a request for two or three layers."""
    points, targets = data_of(request.case)
    return PathProblem(points, targets, request.beta, LAYERS[label], 2)


@cache
def known_blocks(case: str, label: str) -> Blocks:
    """Return all blocks, or some at random where the three-layer ones are too many for a slider."""
    problem = problem_of(Request(case, 1.0, label), label)
    if case == PLANE and label == THREE:
        return sampled_blocks(problem.X, 3, 2, SAMPLES)
    return blocks_of(problem.X, problem.layers, problem.width)


_last_atoms: dict[tuple[str, str], tuple[Atom, ...]] = {}


def solve(request: Request, label: str) -> PathOptimum:
    """Solve one convex program, from the sub-networks of the last beta."""
    key = (request.case, label)
    found = optimum(problem_of(request, label), known_blocks(*key), start=_last_atoms.get(key, ()))
    _last_atoms[key] = found.atoms
    return found


def view(request: Request) -> View:
    """Solve the convex programs of both depths."""
    optima = {label: solve(request, label) for label in LAYERS}
    points, _ = data_of(request.case)
    if points.shape[1] == 1:
        pad = 0.3 * float(np.ptp(points))
        grid = np.linspace(points.min() - pad, points.max() + pad, GRID)
        curves = {label: found.network(grid[:, None])[:, 0] for label, found in optima.items()}
        return View(request, optima, grid, curves)
    grid = np.linspace(-1.6, 1.6, PLANE_GRID)
    mesh = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    shape = (PLANE_GRID, PLANE_GRID)
    curves = {label: found.network(mesh).reshape(shape) for label, found in optima.items()}
    return View(request, optima, grid, curves)


def atoms_of(found: PathOptimum) -> Atoms:
    """Return path norms, last signs and activity at the data, points sorted by the first input."""
    network, points = found.network, found.problem.points
    order = np.argsort(points[:, 0])
    outputs = np.array([values[order, 0] for values in network.outputs(points)])
    signs = np.array([float(part[-1][0, 0]) for part in network.subnetworks])
    return path_norms(network), np.sign(signs), np.abs(outputs) > ACTIVE


def numbers_of(network: ParallelNetwork) -> dict[str, float]:
    """Return the numbers of the bounds' figure, the largest slope for one input only."""
    numbers = {
        PATHS: lipschitz_above(network, "l2"),
        ROOT_R: lipschitz_from_regulariser(network),
        R: regulariser(network),
    }
    return {SLOPE: largest_slope(network), **numbers} if network.n_inputs == 1 else numbers


def sentence(shown: View) -> str:
    """Say what is proven of both optima."""
    said = []
    for label, found in shown.optima.items():
        left = len(found.network.active().subnetworks) if found.path_norm > 0.0 else 0
        count = f"{left} sub-network{'s' if left != 1 else ''} left"
        if found.complete:
            ends = f"{text_below(found.lower, 8)} and {text_above(found.upper, 8)}"
            said.append(
                f"{label[0].upper()}{label[1:]}: the optimum lies between {ends} "
                f"(proven, gap {found.gap:.1g}), {count}."
            )
        else:
            said.append(
                f"{label[0].upper()}{label[1:]}: patterns are sampled, so that "
                f"{text_above(found.upper, 8)} is an upper bound of the optimum only, {count}."
            )
    return " ".join(said)


def run_descent(request: Request) -> Descent:
    """Run gradient descent from several starts."""
    return descend(problem_of(request, request.layers), starts=STARTS, steps=STEPS)


@cache
def digits_sweep() -> tuple[list[float], dict[str, list[float]], dict[str, list[float]]]:
    """Return beta, shares and bounds of the shipped classifiers of digits."""
    images, labels = digits()
    rows = []
    for name in gallery_names("parallel"):
        network = gallery_model(name)
        assert isinstance(network, ParallelNetwork)
        heads = [network.to_network().head(output) for output in range(network.n_outputs)]
        right = float((network(images).argmax(axis=1) == labels).mean())
        bounds = [max(bound(head, m, norm="linf").value for head in heads) for m in BOUNDS]
        beta = float(name.removeprefix("parallel-digits-beta"))
        rows.append((beta, right, float(len(network.subnetworks)), *bounds))
    columns = [list(column) for column in zip(*sorted(rows), strict=True)]
    shares = {
        "test images right": columns[1],
        "sub-networks left": [count / columns[2][0] for count in columns[2]],
    }
    return columns[0], shares, dict(zip(BOUNDS.values(), columns[3:], strict=True))


BOUNDS = {"path": "path bound", "shor": "Shor's relaxation"}
