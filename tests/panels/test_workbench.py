"""The whole panel without a kernel or a browser: buttons clicked, values set, outputs read."""

from __future__ import annotations

import asyncio
import json
import re

import ipywidgets
import pytest

from lipexplore.bounds import bound
from lipexplore.errors import WorkerDied
from lipexplore.figures.texts import short_label
from lipexplore.networks.gallery import gallery_network
from lipexplore.networks.generators import random_dense
from lipexplore.panels.live_panel import LivePanel
from lipexplore.panels.plot import MIME
from lipexplore.panels.workbench import Workbench, explore
from lipexplore.rounding import text_above
from tests.panels.fakes import FakeWorker


def figure_of(plot):
    return plot.widget.outputs[0]["data"][MIME]


def traces(panel):
    return {trace["name"]: trace for trace in figure_of(panel.panels["bounds"].plot)["data"]}


def labels_of(panel):
    return {short_label(name) for name in panel.state.settings.methods}


@pytest.fixture
def quiet():
    """A panel whose worker does nothing."""
    made = Workbench(worker=FakeWorker())
    yield made
    made.close()


def test_opening_draws_every_method_before_any_click(panel):
    assert set(traces(panel)) == labels_of(panel)
    assert len(traces(panel)) >= 6
    network = gallery_network("digits-64-20-10-relu")
    assert traces(panel)["LiPopt LP"]["y"] == [bound(network, "lipopt-lp", degree=2).value]
    best = min(row.bound.value for row in panel.state.comparable_rows)
    assert (
        f"P* (hence L too) is at most {text_above(best)} by"
        in panel.panels["bounds"].sentence.value
    )
    assert "L (hence P* too) is at least" in panel.panels["bounds"].sentence.value
    config = figure_of(panel.panels["bounds"].plot)["config"]
    assert "sendChartToCloud" in config["modeBarButtonsToRemove"]
    assert config["displaylogo"] is False


def test_run_after_changes_draws_only_the_new_question(panel):
    panel.panels["network"].network.value = "digits-64-20-10-relu-zeros90"
    panel.panels["methods"].degrees[3].value = True
    assert "No bounds for this question yet" in str(panel.panels["bounds"].plot.widget.outputs)
    panel.run.click()
    panel.wait(300)
    network = gallery_network("digits-64-20-10-relu-zeros90")
    expected = [bound(network, "lipopt-lp", degree=degree).value for degree in (2, 3)]
    assert traces(panel)["LiPopt LP"]["y"] == expected
    table = panel.table()
    assert table.query("method == 'lipopt-lp'")["value"].tolist() == expected
    assert set(table["network"]) == {network.name}
    assert "Another question, not drawn: digits-64-20-10-relu, output 0" in (
        panel.panels["bounds"].table.value
    )


def test_cancel_stops_a_long_run_and_the_next_one_works(panel):
    panel.panels["network"].network.value = "digits-64-32-16-10-relu"
    for name, box in panel.panels["methods"].methods.items():
        box.value = name == "lipopt-lp"
    panel.panels["methods"].degrees[2].value, panel.panels["methods"].degrees[3].value = False, True
    panel.run.click()
    assert "Running LiPopt LP, degree 3" in panel.status.value
    panel.cancel.click()
    assert "1 cancelled" in panel.status.value
    assert not panel.state.busy
    panel.panels["methods"].methods["path"].value = True
    panel.panels["methods"].methods["lipopt-lp"].value = False
    panel.run.click()
    panel.wait(300)
    assert set(traces(panel)) == {"path bound"}


def test_buttons_answer_when_there_is_nothing_to_do(quiet):
    quiet.cancel.click()
    quiet.cancel.click()
    assert "Nothing is running." in quiet.status.value
    for box in quiet.panels["methods"].methods.values():
        box.value = False
    quiet.run.click()
    assert "Nothing to run: choose a method" in quiet.status.value
    assert 'role="status" aria-live="polite"' in quiet.status.value


def test_refused_runs_are_red_and_in_words(quiet):
    quiet.panels["network"].network.value = "digits-784-50-10-relu"
    quiet.panels["methods"].degrees[3].value = True
    text = quiet.panels["methods"].costs.value
    assert re.search(r'class="lx-refused">refused: [\d,]+ columns, [\d,]+ nonzeros need', text)
    quiet.panels["question"].norm.value = "l2"
    quiet.panels["network"].network.value = "digits-64-20-10-relu"
    quiet.panels["methods"].degrees[1].value = True
    assert "refused" in quiet.panels["methods"].costs.value


