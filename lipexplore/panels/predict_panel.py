"""Predict first: the class guesses values and the order of methods, then the results appear."""

from __future__ import annotations

import math
from html import escape

import ipywidgets

from lipexplore.bounds import method_class
from lipexplore.figures.texts import run_name, short_label
from lipexplore.panels.controls import heading, show
from lipexplore.panels.panel import Panel
from lipexplore.panels.predictions import Guess, nearest_first, pairs_in_order
from lipexplore.panels.settings import plan
from lipexplore.panels.state import Change, WorkbenchState
from lipexplore.rounding import text_above

MOST_PLACES = 8
NOBODY = ""


class PredictPanel(Panel):
    """Covers the results of all panels until Reveal; guesses stay on the plot afterwards."""

    name = "predict"
    title = "Predict first"
    explanation = (
        "Cover the results, let the class guess, press Run, then Reveal. Guesses of the best upper "
        "bound stay on the plot; the guessed order of the methods is compared pair by pair."
    )
    beside = ("network", "question", "methods")
    runs = True

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self.cover = ipywidgets.Button(
            description="Cover the results", tooltip="hide plots, tables and live values"
        )
        self.reveal = ipywidgets.Button(
            description="Reveal", button_style="primary", tooltip="show the results again"
        )
        self.reset = ipywidgets.Button(
            description="Reset", tooltip="forget all guesses and show the results"
        )
        self.who = ipywidgets.Text(description="name", placeholder="who guesses")
        self.value = ipywidgets.Text(
            description="guess", placeholder="best upper bound", continuous_update=False
        )
        self.add = ipywidgets.Button(description="Add the guess")
        self.places = tuple(
            ipywidgets.Dropdown(
                options=[("–", NOBODY)], value=NOBODY, description=f"{place}. tightest"
            )
            for place in range(1, MOST_PLACES + 1)
        )
        self.told, self.order, self.guesses = (ipywidgets.HTML() for _ in range(3))
        self.children = (
            ipywidgets.HBox([self.cover, self.reveal, self.reset]),
            self.told,
            heading("The value"),
            ipywidgets.HBox([self.who, self.value, self.add], layout={"flex_flow": "row wrap"}),
            self.guesses,
            heading("The order: which method gives the smallest bound?"),
            ipywidgets.VBox(self.places),
            self.order,
        )
        predictions = state.predictions
        self.cover.on_click(lambda _: predictions.hide(True))
        self.reveal.on_click(lambda _: predictions.hide(False))
        self.reset.on_click(lambda _: self._reset())
        self.add.on_click(lambda _: self._add())
        for place in self.places:
            place.observe(lambda _: self._tell_order(), names="value")
        predictions.listen(self.refresh)
        state.listen(self._hear)

    def refresh(self) -> None:
        """Offer the chosen methods, and tell how near the guesses are, unless that is covered."""
        if not self.visible:
            return
        hidden = self.state.predictions.hidden
        self.cover.disabled, self.reveal.disabled = hidden, not hidden
        self._offer()
        self._tell_guesses()
        self._tell_order()

    def _hear(self, change: Change) -> None:
        if change in ("settings", "rows"):
            self.refresh()

    def _reset(self) -> None:
        for place in self.places:
            place.value = NOBODY
        self.told.value = ""
        self.state.predictions.reset()

    def _add(self) -> None:
        question = self.state.question
        value = _positive(self.value.value)
        if question is None or value is None:
            self._say("Write the guess as a positive number, for instance 12.5.")
            return
        count = len(self.state.predictions.about(question.key))
        who = self.who.value.strip() or f"guess {count + 1}"
        self.value.value = ""
        self._say(f"{who} guesses {value:g}.")
        self.state.predictions.add(Guess(who, value, question.key))

    def _say(self, text: str) -> None:
        self.told.value = f'<div role="status" aria-live="polite">{escape(text)}</div>'

    def _offer(self) -> None:
        """Let each place be taken by any planned method that bounds from above."""
        methods = self._methods()
        options = [("–", NOBODY), *((short_label(method), method) for method in methods)]
        for number, place in enumerate(self.places):
            show(place, number < len(methods))
            if tuple(place.options) != tuple(options):
                kept = place.value if place.value in methods else NOBODY
                place.options = options
                place.value = kept

    def _methods(self) -> list[str]:
        planned = dict.fromkeys(run.method for run in plan(self.state.settings))
        return [name for name in planned if method_class(name).side != "lower"][:MOST_PLACES]

    def _values(self) -> dict[str, float]:
        """Return the smallest proven upper bound of each method."""
        values: dict[str, float] = {}
        for row in self.state.comparable_rows:
            if row.bound is not None and math.isfinite(row.bound.value):
                best = values.get(row.run.method, math.inf)
                values[row.run.method] = min(best, row.bound.value)
        return values

    def _tell_guesses(self) -> None:
        question, predictions = self.state.question, self.state.predictions
        guesses = predictions.about(question.key if question else None)
        if not guesses:
            self.guesses.value = '<p class="lx-note">No guesses about this question yet.</p>'
            return
        rows = [row.bound for row in self.state.comparable_rows if row.bound is not None]
        best = min(rows, key=lambda bound: bound.value, default=None)
        known = best is not None and 0.0 < best.value < math.inf and not predictions.hidden
        if not known or best is None:
            names = ", ".join(f"{guess.who}: {guess.value:g}" for guess in guesses)
            when = "press Reveal" if predictions.hidden else "press Run"
            self.guesses.value = f"<p>{escape(names)}. To compare, {when}.</p>"
            return
        body = "".join(
            f'<tr><th scope="row" class="lx-text">{escape(guess.who)}</th>'
            f"<td>{guess.value:g}</td><td>{guess.value / best.value:.3g}</td></tr>"
            for guess in nearest_first(guesses, best.value)
        )
        self.guesses.value = (
            f'<table class="lx-table"><caption>The best proven bound is {text_above(best.value)}, '
            f"by {escape(run_name(best))}; the nearest guess first</caption>"
            '<thead><tr><th scope="col" class="lx-text">who</th><th scope="col">guess</th>'
            '<th scope="col">guess / bound</th>'
            f"</tr></thead><tbody>{body}</tbody></table>"
        )

    def _tell_order(self) -> None:
        order = [
            place.value for place in self.places if place.value and place.layout.display is None
        ]
        if len(set(order)) < len(order):
            self.order.value = '<p class="lx-refused">A method stands in two places.</p>'
            return
        values = self._values()
        right, pairs = pairs_in_order(order, values)
        if self.state.predictions.hidden or not pairs:
            self.order.value = '<p class="lx-note">Compared after Run and Reveal.</p>'
            return
        truth = sorted((method for method in order if method in values), key=values.__getitem__)
        told = " &lt; ".join(
            f"{escape(short_label(method))} ({text_above(values[method], 4)})" for method in truth
        )
        self.order.value = f"<p>{right} of {pairs} pairs are in the right order: {told}.</p>"


def _positive(text: str) -> float | None:
    """Return a positive finite number, also with a decimal comma; None for anything else."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if 0.0 < value < math.inf else None
