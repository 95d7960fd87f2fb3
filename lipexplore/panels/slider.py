"""A slider with a number box: named for screen readers, moved by keys, logarithmic if asked."""

from __future__ import annotations

from typing import Any, Final

import anywidget
import traitlets

SCRIPT: Final = """
function render({ model, el }) {
  const name = model.get("description"), steps = 200;
  const label = document.createElement("label"), range = document.createElement("input");
  const number = document.createElement("input");
  label.textContent = name;
  label.title = range.title = model.get("tooltip");
  range.type = "range";
  number.type = "number";
  number.id = label.htmlFor = "lx-" + Math.random().toString(36).slice(2);
  range.setAttribute("aria-label", name + " slider");
  const log = model.get("log"), step = log ? "any" : model.get("step");
  const low = model.get("min"), high = model.get("max");
  const from = model.get("slider_min") ?? low, to = model.get("slider_max") ?? high;
  const toPlace = (v) => log ? steps * Math.log(v / from) / Math.log(to / from) : v;
  const toValue = (p) => log
    ? Number((from * Math.pow(to / from, p / steps)).toPrecision(3)) : Number(p);
  [range.min, range.max, range.step] = log ? [0, steps, 1] : [from, to, step];
  [number.min, number.max, number.step] = [low, high, step];
  const show = () => {
    const value = model.get("value");
    if (document.activeElement !== range) range.value = toPlace(value);
    range.setAttribute("aria-valuetext", String(value));
    if (document.activeElement !== number) number.value = value;
  };
  const set = (value) => {
    if (!Number.isFinite(value)) return;
    model.set("value", Math.min(Math.max(value, low), high));
    model.save_changes();
  };
  range.addEventListener("input", () => set(toValue(range.value)));
  number.addEventListener("change", () => set(Number(number.value)));
  number.addEventListener("blur", show);
  model.on("change:value", show);
  el.classList.add("lx-slider");
  el.addEventListener("keydown", (event) => {  // keys that move the slider are no shortcuts
    if (/^(Arrow|Page|Home|End)/.test(event.key)) event.stopPropagation();
  });
  el.append(label, range, number);
  show();
}
export default { render };
"""
STYLE: Final = """
.lx-slider { display: flex; align-items: center; gap: 4px; min-height: var(--lx-line, 30px); }
.lx-slider label { flex: 0 0 var(--jp-widgets-inline-label-width, 6.4em); text-align: right;
  font-size: inherit; margin-right: 4px; white-space: nowrap; }
.lx-slider input[type=range] { flex: 1 1 6em; min-width: 4em;
  accent-color: var(--jp-brand-color1, #1976d2); }
.lx-slider input[type=number] { flex: 0 0 4.6em; width: 4.6em; font-size: inherit;
  color: var(--jp-ui-font-color1, #222); background: var(--jp-layout-color1, #fff);
  border: 1px solid var(--jp-border-color1, #999); }
"""


class Slider(anywidget.AnyWidget):  # type: ignore[misc]
    """A number between ``min`` and ``max``, sent while the slider moves; whole for ``step`` 1.

    Values outside are moved to the nearer end. ``slider_min`` and ``slider_max`` give the slider a
    smaller range than the number box.
    """

    _esm = SCRIPT
    _css = STYLE
    description = traitlets.Unicode().tag(sync=True)
    tooltip = traitlets.Unicode().tag(sync=True)
    value = traitlets.Float().tag(sync=True)
    min = traitlets.Float(0.0).tag(sync=True)
    max = traitlets.Float(1.0).tag(sync=True)
    step = traitlets.Float(1.0).tag(sync=True)
    slider_min = traitlets.Float(None, allow_none=True).tag(sync=True)
    slider_max = traitlets.Float(None, allow_none=True).tag(sync=True)
    log = traitlets.Bool(default_value=False).tag(sync=True)

    @traitlets.validate("value")  # type: ignore[untyped-decorator]
    def _within(self, proposal: dict[str, Any]) -> float:
        value: float = sorted((self.min, float(proposal["value"]), self.max))[1]
        return value