def test_failed_run_is_a_sentence_in_the_panel(quiet):
    worker = quiet.state.worker
    number = next(iter(worker.jobs))
    worker.happen("started", number)
    worker.happen("error", number, "something <is> wrong: do this")
    quiet.state.pump()
    assert "failed: something &lt;is&gt; wrong: do this" in quiet.panels["bounds"].table.value
    worker.cancel()
    quiet.state.pump()
    assert "something &lt;is&gt; wrong" in quiet.status.value


def test_progress_says_that_early_values_are_no_bounds(quiet):
    worker = quiet.state.worker
    number = list(worker.jobs)[-1]
    worker.happen("started", number)
    worker.happen("progress", number, {"iteration": 12, "primal": 3.0, "dual": 4.0})
    quiet.state.pump()
    text = quiet.panels["bounds"].running.value
    assert "iteration 12" in text
    assert "solver at 4 (not yet a bound)" in text
    assert "<progress" in text
    assert f"{len(worker.jobs) - 1} waiting" in text


def test_impossible_question_is_told_and_run_is_refused(quiet):
    quiet.panels["network"].network.value = "random dense"
    quiet.panels["network"].random["widths"].value = "8, nothing"
    assert 'role="alert"' in quiet.panels["question"].problem.value
    assert "layer sizes" in quiet.panels["question"].problem.value
    quiet.state.worker.cancel()
    quiet.state.pump()
    quiet.run.click()
    assert "layer sizes" in quiet.status.value
    quiet.panels["network"].random["widths"].value = "8, 4, 1"
    assert quiet.panels["question"].problem.value == ""


def test_ball_around_a_digit_shows_the_digit_and_undecided_units(quiet):
    quiet.panels["question"].region.value = "ball around a digit"
    quiet.panels["question"].digit.value = 3
    text = quiet.panels["question"].picture.value
    assert "data:image/png" in text
    assert "Handwritten" in text
    assert re.search(r"\d+ of 20 hidden units are undecided", text)
    quiet.panels["question"].radius.value = 1e-6
    assert "0 of 20 hidden units are undecided" in quiet.panels["question"].picture.value
    quiet.panels["question"].region.value = "whole space"
    assert quiet.panels["question"].picture.value == ""


def test_layers_and_margin(quiet):
    quiet.panels["network"].network.value = "digits-64-32-16-10-relu"
    quiet.panels["network"].layers.value = (2, 3)
    quiet.panels["network"].minus.value = 4
    assert quiet.state.question.layers == (2, 3)
    assert quiet.state.question.minus == 4
    quiet.panels["network"].minus.value = -1
    assert quiet.state.question.minus is None
    quiet.panels["network"].layers.value = (1, 2)
    assert quiet.panels["network"].output.options[-1] == 15


def test_selected_run_shows_details_and_code(panel):
    panel.clicks.clicked = {"point": 0, "count": 1}
    row = panel.state.comparable_rows[0]
    assert panel.panels["bounds"].chosen.value == row.number
    assert "lx-selected" in panel.panels["bounds"].table.value
    text = panel.panels["bounds"].details.value
    assert "Source:" in text
    assert "lipexplore.bound(network, &quot;norm-product&quot;" in text
    panel.panels["bounds"].chosen.value = 0
    assert panel.state.selected is None
    panel.clicks.clicked = {"point": 99, "count": 2}
    assert panel.state.selected is None


def test_sparsity_is_drawn_when_it_is_looked_at(quiet):
    assert quiet.panels["sparsity"].program.widget.outputs == ()
    quiet.tabs.selected_index = 1
    assert "3,127 monomials × 12,180 products" in quiet.panels["sparsity"].text.value
    assert figure_of(quiet.panels["sparsity"].program)["data"][0]["type"] == "heatmap"
    assert len(figure_of(quiet.panels["sparsity"].weights)["data"]) == 2
    quiet.panels["sparsity"].clique.value = 5
    assert "clique 5 of 20" in quiet.panels["sparsity"].text.value
    quiet.panels["network"].network.value = "digits-784-50-10-relu"
    assert "The LP is not drawn: " in str(quiet.panels["sparsity"].program.widget.outputs)
    quiet.panels["network"].network.value = "digits-16-12-8-10-relu"
    assert "use degree 3 or higher" in str(quiet.panels["sparsity"].program.widget.outputs)


