"""What a bound buys: radii in which digits keep their class, and accuracy that is certified."""

from __future__ import annotations

import asyncio
import time
from html import escape

import ipywidgets
import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.figures.robustness import (
    Robustness,
    accuracy_html,
    accuracy_sentence,
    certified_accuracy,
)
from lipexplore.figures.texts import short_label
from lipexplore.panels.controls import boxed, heading, on_value, show
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.radii import IMAGES, Answer, RadiusBook, Wanted, choices, refusal
from lipexplore.panels.radius_views import digit_html, progress_html
from lipexplore.panels.settings import AROUND_DIGIT
from lipexplore.panels.state import SECONDS_BETWEEN_POLLS, Change, WorkbenchState
from lipexplore.properties.attack import Attacks
from lipexplore.properties.local_radius import LocalRadius
from lipexplore.properties.robustness import CertifiedRadii
from lipexplore.regions import Ball
from lipexplore.training.images import digits_for

USUAL = ("norm-product", "path", "shor")
USUAL_SECONDS = 20.0
DIGITS = 10
STOP, GO_ON = "Stop", "Go on"


class RobustnessPanel(Panel):
    """Bounds the margins by each ticked method, one method after the other, in a worker."""

    name = "robustness"
    title = "Robustness"
    explanation = (
        "What does the bound buy? If the margin between the best class and another one is m, and "
        "the difference of these two outputs has Lipschitz constant at most L, no change shorter "
        "than m / L can swap them. A tighter bound certifies larger radii; an attack shows how far "
        "any bound could go. Radii hold for all changes in the input norm, over the whole space; "
        "where the question is about a ball around a digit, bounds in it certify that digit too."
    )
    beside = ("network", "question")

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._book = RadiusBook(state.worker.another)
        self._stopped = False
        self._pumping: asyncio.Task[None] | None = None
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
            max=IMAGES - 1,
            description="test image",
            layout={"width": "14em"},
        )
        self.stop = ipywidgets.Button(
            description=STOP, tooltip="stop computing radii", layout={"width": "auto"}
        )
        self.status = ipywidgets.HTML()
        self.plot = Plot()
        self.sentence, self.digit, self.table = (ipywidgets.HTML() for _ in range(3))
        methods = boxed(self.methods.values(), "lx-methods")
        methods.layout = ipywidgets.Layout(flex_flow="row wrap", display="flex", grid_gap="0 14px")
        self.children = (
            methods,
            ipywidgets.HBox([self.seconds, self.image]),
            ipywidgets.HBox([self.stop, self.status]),
            self.plot.widget,
            self.sentence,
            heading("One digit"),
            self.digit,
            self.table,
        )
        self.stop.on_click(lambda _: self._stop_or_go_on())
        for control in (*self.methods.values(), self.seconds, self.image):
            on_value(control, lambda _: self._go_on())
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
            self._book.want(() if self._stopped else self._wanted())
            self._draw()
            self._follow()

    def show(self, visible: bool) -> None:
        """Begin nothing new once the panel is hidden."""
        super().show(visible)
        if not visible:
            self._book.hold()

    def wait(self, timeout: float = 300.0) -> None:
        """Block until all radii are there, in scripts and tests."""
        end = time.monotonic() + timeout
        while self._book.busy and time.monotonic() < end:
            self._take()
            time.sleep(0.1 * SECONDS_BETWEEN_POLLS)

    def close(self) -> None:
        """End the worker of the panel."""
        if self._pumping is not None:
            self._pumping.cancel()
        self._book.close()

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
            self.image.value = min(self.state.settings.digit, IMAGES - 1)
            self._go_on()

    def _go_on(self) -> None:
        self._stopped = False
        self.refresh()

    def _stop_or_go_on(self) -> None:
        self._stopped = not self._stopped
        self.refresh()

    def _follow(self) -> None:
        if self._book.busy and (self._pumping is None or self._pumping.done()):
            try:
                self._pumping = asyncio.get_running_loop().create_task(self._pump())
            except RuntimeError:
                return

    async def _pump(self) -> None:
        while self._book.busy:
            self._take()
            await asyncio.sleep(SECONDS_BETWEEN_POLLS)

    def _take(self) -> None:
        """Take in what the worker did: new radii are drawn, progress is told."""
        known = self._book.known
        if not self._book.pump() or not self.visible:
            return
        if self._book.known != known:
            self._draw()
        else:
            self._tell(self._answers())

    def _offer(self) -> None:
        """Disable the methods that do not answer for the question, and say why."""
        question = self.state.question
        for method in choices():
            why = refusal(method, question.network, question.norm) if question else ""
            box = self.methods[method.name]
            box.disabled, box.tooltip = bool(why), why or method.explanation

    def _wanted(self) -> tuple[Wanted, ...]:
        """Return what the panel shows: the attack, the radii, those in the ball of the question."""
        question = self.state.question
        if question is None or self._problem():
            return ()
        ball = question.region if self.state.settings.region == AROUND_DIGIT else None
        balls = (None, ball) if isinstance(ball, Ball) else (None,)
        return (
            Wanted(question.network, question.norm),
            *(
                Wanted(question.network, question.norm, method, self.seconds.value, where)
                for where in balls
                for method in self.chosen
            ),
        )

    def _problem(self) -> str:
        """Say why the question has no radii, nothing where it has."""
        question = self.state.question
        if question is None:
            return self.state.problem
        if question.network.n_outputs != DIGITS:
            return (
                f"radii are certified for classifiers of digits, with {DIGITS} outputs: choose "
                "one of the digits networks"
            )
        try:
            digits_for(question.network)
        except InvalidSetting as error:
            return str(error)
        return ""

    def _answers(self) -> dict[Wanted, Answer]:
        found = ((item, self._book.answer(item)) for item in self._wanted())
        return {item: answer for item, answer in found if answer is not None}

    def _draw(self) -> None:
        question, answers = self.state.question, self._answers()
        self._tell(answers)
        attacks = next((a.found for a in answers.values() if isinstance(a.found, Attacks)), None)
        if question is None or attacks is None:
            self.plot.say("" if self._book.busy else "No radii for this question.")
            self.sentence.value = self.digit.value = self.table.value = ""
            return
        pixels, labels = (array[:IMAGES] for array in digits_for(question.network))
        radii = {
            item.method: answer.found.radius
            for item, answer in answers.items()
            if isinstance(answer.found, CertifiedRadii)
        }
        classes = np.asarray(question.network(pixels).argmax(axis=1))
        found = Robustness(question.norm, classes == labels, radii, attacks.radius)
        number = self.image.value
        local = {
            item.method: answer.found
            for item, answer in answers.items()
            if isinstance(answer.found, LocalRadius) and number == self.state.settings.digit
        }
        self._show(found, number)
        self.digit.value = digit_html(
            question.network, pixels[number], int(labels[number]), number, found, attacks, local
        )
        self.show_call()

    def _show(self, found: Robustness, number: int) -> None:
        text = accuracy_sentence(found)
        radius = _radius_of(found, number)
        figure = certified_accuracy(found, font_size=self.font_size, radius=radius)
        self.plot.draw(figure, text)
        self.sentence.value = f"<p>{escape(text)}</p>"
        self.table.value = accuracy_html(found)

    def _tell(self, answers: dict[Wanted, Answer]) -> None:
        problems = [self._problem()] if self._problem() else []
        problems += [
            f"{short_label(item.method) if item.method else 'attack'}: {answer.problem}"
            for item, answer in answers.items()
            if answer.problem
        ]
        lines = [f'<p class="lx-refused">{escape(text)}</p>' for text in problems]
        if self._stopped:
            lines.append("<p>Stopped: what is missing waits for Go on.</p>")
        lines.append(progress_html(self._book))
        self.status.value = f'<div role="status" aria-live="polite">{"".join(lines)}</div>'
        self.stop.description = GO_ON if self._stopped else STOP
        show(self.stop, self._stopped or self._book.busy)


def _radius_of(found: Robustness, image: int) -> float | None:
    """Return the best certified radius of one image."""
    best = max((float(radii[image]) for radii in found.certified.values()), default=0.0)
    return best if np.isfinite(best) and best > 0.0 else None
