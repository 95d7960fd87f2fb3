"""Clicks in a panel: on points of plots, and on Run and Cancel, which answer at once."""

from __future__ import annotations

from typing import Final

import anywidget
import traitlets

SCRIPT: Final = """
function render({ model, el }) {
  let count = 0;
  let observer = null;
  let settler = null;
  const gone = new AbortController();
  const nameOf = (plot) => (plot.layout && plot.layout.meta) || "";
  const hook = (plot) => {
    if (plot.dataset.lxHooked || typeof plot.on !== "function") return;
    plot.dataset.lxHooked = "yes";
    plot.on("plotly_click", (event) => {
      const point = event.points[0];
      model.set("clicked", { plot: nameOf(plot), point: point.customdata, x: point.x, y: point.y,
        count: ++count });
      model.save_changes();
    });
    plot.on("plotly_relayout", (change) => {
      if (!Object.keys(change).some((key) => key.includes("axis"))) return;
      model.set("zoomed", { plot: nameOf(plot), change, count: ++count });
      model.save_changes();
    });
  };
  const watch = () => {
    const panel = el.closest("." + model.get("scope"));
    if (!panel) { requestAnimationFrame(watch); return; }
    const scan = () => panel.querySelectorAll(".js-plotly-plot").forEach(hook);
    observer = new MutationObserver(scan);
    observer.observe(panel, { childList: true, subtree: true });
    scan();
    // the answer to a press does not wait for the way to the kernel and back
    panel.addEventListener("click", (event) => {
      const status = panel.querySelector(".lx-status [role=status]");
      if (!status || !event.target.closest) return;
      if (event.target.closest(".lx-run")) status.textContent = "Starting.";
      const running = status.textContent.startsWith("Running");
      if (running && event.target.closest(".lx-cancel")) status.textContent = "Cancelling.";
    }, { capture: true, signal: gone.signal });
    // a plot that is resized while it is drawn may stay blank or keep its old margins
    let width = panel.clientWidth, timer = null;
    settler = new ResizeObserver(() => {
      if (panel.clientWidth === width) return;
      width = panel.clientWidth;
      clearTimeout(timer);
      timer = setTimeout(() => window.dispatchEvent(new Event("resize")), 250);
    });
    settler.observe(panel);
  };
  watch();
  return () => {
    gone.abort();
    [observer, settler].forEach((one) => one && one.disconnect());
  };
}
export default { render };
"""


class PlotClicks(anywidget.AnyWidget):  # type: ignore[misc]
    """Forwards clicks on the points of all plotly plots in a panel; lays them out after resizing.

    A press on Run or Cancel shows in the status line before the kernel hears of it.

    Parameters
    ----------
    scope
        A class name that only this panel has.
    """

    _esm = SCRIPT
    scope = traitlets.Unicode().tag(sync=True)
    clicked = traitlets.Dict().tag(sync=True)
    """``plot`` (the figure's ``layout.meta``), ``point`` (the point's customdata), x, y, and a
    count that makes each click a change."""
    zoomed = traitlets.Dict().tag(sync=True)
    """``plot``, and as ``change`` what plotly says of new axis ranges."""