def test_live_strip_is_folded_above_the_tabs(quiet):
    live = quiet.panels["live"]
    assert live.strip.layout.display == live.call.layout.display == "none"
    live.each.value = True
    assert live.strip.layout.display is None
    alone = LivePanel(quiet.state)
    assert alone.each.value
    assert alone.strip.layout.display is None


def test_large_type(quiet):
    quiet.large.value = True
    assert "lx-large" in quiet._dom_classes
    assert quiet.panels["bounds"].font_size == 20
    quiet.large.value = False
    assert "lx-large" not in quiet._dom_classes


def test_every_control_has_a_name(quiet):
    def walk(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    controls = [
        widget
        for widget in walk(quiet)
        if isinstance(
            widget,
            ipywidgets.Dropdown
            | ipywidgets.Checkbox
            | ipywidgets.Button
            | ipywidgets.Text
            | ipywidgets.BoundedIntText
            | ipywidgets.BoundedFloatText,
        )
    ]
    assert len(controls) > 25
    assert all(control.description for control in controls)
    unnamed = ipywidgets.IntSlider | ipywidgets.ToggleButtons | ipywidgets.FloatProgress
    assert not [widget for widget in walk(quiet) if isinstance(widget, unnamed)]


def test_methods_fields_become_controls(quiet):
    fields = quiet.panels["methods"].fields("lipopt-lp")
    assert "degree" not in fields
    assert isinstance(fields["clique_family"], ipywidgets.Dropdown)
    assert fields["solver"].tooltip == "LP solver"
    fields["clique_family"].value = "layerwise"
    fields["memory_limit"].value = "2.5"
    fields["threads"].value = 2
    assert quiet.state.settings.parameters["lipopt-lp"] == {
        "clique_family": "layerwise",
        "memory_limit": 2.5,
        "threads": 2,
    }
    assert "clique_family=&#x27;layerwise&#x27;" in quiet.panels["code"].text.value


def test_table_is_accessible(panel):
    text = panel.panels["bounds"].table.value
    assert text.count('<th scope="col"') == 9
    assert text.count('<th scope="row"') == len(labels_of(panel))
    assert "P*, hence L" in text
    assert "P* only" in text
    assert "L, hence P*" in text


def test_own_network_is_asked_first():
    made = Workbench({"mine": random_dense((4, 3, 1), seed=0)}, worker=FakeWorker())
    assert made.panels["network"].network.value == "mine"
    assert "networks[&#x27;mine&#x27;]" in made.panels["code"].text.value
    made.close()


def test_two_panels_do_not_touch_each_other():
    first, second = (Workbench(worker=FakeWorker()) for _ in range(2))
    assert first.scope != second.scope
    first.panels["network"].output.value = 5
    assert second.panels["network"].output.value == 0
    first.close()
    assert not second.state.worker.closed
    second.close()


def test_close_ends_the_worker():
    made = explore()
    made.close()
    with pytest.raises(WorkerDied):
        made.state.worker.submit(next(iter([_job()])))


def _job():
    from lipexplore.jobs.client import Job

    return Job(random_dense((2, 2, 1), seed=0), "path")


def test_everything_on_an_event_loop(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # run times learned before choose no method

    async def use():
        made = explore()
        ticks = []

        async def tick():
            while True:
                ticks.append(made.state.busy)
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        opened = await made.finished()
        made.panels["network"].network.value = "digits-64-20-10-relu-zeros95"
        await asyncio.sleep(0.2)
        made.run.click()
        second = await made.finished()
        ticking.cancel()
        made.close()
        return opened, second, sum(ticks), set(made.state.settings.methods)

    opened, second, ticks_while_busy, chosen = asyncio.run(use())
    assert len(chosen) >= 6
    assert set(opened["method"]) == set(second["method"]) == chosen
    assert set(second["network"]) == {"digits-64-20-10-relu-zeros95"}
    assert ticks_while_busy > 2


def test_whole_page_is_small(panel):
    state = json.dumps(panel.panels["bounds"].plot.widget.outputs)
    assert len(state) < 100_000
