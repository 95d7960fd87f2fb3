"""What the panel of implicit networks shows, computed without widgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from lipexplore.errors import LipexploreError, NoContraction
from lipexplore.networks.contraction import contraction, matrix_measure, row_measures
from lipexplore.networks.feedforward import Network
from lipexplore.networks.fixed_points import averaged
from lipexplore.networks.gallery import digits, gallery_model, gallery_names
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.implicit_generators import random_implicit, with_measure
from lipexplore.properties.implicit.bounds import implicit_bound
from lipexplore.properties.implicit.boxes import lipschitz_box, sampled_box, unrolled_box
from lipexplore.properties.implicit.robustness import certified_radii, lipschitz_radii
from lipexplore.properties.reachability import EmbeddedNetwork, Labels, ball_box, output_box
from lipexplore.rounding import Array

SAMPLES, SLOPES = 150, 30
CURVE_STEPS = 60
QUICK = ("paper", "sharp", "row", "closed-form", "midpoint")
LARGEST_PROGRAM = 60
"""Most states for which the slope LMI is solved."""

LARGEST_PATTERNS = 10
IMAGES = 80
"""How many test images the accuracy is of."""

BISECTIONS = 7
LARGEST_RADIUS = 0.4
LABELS: Final = {
    "paper": "paper's form",
    "sharp": "sharp form",
    "row": "row form",
    "closed-form": "closed form",
    "midpoint": "midpoint form",
    "slope-lmi": "slope LMI",
    "patterns": "all patterns (exact P*)",
}


@dataclass(frozen=True)
class Request:
    """What the controls say."""

    name: str
    gamma: float | None
    radius: float
    steps: int
    sample: int
    outputs: tuple[int, int]


@dataclass(frozen=True, eq=False)
class View:
    """Everything that follows from a request at once.

    Parameters
    ----------
    problem
        Why there are no bounds and boxes; empty otherwise.
    """

    request: Request
    network: ImplicitNetwork
    weights: Array
    rows: Array
    plain: Array
    curves: dict[str, Array]
    problem: str = ""
    bounds: dict[str, float] = field(default_factory=dict)
    sampled: float = 0.0
    boxes: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    samples: Array = field(default_factory=lambda: np.empty((0, 2)))
    factor: float = np.nan


@dataclass(frozen=True, eq=False)
class Slow:
    """What takes longer: programs, patterns and certified radii."""

    key: object
    bounds: dict[str, float]
    radii: dict[str, Array]


def choices() -> tuple[str, ...]:
    """Return the names of the networks to choose from: examples, then the shipped ones."""
    return (*_EXAMPLES, *gallery_names("implicit"))


@lru_cache(maxsize=16)
def network_of(name: str) -> ImplicitNetwork:
    """Return a network of :func:`choices`."""
    if name in _EXAMPLES:
        return _EXAMPLES[name]()
    model = gallery_model(name)
    assert isinstance(model, ImplicitNetwork)
    return model


def _deep() -> ImplicitNetwork:
    rng = np.random.default_rng(0)
    widths = (3, 5, 4, 2)
    pairs = pairwise(widths)
    weights = [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairs]
    return ImplicitNetwork.from_feedforward(Network(weights, name="deep"))


_EXAMPLES: Final = {
    "random, 6 states": lambda: random_implicit(6, 3, 2, 0.4, 10),
    "random, 30 states": lambda: random_implicit(30, 5, 3, 0.7, 1),
    "one state, Picard cycles": lambda: ImplicitNetwork(
        [[-3.0]], [[1.0]], [1.0], [[1.0], [-1.0]], name="one state"
    ),
    "feedforward 3-5-4-2 as implicit": _deep,
}


@lru_cache(maxsize=16)
def base_weights(name: str) -> Array:
    """Return the weights of the network as it is, in which gamma is measured."""
    network = network_of(name)
    try:
        return network.contraction.weights
    except NoContraction:
        return np.ones(network.n_states)


def own_measure(name: str) -> float:
    """Return mu_eta(A) of the network as it is."""
    return matrix_measure(network_of(name).A, base_weights(name))


def rescaled(request: Request) -> ImplicitNetwork:
    """Return the network with its measure moved to the asked one."""
    network = network_of(request.name)
    if request.gamma is None:
        return network
    return with_measure(network, request.gamma, base_weights(request.name))


@lru_cache(maxsize=1)
def _digits() -> tuple[Array, Labels]:
    return digits()


def inputs_of(
    request: Request, network: ImplicitNetwork
) -> tuple[Array, tuple[float, float] | None]:
    """Return the input at the box's centre, and the range of valid inputs where there is one."""
    if network.n_inputs == 64:
        return _digits()[0][request.sample], (0.0, 1.0)
    return np.random.default_rng(request.sample).standard_normal(network.n_inputs), None


