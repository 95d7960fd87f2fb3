"""Results are covered until Reveal; guesses stay on the plot and are compared with the truth."""

from __future__ import annotations

import pytest

from lipexplore.networks.generators import random_dense
from lipexplore.panels.plot import MIME
from lipexplore.panels.predict_panel import PredictPanel
from lipexplore.panels.predictions import Guess, Predictions, nearest_first, pairs_in_order
from lipexplore.panels.results_panel import ResultsPanel
from lipexplore.panels.state import WorkbenchState
from lipexplore.rounding import text_above
from tests.panels.fakes import FakeWorker


@pytest.fixture
def panels():
    state = WorkbenchState(random_dense((4, 4, 3, 1), 1), FakeWorker())
    state.change(methods=("norm-product", "path", "shor", "vertex-search"))
    made = PredictPanel(state), ResultsPanel(state)
    for panel in made:
        panel.show(True)
    return made


def run(state):
    state.run()
    for number in state.worker.jobs:
        state.worker.answer(number)
    state.pump()


def shown(panel):
    """Return all text of a panel's widgets that are on the page."""
    return str(
        [
            getattr(widget, "value", getattr(widget, "outputs", ""))
            for widget in panel.widget.children
        ]
    )


def guess(panel, who, value):
    panel.who.value, panel.value.value = who, value
    panel.add.click()


def figure_of(results):
    return results.plot.widget.outputs[0]["data"][MIME]


def test_results_are_covered_until_reveal(panels):
    predict, results = panels
    assert predict.reveal.disabled
    predict.cover.click()
    run(predict.state)
    best = min(row.bound.value for row in predict.state.rows if row.bound.value < 1e300)
    assert "Covered until Reveal" in shown(results)
    assert text_above(best) not in shown(results) + shown(predict)
    guess(predict, "Ada", "1.5")
    assert text_above(best) not in shown(results) + shown(predict)
    predict.reveal.click()
    assert "Covered" not in shown(results)
    assert text_above(best) in shown(results)
    assert figure_of(results)["data"]


def test_guesses_stay_on_the_plot_and_the_nearest_is_first(panels):
    predict, results = panels
    guess(predict, "Ada", "1000")
    guess(predict, "Bo", "0,5")
    run(predict.state)
    best = min(row.bound.value for row in predict.state.rows)
    texts = [note["text"] for note in figure_of(results)["layout"]["annotations"]]
    assert "Ada: 1000 ★" in texts
    assert "Bo: 0.5 ★" in texts
    lines = {s.get("name"): s["y0"] for s in figure_of(results)["layout"]["shapes"]}
    assert lines["guess of Ada"] == 1000.0
    assert figure_of(results)["layout"]["yaxis"]["range"][1] > 3.0  # widened to 10^3
    assert predict.guesses.value.index("Bo") < predict.guesses.value.index("Ada")
    assert f"The best proven bound is {text_above(best)}" in predict.guesses.value
    predict.state.change(norm="l2")
    assert "No guesses about this question" in predict.guesses.value
    assert "Ada" not in str(results.plot.widget.outputs)


def test_order_is_compared_pair_by_pair(panels):
    predict, _ = panels
    values = {"norm-product": 3, "path": 2, "shor": 1}
    for place, method in zip(predict.places, values, strict=False):
        place.value = method
    assert "Compared after Run" in predict.order.value
    run(predict.state)
    found = {row.run.method: row.bound.value for row in predict.state.rows}
    right = sum(
        found[a] <= found[b]
        for a, b in (("norm-product", "path"), ("norm-product", "shor"), ("path", "shor"))
    )
    assert f"{right} of 3 pairs" in predict.order.value
    predict.places[1].value = "shor"
    assert "stands in two places" in predict.order.value


def test_only_upper_bounds_are_offered(panels):
    predict, _ = panels
    offered = [value for _, value in predict.places[0].options]
    assert offered == ["", "norm-product", "path", "shor"]
    assert [place.layout.display for place in predict.places[:4]] == [None, None, None, "none"]


@pytest.mark.parametrize("text", ["", "much", "-3", "0", "inf", "nan"])
def test_bad_guesses_are_refused_in_words(panels, text):
    predict, _ = panels
    guess(predict, "Ada", text)
    assert "positive number" in predict.told.value
    assert predict.state.predictions.guesses == ()


def test_a_second_guess_replaces_the_first_and_names_are_made_up(panels):
    predict, _ = panels
    guess(predict, "Ada", "1")
    guess(predict, "Ada", "2")
    guess(predict, "", "3")
    assert [(g.who, g.value) for g in predict.state.predictions.guesses] == [
        ("Ada", 2.0),
        ("guess 2", 3.0),
    ]
    guess(predict, "<b>", "4")
    assert "&lt;b&gt;" in predict.guesses.value


def test_reset_forgets_everything(panels):
    predict, results = panels
    guess(predict, "Ada", "1")
    predict.cover.click()
    predict.places[0].value = "path"
    predict.reset.click()
    assert "Covered" not in shown(results)
    assert predict.state.predictions.guesses == ()
    assert predict.places[0].value == ""


def test_nearest_counts_ratios_either_way():
    guesses = [Guess("a", 1.0, ()), Guess("b", 9.0, ()), Guess("c", 3.5, ())]
    assert [g.who for g in nearest_first(guesses, 4.0)] == ["c", "b", "a"]


def test_pairs_count_ties_either_way_and_leave_out_unknown_methods():
    values = {"a": 1.0, "b": 2.0, "c": 2.0}
    assert pairs_in_order(["a", "b", "c"], values) == (3, 3)
    assert pairs_in_order(["c", "b", "a"], values) == (1, 3)
    assert pairs_in_order(["x", "a"], values) == (0, 0)


def test_listeners_hear_of_changes_only():
    heard = []
    predictions = Predictions()
    predictions.listen(lambda: heard.append(predictions.hidden))
    predictions.hide(False)
    predictions.hide(True)
    predictions.hide(True)
    assert heard == [True]
