"""What a bound buys: radii in which digits keep their class, and accuracy that is certified."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import ipywidgets
import numpy as np

from lipexplore.errors import LipexploreError
from lipexplore.figures.palette import STYLES
from lipexplore.figures.robustness import (
    Robustness,
    accuracy_html,
    accuracy_sentence,
    certified_accuracy,
)
from lipexplore.figures.texts import short_label
from lipexplore.norms import Norm
from lipexplore.panels.controls import boxed, heading, on_value
from lipexplore.panels.latest import Latest
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.question_panel import digit_svg
from lipexplore.panels.radii import Overtaken, RadiusBook, choices, refusal
from lipexplore.panels.settings import Question
from lipexplore.panels.state import Change, WorkbenchState
from lipexplore.rounding import text_above, text_below

USUAL = ("norm-product", "path", "shor")
USUAL_SECONDS = 20.0
TEST_IMAGES = 360


@dataclass(frozen=True, eq=False)
class Shown:
    """What one step of work left: the curves so far, and what is still to be computed."""

    question: Question | None = None
    found: Robustness | None = None
    digit: str = ""
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class RobustnessPanel(Panel):
    """Bounds the 45 margins by each ticked method, one method after the other, in a thread."""

    name = "robustness"
    title = "Robustness"
    explanation = (
        "What does the bound buy? If the margin between the best class and another one is m, and "
        "the difference of these two outputs has Lipschitz constant at most L, no change shorter "
        "than m / L can swap them. A tighter bound certifies larger radii; an attack shows how far "
        "any bound could go. Radii hold for all changes in the input norm, over the whole space."
    )
    beside = ("network", "question")

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._book = RadiusBook(self._is_wanted)
        self.methods = {
            method.name: ipywidgets.Checkbox(
                value=method.name in USUAL,
                description=short_label(method.name),
                tooltip=method.explanation,
                indent=False,
            )
            for method in choices()
        }
        self.seconds = ipywidgets.BoundedFloatText(
            value=USUAL_SECONDS,
            min=1.0,
            max=3600.0,
            description="seconds each",
            tooltip="for all 45 margins together; then a method returns the best that it has",
            layout={"width": "14em"},
        )
        self.image = ipywidgets.BoundedIntText(
            value=state.settings.digit,
            min=0,
            max=TEST_IMAGES - 1,
            description="test image",
            layout={"width": "14em"},
        )
        self.status = ipywidgets.HTML()
        self.plot = Plot()
        self.sentence, self.digit, self.table = (ipywidgets.HTML() for _ in range(3))
        methods = boxed(self.methods.values(), "lx-methods")
        methods.layout = ipywidgets.Layout(flex_flow="row wrap", display="flex", grid_gap="0 14px")
        self.children = (
            methods,
            ipywidgets.HBox([self.seconds, self.image]),
            self.status,
            self.plot.widget,
            self.sentence,
            heading("One digit"),
            self.digit,
            self.table,
        )
        self._work = Latest(self._step, self._draw)
        for control in (*self.methods.values(), self.seconds, self.image):
            on_value(control, lambda _: self.refresh())
        state.listen(self._hear)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The ticked methods that answer for the present norm and network."""
        question = self.state.question
        return tuple(
            method.name
            for method in choices()
            if self.methods[method.name].value
            and question is not None
            and not refusal(method, question.network, question.norm)
        )

    def refresh(self) -> None:
        """Compute what is missing and draw, if the panel is on the screen."""
        if self.visible:
            self._offer()
            self.status.value = _status("<p>Working …</p>")
            self._work.request()

    def python_call(self) -> str:
        """Return the radii under one method."""
        question, method = self.state.question, next(iter(self.chosen[::-1]), USUAL[-1])
        if question is None:
            return ""
        return (
            f"network = {question.network_code}\n"
            f'table = lipexplore.margins(network, "{method}", "{question.norm}")\n'
            "certified_radii(network, digits_for(network)[0], table).radius"
        )

    def _hear(self, change: Change) -> None:
        if change == "settings":
            self.image.value = min(self.state.settings.digit, TEST_IMAGES - 1)
            self.refresh()

    def _offer(self) -> None:
        """Disable the methods that do not answer for the question, and say why."""
        question = self.state.question
        for method in choices():
            why = refusal(method, question.network, question.norm) if question else ""
            box = self.methods[method.name]
            box.disabled, box.tooltip = bool(why), why or method.explanation

    def _is_wanted(self, question: Question) -> bool:
        now = self.state.question
        return self.visible and now is not None and _same(now, question)

    def _step(self) -> Shown:
        """Compute the first missing method, in a thread."""
        question, seconds, methods = self.state.question, self.seconds.value, self.chosen
        if question is None:
            return Shown(problems=(self.state.problem,))
        book = self._book
        try:
            book.images(question)
            missing = [m for m in methods if book.answer(question, m, seconds) is None]
            if missing:
                book.compute(question, missing.pop(0), seconds)
            found = book.robustness(question, methods, seconds)
        except Overtaken:
            return Shown()
        except LipexploreError as error:
            return Shown(problems=(str(error),))
        answers = ((m, book.answer(question, m, seconds)) for m in methods)
        problems = tuple(f"{short_label(m)}: {a.problem}" for m, a in answers if a and a.problem)
        digit = digit_html(question, book, found, self.image.value)
        return Shown(question, found, digit, tuple(missing), problems)

    def _draw(self, shown: Shown) -> None:
        lines = [f'<p class="lx-refused">{escape(text)}</p>' for text in shown.problems]
        if shown.missing:
            lines.append(f"<p>Bounding the 45 margins: {short_label(shown.missing[0])} …</p>")
        self.status.value = _status("".join(lines))
        if shown.found is None:
            self.plot.say("No radii for this question.")
            self.sentence.value = self.digit.value = self.table.value = ""
            return
        text = accuracy_sentence(shown.found)
        radius = _radius_of(shown.found, self.image.value)
        figure = certified_accuracy(shown.found, font_size=self.font_size, radius=radius)
        self.plot.draw(figure, text)
        self.sentence.value = f"<p>{escape(text)}</p>"
        self.digit.value, self.table.value = shown.digit, accuracy_html(shown.found)
        self.show_call()
        if shown.missing:
            self._work.request()