def view(request: Request) -> View:
    """Compute matrix, convergence, quick bounds and boxes."""
    network, weights = rescaled(request), base_weights(request.name)
    x, clip = inputs_of(request, network)
    rows = row_measures(network.A, weights, network.slope)
    plain = row_measures(network.A, np.ones_like(weights), network.slope)
    try:
        proof = contraction(network.A, network.slope, weights)
    except NoContraction as error:
        curves = residual_curves(network, x, weights, 1.0 / (1.0 - _lowest(network)), None)
        return View(request, network, weights, rows, plain, curves, str(error))
    curves = residual_curves(network, x, weights, proof.step, proof.factor)
    head = network.head(request.outputs[0])
    bounds = {LABELS[m]: implicit_bound(head, m, weights=weights).value for m in QUICK}
    box, pick = ball_box(x, request.radius, clip), list(request.outputs)
    samples = np.vstack([sampled_box(network, *box, SAMPLES)[0], network(corners(network, x, box))])
    around = x + np.random.default_rng(0).standard_normal((SLOPES, len(x)))
    slopes = network.jacobian(around)
    boxes = {
        "embedded network": EmbeddedNetwork(network).outputs(*box),
        "Lipschitz matrix": lipschitz_box(network, *box),
        "unrolled intervals": unrolled_box(network, *box, 30),
        "iterate, not moved outward": raw_box(network, *box, request.steps),
    }
    return View(
        request,
        network,
        weights,
        rows,
        plain,
        curves,
        "",
        bounds,
        float(np.abs(slopes[:, pick[0]]).sum(axis=1).max()),
        {name: (low[pick], high[pick]) for name, (low, high) in boxes.items()},
        samples[:, pick],
        proof.factor,
    )


def corners(network: ImplicitNetwork, x: Array, box: tuple[Array, Array]) -> Array:
    """Return the corners of the box that the outputs' slopes at its centre point to and from."""
    uphill = network.jacobian(x) > 0.0
    return np.concatenate([np.where(uphill, box[1], box[0]), np.where(uphill, *box)])


def residual_curves(
    network: ImplicitNetwork, x: Array, weights: Array, step: float, factor: float | None
) -> dict[str, Array]:
    """Return the residuals of plain and averaged iterations, and the theory's line."""
    drive = network.B @ x + network.b
    curves = {}
    for name, own in (
        ("Picard", 1.0),
        ("averaged, half the step", 0.5 * step),
        ("averaged, step α*", step),
    ):
        state, sizes = np.zeros_like(drive), []
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(CURVE_STEPS):
                image = network.activation.value(network.A @ state + drive)
                sizes.append(float((np.abs(image - state) / weights).max()))
                state = state + own * (image - state)
        curves[name] = np.array(sizes)
    if factor is not None:
        first = curves["averaged, step α*"][0]
        curves["theory"] = first * factor ** np.arange(CURVE_STEPS)
    return curves


def raw_box(
    network: ImplicitNetwork, lower: Array, upper: Array, steps: int
) -> tuple[Array, Array]:
    """Return what ``steps`` averaged steps of the embedded network give, NOT moved outward."""
    embedded, count = EmbeddedNetwork(network), network.n_states
    drive = np.concatenate([lower, upper]) @ embedded.incoming[:, 2 * count :].T + embedded.bias
    pair = averaged(
        embedded.matrix, drive[None], network.activation, embedded.contraction.step, steps
    )[0]
    low, high = np.minimum(pair[:count], pair[count:]), np.maximum(pair[:count], pair[count:])
    return output_box(network, (low, high), (lower, upper))


def slow_key(request: Request) -> object:
    """Return what the slow part depends on."""
    return request.name, request.gamma, request.outputs[0]


def slow(request: Request) -> Slow:
    """Solve the slope LMI, try all patterns and certify images, where that is feasible."""
    network = rescaled(request)
    bounds, radii = {}, {}
    methods = [("slope-lmi", LARGEST_PROGRAM), ("patterns", LARGEST_PATTERNS)]
    head = network.head(request.outputs[0])
    for method, largest in methods:
        if network.n_states <= largest:
            try:
                bounds[LABELS[method]] = implicit_bound(head, method).value
            except LipexploreError:
                continue
    if network.n_inputs == 64 and network.n_outputs == 10:
        try:
            radii = accuracy_radii(network)
        except NoContraction:
            radii = {}
    return Slow(slow_key(request), bounds, radii)


def accuracy_radii(network: ImplicitNetwork) -> dict[str, Array]:
    """Return certified radii of test images by the embedded network and by the Lipschitz matrix."""
    images, labels = _digits()
    images, labels = images[:IMAGES], labels[:IMAGES]
    embedded = certified_radii(
        network, images, labels, largest=LARGEST_RADIUS, bisections=BISECTIONS
    )
    lipschitz = np.minimum(lipschitz_radii(network, images, labels), LARGEST_RADIUS)
    return {"embedded network": embedded, "Lipschitz matrix": lipschitz}


def _lowest(network: ImplicitNetwork) -> float:
    return min(0.0, float(np.diagonal(network.A).min()) * network.slope)
