"""The live strip: quick bounds that follow every control, with no Run button."""

from __future__ import annotations

import asyncio
import time
from html import escape

import ipywidgets

from lipexplore.figures.live_strip import Line, strip_html, strip_sentence
from lipexplore.figures.texts import seconds_text, short_label
from lipexplore.jobs.survey import WAITS
from lipexplore.panels.controls import on_value, show
from lipexplore.panels.panel import Panel
from lipexplore.panels.state import Change, WorkbenchState
from lipexplore.panels.surveys import SECONDS_BETWEEN_POLLS, Answer, Live
from lipexplore.panels.timings import Timings

SECONDS_BETWEEN_QUESTIONS = 0.03
LONGEST_WAIT = 60.0


class LivePanel(Panel):
    """Asks the quick methods again whenever the question changes, in a worker of its own."""

    name = "live"
    title = "Live"
    explanation = (
        "Quick methods follow the controls, slower ones wait for Run. Grey values are old."
    )
    place = "strip"
    tells_results = True

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self.live: Live | None = None
        self._asked: object = None
        self._asked_at = -SECONDS_BETWEEN_QUESTIONS
        self._due: asyncio.TimerHandle | None = None
        self._pumping: asyncio.Task[None] | None = None
        self.on = ipywidgets.Checkbox(value=True, description="live values", indent=False)
        on_value(self.on, lambda _: self.refresh())
        self.each = ipywidgets.Checkbox(
            value=True,
            description="each method",
            tooltip="one line per method; else one sentence, so that the plot stays in view",
            indent=False,
        )
        on_value(self.each, lambda _: self._unfold())
        self.strip = ipywidgets.HTML()
        self.status = ipywidgets.HTML()
        self.children = (ipywidgets.HBox([self.on, self.each, self.status]), self.strip)
        state.listen(self._hear, first=True)  # its worker computes while the others draw

    def refresh(self) -> None:
        """Ask anew if the question has changed, if the panel is on the screen and switched on.

        Where an event loop runs, questions follow each other after 30 ms or more.
        """
        if not self.visible or not self.on.value:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._ask()
            return
        wait = self._asked_at + SECONDS_BETWEEN_QUESTIONS - time.monotonic()
        if self._due is None and wait > 0.0:
            self._due = loop.call_later(wait, self._ask)
        elif self._due is None:
            self._ask()

    def python_call(self) -> str:
        """Return the lines that ask the quick methods of the strip."""
        question = self.state.question
        if question is None:
            return ""
        shown = self.live.answers if self.live is not None else ()
        names = tuple(answer.method for answer in shown if answer.bound is not None)
        minus = "" if question.minus is None else f", minus={question.minus}"
        layers = "" if question.layers is None else f", layers={question.layers}"
        return (
            f"network, region = {question.network_code}, {question.region_code}\n"
            f'[lipexplore.bound(network, method, norm="{question.norm}", region=region, '
            f"output={question.output}{minus}{layers}) for method in {names}]"
        )

    def wait(self, timeout: float = LONGEST_WAIT) -> None:
        """Block until the strip is up to date, in scripts and tests."""
        if self.live is not None:
            self.live.wait(timeout)
            self._draw()

    async def finished(self, timeout: float = LONGEST_WAIT) -> None:
        """Wait without blocking until the strip is up to date."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while (self._due is not None or self._busy) and loop.time() < end:
            await asyncio.sleep(SECONDS_BETWEEN_POLLS)

    def fold(self) -> None:
        """Show one sentence instead of one line per method."""
        self.each.value = False

    def close(self) -> None:
        """End the worker of the strip."""
        if self._due is not None:
            self._due.cancel()
        if self._pumping is not None:
            self._pumping.cancel()
        if self.live is not None:
            self.live.close()

    @property
    def _busy(self) -> bool:
        return self.live is not None and self.live.busy

    def _unfold(self) -> None:
        for part in (self.strip, self.call):
            show(part, self.each.value)
        self._draw()

    def _hear(self, change: Change) -> None:
        if change == "settings" or (change == "rows" and self.live is None):
            self.refresh()

    def _ask(self) -> None:
        self._due = None
        if self.live is None:
            if self.state.busy:  # the runs at the opening come first: they need the processor
                return
            self.live = Live(self.state.worker.another())
        question, settings = self.state.question, self.state.settings.parameters
        asked = None if question is None else question.key, repr(settings)
        if asked != self._asked:
            self._asked, self._asked_at = asked, time.monotonic()
            self.live.ask(question, settings)
            self._draw()
            self._follow()

    def _follow(self) -> None:
        if self._busy and (self._pumping is None or self._pumping.done()):
            try:
                self._pumping = asyncio.get_running_loop().create_task(self._pump())
            except RuntimeError:
                return

    async def _pump(self) -> None:
        while self._busy and self.live is not None:
            if self.live.pump():
                self._draw()
            await asyncio.sleep(SECONDS_BETWEEN_POLLS)

    def _draw(self) -> None:
        if self.live is None:
            return
        answers = self.live.answers
        lines = [Line(a.bound, a.fresh) for a in answers if a.bound is not None]
        if self.each.value:
            self.strip.value = strip_html(lines, _waiting_text(answers, self.state.timings))
        (self.status.add_class if self.live.busy else self.status.remove_class)("lx-stale")
        if not self.live.busy:
            fresh = [line.bound for line in lines if line.fresh]
            self._say(self._problem() or strip_sentence(fresh))
            self.show_call()

    def _problem(self) -> str:
        if self.live is not None and self.live.problem:
            return self.live.problem
        return self.state.problem

    def _say(self, text: str) -> None:
        self.status.value = f'<div role="status" aria-live="polite">{escape(text)}</div>'


def _waiting_text(answers: tuple[Answer, ...], timings: Timings) -> str:
    """Name the methods that have no live value, and why."""
    missing = [answer for answer in answers if answer.bound is None and answer.fresh]
    waiting = [answer for answer in missing if answer.why == WAITS]
    failures: dict[str, list[str]] = {}
    for answer in missing:
        if answer.why != WAITS:
            failures.setdefault(answer.why, []).append(short_label(answer.method))
    lines = [f"{', '.join(names)}: {why}." for why, names in failures.items()]
    if waiting:
        texts = (_expected_text(a.method, timings.expected(a.method, a.seconds)) for a in waiting)
        lines.append(f"Not live: {', '.join(texts)}.")
    return " ".join(lines)


def _expected_text(method: str, seconds: float) -> str:
    label = short_label(method)
    return f"{label} (about {seconds_text(seconds)})" if seconds < float("inf") else label
