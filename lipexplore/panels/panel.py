"""What every panel of the workbench is: a few widgets over one state, with words around them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from html import escape
from typing import Any, ClassVar, Literal, TypeVar

import ipywidgets

from lipexplore.panels.latest import Latest
from lipexplore.panels.state import Change, WorkbenchState

T = TypeVar("T")

FONT_SIZES = (14, 20)
"""Font sizes of figures: usual and large type."""

COVER = '<p class="lx-note">Covered until Reveal is pressed (see Predict first).</p>'

Place = Literal["side", "strip", "tab", "topic"]


class Panel(ABC):
    """One themed part of the workbench; also stands alone in a notebook cell.

    A panel is constructed hidden, with a state alone, and computes and draws nothing until
    :meth:`show`. It hears of changes through ``state.listen``; its widgets are ``children``.
    """

    name: ClassVar[str]
    """``lipexplore.panels.<name>(network)`` shows the panel alone."""
    title: ClassVar[str]
    explanation: ClassVar[str]
    """One or two sentences for someone who sees the panel for the first time; may be empty."""
    place: ClassVar[Place] = "tab"
    """Beside the tabs (controls), above them (live values), one of them, or one of the topics that
    share a tab: panels about other kinds of networks, which set ``beside = ()``."""
    beside: ClassVar[tuple[str, ...]] = ("network", "question")
    """Names of the side panels that it needs when it stands alone."""
    runs: ClassVar[bool] = False
    """Whether it needs the Run and Cancel buttons when it stands alone."""

    tells_results: ClassVar[bool] = False
    """Whether it shows proven numbers: then it is covered while the class guesses them."""

    children: tuple[ipywidgets.Widget, ...]

    def __init__(self, state: WorkbenchState) -> None:
        self.state = state
        self.visible = False
        self.font_size = FONT_SIZES[0]
        self.call = ipywidgets.HTML()
        state.listen(self._keep_call)
        if self.tells_results:
            state.predictions.listen(self._cover)

    @cached_property
    def widget(self) -> ipywidgets.VBox:
        """The explanation, the panel's own widgets, and the Python that does the same.

        Beside and above the tabs, where room is scarce, words and Python are folded away.
        """
        box = ipywidgets.VBox(self._contents())
        box.add_class(f"lx-is-{self.name}")
        return box

    @cached_property
    def _uncovered(self) -> tuple[ipywidgets.Widget, ...]:
        told = [ipywidgets.HTML(self._told)] if self.explanation and self._has_room else []
        return (*told, *self.children, self.call)

    @cached_property
    def _covered(self) -> tuple[ipywidgets.Widget, ...]:
        return (ipywidgets.HTML(COVER),)

    def _contents(self) -> tuple[ipywidgets.Widget, ...]:
        hidden = self.tells_results and self.state.predictions.hidden
        return self._covered if hidden else self._uncovered

    def _cover(self) -> None:
        """Cover the panel or uncover it; what was drawn under the cover is drawn anew."""
        self.widget.children = self._contents()
        if self.visible:
            self.show(True)

    @abstractmethod
    def refresh(self) -> None:
        """Bring the widgets up to date; does nothing costly while the panel is hidden."""

    def show(self, visible: bool) -> None:
        """Tell whether the panel is on the screen."""
        self.visible = visible
        if visible:
            self.refresh()
            self.show_call()

    def latest(
        self, work: Callable[[], T], draw: Callable[[T], None], pause: float = 0.0
    ) -> Latest[T]:
        """Return work in a thread whose result is drawn if the panel is on the screen by then.

        A plot that is drawn while its panel is hidden may stay empty when the panel is shown; what
        is left out here is asked for again by :meth:`refresh`.
        """

        def draw_if_shown(result: T) -> None:
            if self.visible:
                draw(result)

        return Latest(work, draw_if_shown, pause)

    def enlarge(self, font_size: int) -> None:
        """Draw with another font size."""
        self.font_size = font_size
        if self.visible:
            self.refresh()

    def fold(self) -> None:  # noqa: B027 (few panels need it)
        """Take little room: called where other panels stand below."""

    def tick(self) -> None:  # noqa: B027 (few panels need it)
        """Bring elapsed times up to date; called 20 times per second while something runs."""

    def click(self, clicked: dict[str, Any]) -> None:  # noqa: B027 (few panels need it)
        """Take a click on a point of a plot; every shown panel gets it.

        ``clicked`` holds the figure's ``layout.meta`` as "plot", the point's ``customdata`` as
        "point", and "x" and "y".
        """

    def zoom(self, zoomed: dict[str, Any]) -> None:  # noqa: B027 (few panels need it)
        """Take the new axis ranges of a plot; every shown panel gets them."""

    def close(self) -> None:  # noqa: B027 (few panels need it)
        """Let go of what the panel holds, a worker for instance: the page is closed."""

    def python_call(self) -> str:
        """Return the two lines of Python that do the same as the panel; may be empty."""
        return ""

    def show_call(self) -> None:
        """Show :meth:`python_call` under the panel: call it when one of its controls changed."""
        text = self.python_call()
        code = f'<pre tabindex="0" aria-label="Python code">{escape(text)}</pre>' if text else ""
        if self._has_room:
            self.call.value = code and f"<p>The same in Python:</p>{code}"
        elif code or self.explanation:
            summary = f"<summary>{escape(self.title)}: about it, and in Python</summary>"
            self.call.value = f"<details>{summary}{self._told}{code}</details>"

    @property
    def _has_room(self) -> bool:
        return self.place in ("tab", "topic")

    @property
    def _told(self) -> str:
        return self.explanation and f'<p class="lx-note">{escape(self.explanation)}</p>'

    def _keep_call(self, change: Change) -> None:
        if change == "settings" and self.visible:
            self.show_call()
