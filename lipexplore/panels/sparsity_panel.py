"""Sparsity: where weights and the linear program are not zero, its cliques, one of them marked."""

from __future__ import annotations

from typing import Any

import ipywidgets

from lipexplore.errors import LipexploreError
from lipexplore.figures.cliques import (
    GRAPH,
    MOST_CLIQUES,
    MOST_EDGES,
    TREE,
)
from lipexplore.figures.identity import Identity
from lipexplore.figures.sparsity import pattern_figure
from lipexplore.jobs.protocol import FAILURES
from lipexplore.panels.controls import heading, on_value
from lipexplore.panels.lp_drawing import Drawing, drawing_of
from lipexplore.panels.lp_program import METHOD, Program, program_of
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.proof_views import identity_of
from lipexplore.panels.proofs import ProofBook
from lipexplore.panels.rows import Row
from lipexplore.panels.settings import PlannedRun
from lipexplore.panels.state import Change, WorkbenchState

NO_RUN = "Run LiPopt LP at this degree to see which share of its bound the clique carries."
COVERED = "Its share of the bound is covered until Reveal is pressed."
TOO_LONG = "The proof of the run is too large to be looked at here for the clique's share."


class SparsityPanel(Panel):
    """Draws weights, program and cliques; nothing is built while it is hidden."""

    name = "sparsity"
    title = "Sparsity"
    explanation = (
        "A product of slopes occurs in the gradient only where weights join the units, so only "
        "small sets of variables, the cliques, have to meet in the linear program. Choose a clique "
        "by its number, or click it in the tree, or click one of its variables in the graph."
    )
    beside = ("network", "question", "methods")
    runs = True

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._cached: tuple[object, Program | None] = (None, None)
        self._identities: dict[object, Identity | None] = {}
        self._book = ProofBook()
        self._filling = False
        self.degree = ipywidgets.Dropdown(description="LP degree", layout={"width": "14em"})
        self.clique = ipywidgets.BoundedIntText(
            value=1,
            min=0,
            max=10**6,
            description="clique",
            tooltip="number of the clique that is marked; 0 marks none; the arrow keys step",
            layout={"width": "14em"},
        )
        self.text = ipywidgets.HTML()
        self.weights, self.program = Plot(), Plot()
        self.graph, self.tree, self.sizes = Plot(), Plot(), Plot()
        pair = ipywidgets.HBox([_titled(name, plot) for name, plot in self._pair()])
        pair.layout.flex_flow = "row wrap"
        self.children = (
            ipywidgets.HBox([self.clique, self.degree]),
            self.text,
            self.weights.widget,
            self.program.widget,
            pair,
            heading("Sizes of the cliques"),
            self.sizes.widget,
        )
        self._drawing = self.latest(self._drawing_of_now, self._draw)
        for control in (self.clique, self.degree):
            on_value(control, lambda _: self.refresh())
        state.listen(self._hear)
        state.predictions.listen(self.refresh)
        self._fill_degrees()

    def refresh(self) -> None:
        """Draw anew, if the panel is on the screen."""
        if self.visible and not self._filling:
            self._drawing.request()

    def show(self, visible: bool) -> None:
        """Draw, or take the clique's marks off the network."""
        super().show(visible)
        if not visible:
            self.state.mark(())

    def click(self, clicked: dict[str, Any]) -> None:
        """Choose the clicked clique, or the next clique that holds the clicked variable."""
        program, point = self._cached[1], clicked.get("point")
        if program is None or not isinstance(point, int):
            return
        if clicked.get("plot") == TREE:
            self.clique.value = point + 1
        elif clicked.get("plot") == GRAPH:
            holders = [
                number
                for number, clique in enumerate(program.cliques.members, 1)
                if point in clique
            ]
            later = [number for number in holders if number > self.clique.value]
            self.clique.value = next(iter(later or holders), self.clique.value)

    def python_call(self) -> str:
        """Return the bound of the program that is drawn."""
        from lipexplore.panels.script import script

        question = self.state.question
        return "" if question is None else script(question, [self._run()])

    def _pair(self) -> tuple[tuple[str, Plot], ...]:
        return (
            ("Variables that meet in a monomial", self.graph),
            ("Tree of the cliques", self.tree),
        )

    def _hear(self, change: Change) -> None:
        if change == "settings":
            self._fill_degrees()
            self.refresh()
        elif change == "rows" and self._finished() not in (None, *self._identities):
            self.refresh()

    def _fill_degrees(self) -> None:
        self._filling = True
        try:
            degrees, old = self.state.settings.degrees, self.degree.value
            if tuple(self.degree.options) != degrees:
                self.degree.options = degrees
                self.degree.value = old if old in degrees else next(iter(degrees), None)
        finally:
            self._filling = False

    def _run(self) -> PlannedRun:
        own = self.state.settings.parameters.get(METHOD, {})
        return PlannedRun(METHOD, {"degree": self.degree.value, **own})

    def _row(self) -> Row | None:
        """Return the finished run of the program that is drawn."""
        settings = dict(self._run().settings)
        rows = (row for row in self.state.comparable_rows if row.run.method == METHOD)
        return next((row for row in rows if dict(row.run.settings) == settings), None)

    def _finished(self) -> object:
        row = self._row()
        return None if row is None else (row.number, row.identity)

    def _drawing_of_now(self) -> Drawing:
        question, number = self.state.question, self.clique.value
        if question is None:
            return Drawing(missing=self.state.problem)
        run = self._run()
        key = (question.key, repr(run))
        if self._cached[0] != key:
            self._cached = (key, program_of(question, run))
        program = self._cached[1]
        if program is None:
            return Drawing()
        if self.state.predictions.hidden:
            return drawing_of(program, number, None, self.font_size, COVERED)
        proof = self._identity()
        long = proof is None and self._row() is not None
        return drawing_of(program, number, proof, self.font_size, TOO_LONG if long else NO_RUN)

    def _identity(self) -> Identity | None:
        """Return the identity that proves the finished run, None without or where it is large."""
        key, row = self._finished(), self._row()
        if row is not None and key not in self._identities:
            self._identities[key] = self._proven(row)
        return self._identities.get(key)

    def _proven(self, row: Row) -> Identity | None:
        try:
            proof = self._book.get(row)
            parts = proof.certificate if proof is not None else ()
            return identity_of(row, parts[0]) if parts else None
        except (LipexploreError, *FAILURES):
            return None

    def _draw(self, drawing: Drawing) -> None:
        self.text.value, size = drawing.text, self.font_size
        self.state.mark(drawing.marked if self.visible else ())
        if drawing.weights:
            self.weights.draw(pattern_figure(drawing.weights, font_size=size), "weights")
        else:
            self.weights.say("no weights to draw")
        if drawing.program is not None:
            self.program.draw(pattern_figure([drawing.program], font_size=size, height=300), "LP")
        else:
            self.program.say(drawing.missing)
        plots = (self.graph, self.tree, self.sizes)
        limits = (f"{MOST_EDGES:,} pairs of variables", f"{MOST_CLIQUES:,} cliques", "")
        for plot, figure, limit in zip(plots, drawing.figures, limits, strict=True):
            if figure is not None:
                plot.draw(figure, drawing.text)
            else:
                plot.say(f"Not drawn: more than {limit}." if drawing.posed else "Not drawn.")
        self.show_call()


def _titled(name: str, plot: Plot) -> ipywidgets.VBox:
    return ipywidgets.VBox([heading(name), plot.widget], layout={"flex": "1 1 20em"})
