"""A picture whose parts are buttons: clicked, or reached by Tab and pressed by Enter or Space."""

from __future__ import annotations

from typing import Final

import anywidget
import traitlets

SCRIPT: Final = """
function render({ model, el }) {
  let count = 0;
  const choose = (event) => {
    const part = event.target.closest("[data-choice]");
    if (!part || !el.contains(part)) return;
    event.preventDefault();
    model.set("chosen", { choice: Number(part.dataset.choice), count: ++count });
    model.save_changes();
  };
  const draw = () => {
    const focused = el.contains(document.activeElement)
      && document.activeElement.closest("[data-choice]");
    const choice = focused && focused.dataset.choice;
    el.innerHTML = model.get("html");
    const again = choice && el.querySelector(`[data-choice="${choice}"]`);
    if (again) again.focus();
  };
  el.addEventListener("click", choose);
  el.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.stopPropagation();  // or the notebook would go into its edit mode
    choose(event);
  });
  model.on("change:html", draw);
  draw();
}
export default { render };
"""
STYLE: Final = """
[data-choice] { cursor: pointer; }
[data-choice]:focus-visible { outline: 3px solid var(--jp-brand-color1, #1976d2); }
.lx-strip-of-images { display: flex; flex-wrap: wrap; gap: 4px; }
.lx-strip-of-images button { padding: 2px; line-height: 0; background: none;
  border: 2px solid var(--jp-border-color1, #999); }
.lx-strip-of-images button[aria-pressed=true] { border-color: var(--jp-brand-color1, #1976d2);
  box-shadow: 0 0 0 2px var(--jp-brand-color1, #1976d2); }
.lx-strip-of-images img { image-rendering: pixelated; width: 34px; height: 34px; }
"""


class Choices(anywidget.AnyWidget):  # type: ignore[misc]
    """Shows HTML made here; each element with ``data-choice`` (a whole number) is a button."""

    _esm = SCRIPT
    _css = STYLE
    html = traitlets.Unicode().tag(sync=True)
    chosen = traitlets.Dict().tag(sync=True)
    """``choice``, and a count that makes each click a change."""
