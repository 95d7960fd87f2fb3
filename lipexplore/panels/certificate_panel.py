"""The proof behind one run: its identity, its multipliers, its tree, its witness."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import ipywidgets

from lipexplore.bounds import Bound
from lipexplore.figures.texts import lower_text, upper_text
from lipexplore.jobs.protocol import FAILURES, one_sentence
from lipexplore.panels.controls import on_value, show
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.proof_views import View, proof_view, witness_html
from lipexplore.panels.proofs import ProofBook
from lipexplore.panels.rows import Row
from lipexplore.panels.state import Change, WorkbenchState
from lipexplore.panels.tables import row_label

NO_RUN = ("choose a finished run", 0)


@dataclass(frozen=True, eq=False)
class Shown:
    """One run's proof, as far as it is known; ``problem`` says why there is none."""

    row: Row | None = None
    proof: Bound | None = None
    view: View | None = None
    problem: str = ""


class CertificatePanel(Panel):
    """Shows the selected run; its arrays are read from the worker's file, in a thread."""

    name = "certificate"
    title = "Certificate"
    explanation = (
        "Why is the number a bound? Every upper bound leaves multipliers of facts that hold for "
        "all slopes; put together they are a proof that does not trust the solver. Every lower "
        "bound leaves an input or a choice of slopes that attains it."
    )
    beside = ("network", "question", "methods")
    runs = True
    tells_results = True

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._book = ProofBook()
        self._filling = False
        self._seen: tuple[int, ...] = ()
        self.chosen = ipywidgets.Dropdown(
            options=[NO_RUN], description="run", layout={"width": "28em", "max_width": "98%"}
        )
        self.text, self.caption, self.witness = (ipywidgets.HTML() for _ in range(3))
        self.plot = Plot()
        self.children = (
            self.chosen,
            self.text,
            self.plot.widget,
            self.caption,
            self.witness,
        )
        self._work = self.latest(self._work_out, self._draw)
        on_value(self.chosen, self._choose)
        state.listen(self._hear)

    def refresh(self) -> None:
        """Show the selected run's proof, if the panel is on the screen."""
        if self.visible:
            self._fill()
            self._work.request()

    def python_call(self) -> str:
        """Return the bound whose certificate is shown."""
        row = self._row()
        if row is None:
            return ""
        from lipexplore.panels.script import script

        return f"{script(row.question, [row.run])}.certificate"

    def _row(self) -> Row | None:
        """Return the selected run, or the newest finished one of the question."""
        state = self.state
        finished = [row for row in state.rows if row.bound is not None]
        chosen = next((row for row in finished if row.number == state.selected), None)
        if chosen is not None or state.selected is not None:
            return chosen
        upper = [r for r in state.comparable_rows if r.bound and math.isfinite(r.bound.value)]
        return min(upper, key=lambda row: row.bound.value if row.bound else math.inf, default=None)

    def _hear(self, change: Change) -> None:
        if change in ("selected", "settings") or (change == "rows" and self._offer() != self._seen):
            self.refresh()

    def _offer(self) -> tuple[int, ...]:
        """Return the shown run and all finished ones: progress of the others changes nothing."""
        row = self._row()
        finished = (other.number for other in self.state.rows if other.bound is not None)
        return row.number if row else NO_RUN[1], *finished

    def _choose(self, number: int | None) -> None:
        if not self._filling:
            self.state.select(number or None)

    def _fill(self) -> None:
        self._filling, self._seen = True, self._offer()
        try:
            finished = [row for row in self.state.rows if row.bound is not None]
            options = [NO_RUN, *((row_label(row), row.number) for row in finished)]
            if tuple(self.chosen.options) != tuple(options):
                self.chosen.options = options
            row = self._row()
            self.chosen.value = row.number if row else NO_RUN[1]
        finally:
            self._filling = False

    def _work_out(self) -> Shown:
        row = self._row()
        if row is None:
            return Shown(problem="No finished run is selected: press Run, or choose one.")
        try:
            proof = self._book.get(row)
        except FAILURES as error:
            return Shown(row, problem=one_sentence(error))
        if proof is None:
            return Shown(row)
        return Shown(row, proof, proof_view(row, proof, self.font_size))

    def _draw(self, shown: Shown) -> None:
        row, proof, view = shown.row, shown.proof, shown.view
        lines = [summary_html(row.bound)] if row is not None and row.bound is not None else []
        if shown.problem:
            lines.append(f'<p class="lx-note">{escape(shown.problem)}</p>')
        if view is not None:
            lines.append(view.html)
        self.text.value = "".join(lines)
        show(self.plot.widget, view is not None and view.figure is not None)
        if view is not None and view.figure is not None:
            self.plot.draw(view.figure, view.caption)
        self.caption.value = f"<p>{escape(view.caption)}</p>" if view else ""
        known = row is not None and proof is not None
        self.witness.value = witness_html(row.question, proof) if known and row and proof else ""
        self.show_call()


def summary_html(bound: Bound) -> str:
    """Return the verified ends beside what the solver said."""
    rows = [
        (
            "proven",
            " and ".join(t for t in (upper_text(bound, 9), lower_text(bound, 9)) if t != "–"),
        ),
        (
            "before branching" if bound.side == "interval" else "the solver said",
            "–" if math.isnan(bound.solver_value) else f"{bound.solver_value:.9g}",
        ),
        (
            "distance of the ends" if bound.side == "interval" else "added to make it a proof",
            f"{bound.residual:.2g}" if math.isfinite(bound.residual) else "–",
        ),
        ("verified", "✓ yes" if bound.verified else "no"),
    ]
    body = "".join(
        f'<tr><th scope="row" class="lx-text">{name}</th><td>{escape(value or "nothing")}</td></tr>'
        for name, value in rows
    )
    return (
        '<table class="lx-table"><caption>The verified value against the solver\'s</caption>'
        f"<tbody>{body}</tbody></table>"
    )
