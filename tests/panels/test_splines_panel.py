"""The splines panel: edits move the right bounds, projection undoes what they break."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lipexplore import bound
from lipexplore.figures.spline_families import distances_figure, errors_figure
from lipexplore.figures.splines import EDITED, PROJECTED, SHAPE, STORED
from lipexplore.networks.generators import random_dense
from lipexplore.panels import spline_views
from lipexplore.panels.plot import MIME
from lipexplore.panels.spline_views import (
    Unit,
    edit_bounds,
    edit_view,
    edited_network,
    network_of,
    quick_bounds,
    spline_networks,
    stored_values,
)
from lipexplore.panels.splines_panel import COMPARE, EDIT, FIT, SplinesPanel
from lipexplore.panels.state import WorkbenchState
from lipexplore.training.lipschitz_experiments import results
from lipexplore.training.lipschitz_families import FAMILIES
from tests.panels.fakes import FakeWorker

NAME = "spline-sine-l2-learned"
UNIT = Unit(NAME, 0, 2)


@pytest.fixture
def panel(monkeypatch):
    monkeypatch.setattr(spline_views, "QUICK", ("norm-product", "path"))
    made = SplinesPanel(WorkbenchState(random_dense((3, 2, 1), 0), FakeWorker()))
    made.show(True)
    return made


def figure_of(plot):
    return plot.widget.outputs[0]["data"][MIME]


def curve(plot, label):
    return next(trace for trace in figure_of(plot)["data"] if trace["name"] == label)


def test_an_edit_moves_what_depends_on_it():
    edits = {UNIT: stored_values(UNIT)[1] + 0.3 * (np.arange(33) == 7)}
    found = edit_bounds(edits, NAME, "l2")
    product = {label: values["norm product"] for label, values in found.items()}
    assert product[STORED] <= 1.0 < 4.0 < product[EDITED]
    assert product[PROJECTED] == pytest.approx(product[STORED], rel=1e-9)
    edited = edited_network(edits, NAME, project=False)
    assert product[EDITED] == bound(edited, "norm-product", "l2").value
    assert edited.content_hash != network_of(NAME).content_hash
    for values in found.values():
        below = values["steepest point found (L ≥)"]
        assert all(below <= value for value in values.values())


def test_edits_of_another_network_move_nothing():
    assert set(edit_bounds({UNIT: np.zeros(33)}, "spline-ring-learned", "l2")) == {STORED}


def test_table_tells_slopes_variation_and_mean():
    knots, stored = stored_values(UNIT)
    values = stored + 0.25 * (np.arange(33) == 7)
    found = edit_view(values, UNIT)
    steepest = np.abs(np.diff(values) / np.diff(knots)).max()
    told = float(re.findall(r"<td>([^<]*)</td>", found.text)[0])
    assert steepest == pytest.approx(told, rel=1e-7)
    assert found.text.count(f"{values.mean():.6g}") >= 2  # SplineProj keeps the mean
    distances = [np.linalg.norm(row - values) for row in found.curves.values()]
    assert distances[0] == 0.0 < distances[2] < distances[1]


def test_quick_bounds_are_those_of_the_methods():
    network = network_of("spline-ring-learned")
    assert quick_bounds(network, "linf")["path bound"] == bound(network, "path", "linf").value


def test_moving_a_knot_draws_and_undoing_restores(panel):
    assert set(spline_networks()) >= {NAME, "spline-sine-l2-groupsort"}
    panel.unit.value, panel.knot.value = 3, 8
    stored = stored_values(UNIT)[1][7]
    assert panel.level.value == pytest.approx(stored)
    panel.level.value = 0.9
    assert curve(panel.shape, EDITED)["y"][8] == pytest.approx(0.9)
    assert max(curve(panel.slopes, EDITED)["y"]) > 2.0
    assert max(curve(panel.slopes, PROJECTED)["y"]) <= 1.0 + 1e-9
    assert max(curve(panel.bounds, EDITED)["x"]) > 2.0
    panel.project.click()
    assert max(curve(panel.slopes, EDITED)["y"]) <= 1.0 + 1e-9
    panel.reset.click()
    assert panel.level.value == pytest.approx(stored)
    assert len(figure_of(panel.bounds)["data"]) == 1


def test_clicks_choose_knots(panel):
    panel.click({"plot": SHAPE, "point": 4})
    assert panel.knot.value == 5
    panel.click({"plot": "other", "point": 9})
    panel.click({"plot": SHAPE, "point": None})
    assert panel.knot.value == 5


def test_numbers_stay_inside_the_chosen_network(panel):
    panel.layer.value, panel.unit.value, panel.knot.value = 3, 10, 33
    panel.network.value = "spline-sine-l2-groupsort"
    assert (panel.layer.value, panel.unit.value, panel.knot.value) == (3, 10, 3)
    assert "of 3" not in panel.status.value
    panel.network.value = "spline-digits-64-20-10-learned"
    assert panel.layer.value == 1


def test_fit_follows_the_weight(panel):
    panel.view.value = FIT
    told = panel.status.value
    assert "Slopes in [-1, 1]: largest |slope| 1, TV2 2, 1 active knots" in told
    panel.smoothing.value = 0.05
    assert "largest |slope| 0.06963" in panel.status.value
    panel.smoothing.value = 1e-4
    assert "slopes free: largest |slope| 1.718" in panel.status.value
    assert figure_of(panel.fit)["data"]


def test_families_are_compared_at_the_chosen_budget(panel):
    panel.view.value = COMPARE
    drawn = [trace["y"][0] for trace in figure_of(panel.errors)["data"]]
    scores = results()["curves"]
    assert drawn == [pytest.approx(np.median(t["relu"])) for t in scores["l2"].values()]
    panel.budget.value = "linf"
    drawn = [trace["y"][4] for trace in figure_of(panel.errors)["data"]]
    assert drawn == [pytest.approx(np.median(t["spline"])) for t in scores["linf"].values()]


def test_only_the_chosen_view_is_shown(panel):
    for chosen in (COMPARE, FIT, EDIT):
        panel.view.value = chosen
        shown = [part.layout.display != "none" for part in panel.children[1:4]]
        assert sum(shown) == 1
        assert panel.python_call()


def test_figures_keep_every_family_and_task():
    labels = {family.name: family.label for family in FAMILIES}
    errors = errors_figure(results()["curves"]["l2"], labels)
    distances = distances_figure(results()["distances"], labels)
    assert [len(trace.x) for trace in errors.data] == [5, 5, 5]
    assert [len(trace.x) for trace in distances.data] == [5, 5]
    assert max(max(trace.y) for trace in distances.data) <= 1.0
    assert len({trace.marker.symbol for trace in errors.data}) == 3
