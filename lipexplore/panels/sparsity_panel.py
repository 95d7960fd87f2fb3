"""Sparsity: where the weights and the linear program are not zero, one clique marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import ipywidgets

from lipexplore.bounds.lipopt_lp import LipoptLP
from lipexplore.errors import LipexploreError
from lipexplore.figures.sparsity import (
    LARGEST_NONZEROS,
    Pattern,
    pattern_figure,
    program_pattern,
    weight_patterns,
)
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import layer_slice, slope_ranges
from lipexplore.norms import Norm
from lipexplore.panels.controls import on_value
from lipexplore.panels.costs import cost_of
from lipexplore.panels.latest import Latest
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.settings import PlannedRun, Question
from lipexplore.panels.state import Change, WorkbenchState
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.polynomial import Index, PolynomialProblem
from lipexplore.polynomials.sparsity import Cliques, clique_family
from lipexplore.relaxations.krivine import KrivineRelaxation, krivine_relaxation

METHOD = LipoptLP.name


@dataclass(frozen=True, eq=False)
class Program:
    """The network that is bounded, and its linear program unless ``missing`` says why not."""

    head: Network
    relaxation: KrivineRelaxation | None = None
    cliques: Cliques = field(default_factory=lambda: Cliques("", ()))
    missing: str = ""


@dataclass(frozen=True, eq=False)
class Drawing:
    """What the panel shows: patterns, and what they mean as HTML."""

    weights: Sequence[Pattern] = ()
    program: Pattern | None = None
    text: str = ""
    missing: str = ""


def program_of(question: Question, run: PlannedRun) -> Program:
    """Build the program of a run where it is small enough to be drawn at once."""
    part, region = layer_slice(question.network, question.region, question.layers)
    head = part.head(question.output, question.minus)
    cost = cost_of(question, run)
    nonzeros = cost.size.get("nonzeros", LARGEST_NONZEROS + 1)
    if cost.refused:
        return Program(head, missing=cost.refused)
    if nonzeros > LARGEST_NONZEROS:
        size = ", ".join(f"{count:,} {name}" for name, count in cost.size.items()) or cost.note
        return Program(
            head,
            missing=f"The LP is not drawn: {size}. The limit is {LARGEST_NONZEROS:,} nonzeros; "
            "choose a lower degree, a smaller clique family or a sparser network.",
        )
    try:
        slopes = slope_ranges(head, region)
        problem = norm_gradient_problem(head, slopes, Norm.parse(question.norm))
        family = run.settings.get("clique_family", LipoptLP().clique_family)
        cliques = clique_family(problem, head, slopes, family)
        degree = run.degree or max(1, problem.objective.degree)
        return Program(head, krivine_relaxation(problem, cliques, degree), cliques)
    except LipexploreError as error:
        return Program(head, missing=str(error))


class SparsityPanel(Panel):
    """Draws weights and program of the state's question; nothing is built while it is hidden."""

    name = "sparsity"
    title = "Sparsity"
    explanation = ""

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._cached: tuple[object, Program | None] = (None, None)
        self._filling = False
        self.degree = ipywidgets.Dropdown(description="LP degree", layout={"width": "14em"})
        self.clique = ipywidgets.BoundedIntText(
            value=1,
            min=0,
            max=10**6,
            description="clique",
            tooltip="number of the clique that is marked; 0 marks none",
            layout={"width": "14em"},
        )
        self.text = ipywidgets.HTML()
        self.weights = Plot()
        self.program = Plot()
        controls = ipywidgets.HBox([self.clique, self.degree])
        self.children = (controls, self.text, self.weights.widget, self.program.widget)
        self._drawing = Latest(self._drawing_of_now, self._draw)
        for control in (self.clique, self.degree):
            on_value(control, lambda _: self.refresh())
        state.listen(self._hear)
        self._fill_degrees()

    def refresh(self) -> None:
        """Draw anew, if the panel is on the screen."""
        if self.visible and not self._filling:
            self._drawing.request()

    def _hear(self, change: Change) -> None:
        if change == "settings":
            self._fill_degrees()
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

    def _drawing_of_now(self) -> Drawing:
        question, number = self.state.question, self.clique.value
        if question is None:
            return Drawing(missing=self.state.problem)
        run = PlannedRun(
            METHOD, {"degree": self.degree.value, **self.state.settings.parameters.get(METHOD, {})}
        )
        key = (question.key, repr(run))
        if self._cached[0] != key:
            self._cached = (key, program_of(question, run))
        program = self._cached[1]
        return Drawing() if program is None else drawing_of(program, number)

    def _draw(self, drawing: Drawing) -> None:
        self.text.value = drawing.text
        size = self.font_size
        if drawing.weights:
            self.weights.draw(pattern_figure(drawing.weights, font_size=size), "weights")
        else:
            self.weights.say("no weights to draw")
        if drawing.program is not None:
            self.program.draw(pattern_figure([drawing.program], font_size=size, height=300), "LP")
        else:
            self.program.say(drawing.missing)


def drawing_of(program: Program, number: int) -> Drawing:
    """Return patterns with clique ``number`` marked (from 1; 0 for none), and what they show."""
    members, relaxation = program.cliques.members, program.relaxation
    chosen = min(number, len(members)) - 1
    clique = members[chosen] if chosen >= 0 else None
    weights = weight_patterns(program.head, clique)
    titles = [pattern.title for pattern in weights]
    if relaxation is None:
        return Drawing(weights, text=_paragraphs(["; ".join(titles)]), missing=program.missing)
    pattern = program_pattern(relaxation, program.cliques, chosen if chosen >= 0 else None)
    lines = [
        "; ".join(titles),
        f"{pattern.title}; {len(members):,} {program.cliques.family} cliques",
    ]
    if clique is not None:
        products = len(set(pattern.columns[pattern.marked].tolist()))
        lines.append(
            f"Marked in orange: clique {chosen + 1} of {len(members):,}, with "
            f"{len(clique):,} variables ({variables_text(relaxation.source, clique)}) and "
            f"{products:,} of the {pattern.shape[1]:,} products."
        )
    return Drawing(weights, pattern, _paragraphs(lines))


def variables_text(problem: PolynomialProblem, clique: Index) -> str:
    """Return the variables block by block: "t[0..63], s1[2]"."""
    parts = []
    for name, block in problem.blocks.items():
        places = clique[(clique >= block.start) & (clique < block.stop)] - block.start
        if len(places) > 4 and places[-1] - places[0] + 1 == len(places):
            parts.append(f"{name}[{places[0]}..{places[-1]}]")
        elif len(places) > 4:
            parts.append(f"{len(places)} of {name}[0..{len(block) - 1}]")
        elif len(places):
            parts.append(f"{name}[{', '.join(map(str, places))}]")
    return ", ".join(parts)


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines if line)
