"""Unfolded sparse recovery: errors by layer, input Lipschitz bounds, the generalization gap."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import ipywidgets

from lipexplore.figures.unfolded_bars import lipschitz_figure
from lipexplore.figures.unfolded_errors import errors_figure
from lipexplore.figures.unfolded_gap import gap_figure, terms_by_kind
from lipexplore.figures.unfolded_scaling import scaling_figure
from lipexplore.panels.controls import heading, on_value
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.slider import Slider
from lipexplore.panels.state import WorkbenchState
from lipexplore.panels.unfolded_slow import DEPTHS, WANTED, Slow, slow
from lipexplore.panels.unfolded_view import CODES, KINDS, Request, View, view
from lipexplore.rounding import text_above

MOST_KEPT = 32


class UnfoldedPanel(Panel):
    """Draws at once what is quick; programs, sampling and training follow when sliders rest.

    Until they do, their last values stay, marked as those of the setting before.
    """

    name = "unfolded"
    title = "Unfolded sparse recovery"
    explanation = (
        "Each step of ISTA is a layer: a linear map, then a soft threshold. A few such layers can "
        "be trained. How far can the trained network be from what it does on new data? The theorem "
        "bounds that for all networks of the class at once: which of its terms dominates, and what "
        "does sharing parameters between layers save?"
    )
    place = "topic"
    beside = ()

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._view: View | None = None
        self._slow: dict[Request, Slow] = {}
        self._last: Slow | None = None
        self._scaling_drawn: tuple[Request, bool, int] | None = None
        self._make_controls()
        self.text, self.status = ipywidgets.HTML(), ipywidgets.HTML()
        self.errors, self.bars, self.gap, self.scaling = Plot(), Plot(), Plot(), Plot()
        first = [self.layers, self.measurements, self.step]
        sliders = [*first, self.groups, self.sparsity, self.weight]
        columns = {"grid_template_columns": "repeat(auto-fill, minmax(19em, 1fr))"}
        controls = (self.kind, ipywidgets.GridBox(sliders, layout={"width": "100%", **columns}))
        pairs = (
            ("Recovery error by layer", self.errors),
            ("Lipschitz constant of y → x (ISTA)", self.bars),
            ("Generalization gap: bound and measurement", self.gap),
            ("Samples for a proven gap, by depth", self.scaling),
        )
        grid = ipywidgets.HBox([_titled(name, plot) for name, plot in pairs])
        grid.layout.flex_flow = "row wrap"
        self.children = (*controls, self.text, grid, self.status)
        self._quick_work = self.latest(lambda: view(self.request), self._draw)
        self._slow_work = self.latest(self._compute_slow, self._draw_slow, pause=0.3)
        for control in (self.kind, *sliders):
            on_value(control, lambda _: self.refresh())

    @property
    def request(self) -> Request:
        """What the controls ask for."""
        return Request(
            self.kind.value,
            int(self.layers.value),
            int(self.measurements.value),
            int(self.sparsity.value),
            min(int(self.groups.value), int(self.layers.value)),
            self.step.value,
            self.weight.value,
        )

    def refresh(self) -> None:
        """Compute and draw, if the panel is on the screen."""
        if self.visible:
            self._quick_work.request()

    def python_call(self) -> str:
        """Return the bound of the class that the controls choose."""
        return (
            "from lipexplore.panels.unfolded_view import Request, view\n"
            f"view({self.request!r}).gaps[0].terms"
        )

    def _make_controls(self) -> None:
        self.kind = ipywidgets.Dropdown(
            options=KINDS,
            description="learned",
            tooltip="what training may change, within the class of the theorem",
            layout={"width": "22em"},
        )
        whole = (
            ("layers L", "steps of the iteration", 1, 12, 8),
            ("measured n", f"measurements of a signal of {CODES} numbers", 4, CODES, 12),
            ("sparsity s", "non-zeros of a signal's code", 1, 8, 3),
            ("groups", "groups of layers with parameters of their own; 1: all share", 1, 12, 1),
        )
        self.layers, self.measurements, self.sparsity, self.groups = (
            Slider(description=name, tooltip=tip, min=low, max=high, value=value, step=1.0)
            for name, tip, low, high, value in whole
        )
        self.step = Slider(
            description="step τ‖A‖²",
            tooltip="ISTA descends up to 1; up to 2 no layer expands, and beyond bounds grow fast",
            min=0.1,
            max=2.5,
            step=0.05,
            value=1.0,
        )
        self.weight = Slider(
            description="λ",
            tooltip="weight of the l1 norm; the threshold is τλ",
            min=1e-3,
            max=0.5,
            value=0.05,
            log=True,
        )

    def _compute_slow(self) -> Slow | None:
        request = self.request
        found = self._slow.get(request) or slow(request, lambda: self.request == request)
        if found is not None:
            while len(self._slow) >= MOST_KEPT:
                self._slow.pop(next(iter(self._slow)))
            self._slow[request] = found
        return found

    def _draw(self, shown: View) -> None:
        self._view = shown
        known = self._slow.get(shown.request)
        self._draw_all(known or self._last)
        if known is None:
            self._say(
                "Values marked old are of the setting before. Bounding, sampling and training …"
            )
            self._slow_work.request()
        self.show_call()

    def _draw_slow(self, known: Slow | None) -> None:
        if known and self._view is not None and known.request == self._view.request:
            self._draw_all(known)

    def _draw_all(self, known: Slow | None) -> None:
        shown, size = self._view, self.font_size
        if shown is None:
            return
        self._last = known
        old = known is not None and known.request != shown.request
        later = {} if known is None else known.bounds
        learned = {} if known is None else known.errors
        bounds = {"naive (formula)": shown.naive, **later}
        stale = {*later, *learned, "sampled"} if old else set()
        errors = errors_figure({**shown.errors, **learned}, stale=stale, font_size=size)
        self.errors.draw(errors, "recovery error by layer")
        told = (f"{name} {text_above(bounds[name])}" for name in bounds if name not in stale)
        sampled = None if known is None else known.sampled
        bars = lipschitz_figure(bounds, sampled, shown.active, stale=stale, font_size=size)
        self.bars.draw(bars, ", ".join(told))
        measured = [(run.samples, run.gap) for run in known.learned] if known else []
        gap = gap_figure(shown.gaps, measured, stale=old, font_size=size)
        self.gap.draw(gap, sentence(shown))
        if known:
            self._draw_scaling(known, shown.request)
        told_now = f'<p role="status" aria-live="polite">{escape(sentence(shown))}</p>'
        self.text.value = told_now + blocks_table(shown)
        if known and not old:
            self._say(gaps_text(known))

    def _draw_scaling(self, known: Slow, now: Request) -> None:
        """Draw the numbers for all depths, which stay what they are when the depth changes."""
        old = replace(known.request, layers=now.layers, groups=now.groups) != now
        drawn = (replace(known.request, layers=1, groups=1), old, self.font_size)
        if drawn != self._scaling_drawn:
            needed = (DEPTHS, known.needed, "layers L", WANTED)
            figure = scaling_figure(*needed, stale=old, font_size=self.font_size)
            self.scaling.draw(figure, "samples needed by depth")
            self._scaling_drawn = drawn

    def _say(self, text: str) -> None:
        self.status.value = f'<div role="status" aria-live="polite">{escape(text)}</div>'


def sentence(shown: View) -> str:
    """Say from how many samples on the theorem says something, and which term is largest."""
    middle = next(g for g in shown.gaps if g.samples >= 10**4)
    kinds = terms_by_kind(middle)
    largest = max(kinds, key=lambda kind: kinds[kind])
    useful = [g.samples for g in shown.gaps if not g.vacuous]
    since = f"from about {useful[0]:,} samples on" if useful else "for none of these m"
    return (
        f"With m = {middle.samples:,} training samples of {shown.request.measurements} "
        "measurements each the bound is "
        f"{text_above(middle.value, 4)}; no loss is above {middle.trivial:g}, "
        f"so it says something {since}. Its largest term is {largest!r} "
        f"({kinds[largest]:.3g}). It holds with probability 0.95 for every network of the class; "
        "its constants are derived anew, not the paper's."
    )


def blocks_table(shown: View) -> str:
    """Return the blocks of the class and their constants K as a folded table."""
    rows = "".join(
        f"<tr><td>{escape(b.name)}</td><td>{b.dimension}</td><td>{text_above(b.radius, 4)}</td>"
        f"<td>{text_above(b.constant, 4)}</td></tr>"
        for b in shown.blocks
    )
    return (
        "<details><summary>Blocks of the class and their constants K</summary><table><tr>"
        "<th>block</th><th>numbers k</th><th>radius r</th><th>K / √m</th></tr>"
        f"{rows}</table></details>"
    )


def gaps_text(known: Slow) -> str:
    """Say what was measured beside what is proven."""
    parts = [
        f"m = {run.samples}: training {run.train_loss:.3f}, new data {run.test_loss:.3f}, "
        f"gap {run.gap:.3f}, proven at most {text_above(run.bound.value, 3)}"
        for run in known.learned
    ]
    return f"Measured losses |h(y) - x| (estimates). {'; '.join(parts)}."


def _titled(name: str, plot: Plot) -> ipywidgets.VBox:
    return ipywidgets.VBox([heading(name), plot.widget], layout={"flex": "1 1 26em"})