def _status(html: str) -> str:
    return f'<div role="status" aria-live="polite">{html}</div>'


def _same(one: Question, other: Question) -> bool:
    return one.network.content_hash == other.network.content_hash and one.norm == other.norm


def _radius_of(found: Robustness, image: int) -> float | None:
    """Return the best certified radius of one image."""
    best = max((float(radii[image]) for radii in found.certified.values()), default=0.0)
    return best if np.isfinite(best) and best > 0.0 else None


def digit_html(question: Question, book: RadiusBook, found: Robustness, number: int) -> str:
    """Return one digit and its closest attack as pictures, with the radii of every method."""
    images = book.images(question)
    pixels, label = images.pixels[number], int(images.labels[number])
    outputs = question.network(np.array([pixels, images.attacks.points[number]]))
    told, after = (int(c) for c in outputs.argmax(axis=1))
    best = max((float(radii[number]) for radii in found.certified.values()), default=0.0)
    rows = "".join(
        f'<tr><th scope="row" class="lx-text"><span style="color:{STYLES[m].colour}">■</span> '
        f"{escape(short_label(m))}</th><td>{text_below(float(radii[number]), 5)}</td></tr>"
        for m, radii in found.certified.items()
    )
    length = float(images.attacks.radius[number])
    rows += (
        f'<tr><th scope="row" class="lx-text">attack: class {after}</th>'
        f"<td>{text_above(length, 5)}</td></tr>"
    )
    attacked = np.clip(images.attacks.points[number], 0.0, 1.0)
    symbol = Norm.parse(question.norm).symbol
    wrong = "" if told == label else ", wrongly"
    return (
        f'<div class="lx-digit">{digit_svg(pixels, label)}{digit_svg(attacked, after)}'
        f"<p>Left: test image {number}, a handwritten {label}, read as {told}{wrong}. It stays a "
        f"{told} under every change of {symbol} length up to {text_below(best, 5)}. Right: a "
        f"change of length {text_above(length, 5)} makes it a {after} (drawn with its pixels "
        "cut off at black and white).</p></div>"
        '<table class="lx-table"><caption>Radii of this image: certified, and where the attack '
        f'succeeds</caption><thead><tr><th scope="col" class="lx-text">method</th><th scope="col">'
        f"radius ({symbol})</th></tr></thead><tbody>{rows}</tbody></table>"
    )
