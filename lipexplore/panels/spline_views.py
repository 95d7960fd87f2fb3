"""What the splines panel computes: an edited unit, its projections, the network's bounds, fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from lipexplore.bounds import METHODS, bound
from lipexplore.errors import LipexploreError
from lipexplore.figures.splines import EDITED, NEAREST, PROJECTED, STORED
from lipexplore.networks.feedforward import Network
from lipexplore.networks.gallery import gallery_names, gallery_network
from lipexplore.networks.splines import Splines
from lipexplore.relaxations.spline_programs import SplineFit, fit, nearest_values
from lipexplore.rounding import Array
from lipexplore.training.splines import active_knots, project_slopes, total_variation

QUICK = ("norm-product", "combettes-pesquet", "path", "interval-jacobian", "shor")
LOWER, POINTS = "sampled-gradient", 5000
SECONDS = 0.5
"""Time limit of one bound."""

FIT_KNOTS, FIT_POINTS = 11, 40


@dataclass(frozen=True)
class Unit:
    """One unit of one shipped network: name, hidden layer and unit, both from 0."""

    network: str
    layer: int
    unit: int


@dataclass(frozen=True, eq=False)
class EditView:
    """One edited unit.

    Parameters
    ----------
    knots
        Array (K,).
    curves
        Coefficients (K,) by label: edited, projected, orthogonally projected.
    text
        A table of what the projections do.
    """

    knots: Array
    curves: Mapping[str, Array]
    text: str


def spline_networks() -> tuple[str, ...]:
    """Return the names of the shipped networks that have layers of splines."""
    return tuple(
        name
        for name in gallery_names()
        if name.startswith("spline-")
        and any(isinstance(act, Splines) for act in network_of(name).activations)
    )


@cache
def network_of(name: str) -> Network:
    """Return a shipped network."""
    return gallery_network(name)


def splines_of(name: str, layer: int) -> Splines:
    """Return a hidden layer's splines."""
    act = network_of(name).activations[layer]
    assert isinstance(act, Splines)
    return act


def stored_values(unit: Unit) -> tuple[Array, Array]:
    """Return knots and stored coefficients of one unit."""
    splines = splines_of(unit.network, unit.layer)
    return splines.knots[unit.unit], splines.values[unit.unit]


def edited_network(edits: Mapping[Unit, Array], name: str, project: bool) -> Network:
    """Return the network with the coefficients of ``edits``, all splines projected if asked."""
    network = network_of(name)
    acts = []
    for layer, act in enumerate(network.activations):
        assert isinstance(act, Splines)
        values = act.values.copy()
        for unit, row in edits.items():
            if (unit.network, unit.layer) == (name, layer):
                spacing = float(act.knots[0, 1] - act.knots[0, 0])
                values[unit.unit] = project_slopes(row, spacing) if project else row
        acts.append(Splines(act.knots, values))
    return Network(network.weights, network.biases, acts, name)


def edit_view(values: Array, unit: Unit) -> EditView:
    """Return what is drawn of a unit with the coefficients ``values``: quick."""
    knots, _ = stored_values(unit)
    spacing = float(knots[1] - knots[0])
    projected, nearest = project_slopes(values, spacing), nearest_values(values, spacing)
    curves = {EDITED: values, PROJECTED: projected, NEAREST: nearest}
    return EditView(knots, curves, _told(curves, spacing))


def edit_bounds(
    edits: Mapping[Unit, Array], name: str, norm: str
) -> dict[str, Mapping[str, float]]:
    """Return by label the bounds of a network as stored, as edited, and with edits projected."""
    bounds = {STORED: _stored_bounds(name, norm)}
    if any(unit.network == name for unit in edits):
        for label, project in ((EDITED, False), (PROJECTED, True)):
            bounds[label] = quick_bounds(edited_network(edits, name, project), norm)
    return bounds


@cache
def _stored_bounds(name: str, norm: str) -> Mapping[str, float]:
    return quick_bounds(network_of(name), norm)


def quick_bounds(network: Network, norm: str) -> dict[str, float]:
    """Return proven bounds of output 0 by quick methods, and the steepest gradient found."""
    labels, found = {method.name: method.label for method in METHODS}, {}
    for name in QUICK:
        try:
            found[labels[name]] = bound(network, name, norm, time_limit=SECONDS).value
        except LipexploreError:
            continue
    found["steepest point found (L ≥)"] = bound(network, LOWER, norm, points=POINTS).lower
    return found


def _told(curves: Mapping[str, Array], spacing: float) -> str:
    """Say what the two projections do, as an HTML table."""
    rows = []
    for label, values in curves.items():
        steepest = Splines(np.arange(len(values)) * spacing, values).largest_slope
        cells = [
            f"{steepest:.7g}",
            f"{float(total_variation(values, spacing)):.4g}",
            str(int(active_knots(values, spacing, 1e-5))),
            f"{values.mean():.6g}",
            f"{np.linalg.norm(values - curves[EDITED]):.6f}",
        ]
        head = f'<th class="lx-text" scope="row">{label}</th>'
        rows.append(f"<tr>{head}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    titles = "largest |slope|, TV2, active knots, mean, distance from edited"
    head = "".join(f"<th>{title}</th>" for title in titles.split(", "))
    head = f'<th class="lx-text">coefficients</th>{head}'
    return f'<table class="lx-table"><tr>{head}</tr>{"".join(rows)}</table>'


def fit_points() -> tuple[Array, Array, Array]:
    """Return knots (K,) and noisy points (N,), (N,) of 1.5 |x| - 0.5: steeper than allowed."""
    rng = np.random.default_rng(2)
    x = np.sort(rng.uniform(-1.0, 1.0, FIT_POINTS))
    y = 1.5 * np.abs(x) - 0.5 + 0.1 * rng.standard_normal(FIT_POINTS)
    return np.linspace(-1.0, 1.0, FIT_KNOTS), x, y


def fits(smoothing: float) -> tuple[SplineFit, SplineFit]:
    """Return the fit with slopes in [-1, 1] and the one without a limit."""
    knots, x, y = fit_points()
    return fit(x, y, knots, smoothing), fit(x, y, knots, smoothing, None)


def fit_text(found: tuple[SplineFit, SplineFit]) -> str:
    """Say how the two fits differ."""
    spacing = 2.0 / (FIT_KNOTS - 1)
    parts = [
        f"{name}: largest |slope| {item.lipschitz:.4g}, TV2 {item.variation:.4g}, "
        f"{int(active_knots(item.values, spacing, 1e-5))} active knots, "
        f"objective {item.objective:.5g}"
        for name, item in zip(("Slopes in [-1, 1]", "slopes free"), found, strict=True)
    ]
    return f"{parts[0]}; {parts[1]}."
