"""A notebook with the workbench in a browser page: run cells, press, read, time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from jupyter_client import BlockingKernelClient

PATIENCE = 180_000
"""Milliseconds to wait for what must come: machines that run tests may be busy."""

SCREENSHOTS = Path(__file__).parents[2] / "artifacts" / "screenshots"

STOPWATCH = """
window.lx = { start: null, seen: {}, wanted: {} };
window.lxWatch = (wanted) => {
  // each entry: name -> [selector, text that it must contain or "", attribute to count or null]
  lx.seen = {}; lx.wanted = wanted; lx.start = null;
  const look = () => {
    let open = false;
    for (const [name, [selector, text]] of Object.entries(lx.wanted)) {
      if (name in lx.seen) continue;
      const hit = [...document.querySelectorAll(selector)].some(
        (node) => node.getClientRects().length && (node.textContent || "").includes(text));
      if (hit && lx.start !== null) lx.seen[name] = performance.now() - lx.start; else open = true;
    }
    if (open) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
};
for (const kind of ["click", "keydown"]) {
  document.addEventListener(kind, (event) => {
    if (kind === "keydown" && !(event.ctrlKey && event.key === "Enter")) return;
    lx.start = performance.now();
  }, true);
}
"""


class Notebook:
    """One notebook that is open in a page."""

    def __init__(self, page: Any, lab: Any, name: str = "00-explore.ipynb") -> None:
        self.page, self.lab = page, lab
        page.goto(lab.notebook(name))
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=PATIENCE)
        self.wait_until_idle()
        page.evaluate(STOPWATCH)

    def wait_until_idle(self) -> None:
        """Wait until the kernel has started."""
        self.page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=PATIENCE)

    def run_cell(self, index: int = 0) -> None:
        """Press Control+Enter in a cell until its prompt changes: early presses may be lost."""
        cell = self.page.locator(".jp-CodeCell").nth(index)
        prompt = cell.locator(".jp-InputArea-prompt")
        before = prompt.inner_text()
        for _ in range(20):
            dialog = self.page.locator("dialog.jp-Dialog")
            if dialog.count():
                dialog.get_by_role("button", name="Select").click()
            cell.locator(".cm-content").click()
            self.page.keyboard.press("Control+Enter")
            end = time.monotonic() + 1.0
            while time.monotonic() < end:
                if prompt.inner_text() != before:
                    return
                self.page.wait_for_timeout(20)
        raise AssertionError("the cell did not run")

    def watch(self, **wanted: tuple[str, str]) -> None:
        """Time, from the next click or Control+Enter, when text appears inside a selector."""
        self.page.evaluate("(wanted) => lxWatch(wanted)", {k: list(v) for k, v in wanted.items()})

    def seconds(self, name: str, timeout: float = 180.0) -> float:
        """Return the time at which a watched thing appeared."""
        self.page.wait_for_function("(n) => n in lx.seen", arg=name, timeout=1000 * timeout)
        return float(self.page.evaluate("(n) => lx.seen[n]", name)) / 1000.0

    def panel(self, index: int = 0) -> Any:
        return self.page.locator(".lx-panel").nth(index)

    def choose(self, label: str, option: str) -> None:
        self.panel().get_by_label(label, exact=True).first.select_option(label=option)

    def status(self, text: str, timeout: float = 180.0) -> None:
        self.panel().locator(".lx-status", has_text=text).wait_for(timeout=1000 * timeout)

    def shoot(self, name: str, top: bool = True) -> Path:
        """Save a screenshot with the panel at the top of the page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        if top:
            self.panel().evaluate("(node) => node.scrollIntoView({ block: 'start' })")
        self.page.mouse.move(5, 5)
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.lx-plot')].every((plot) =>"
            " !plot.getClientRects().length || plot.querySelector('.main-svg, .lx-note'))"
        )
        self.page.wait_for_timeout(400)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def kernel_pings(self, count: int, pause: float = 0.1) -> list[float]:
        """Return the seconds that the notebook's kernel takes to answer an empty request."""
        client = BlockingKernelClient(connection_file=str(self.lab.connection_files()[-1]))
        client.load_connection_file()
        client.start_channels()
        try:
            # not wait_for_ready: it waits for a silence that a running panel never makes
            _ping(client, pause)
            return [_ping(client, pause) for _ in range(count)]
        finally:
            client.stop_channels()


def _ping(client: BlockingKernelClient, pause: float) -> float:
    time.sleep(pause)
    start = time.perf_counter()
    number = client.execute("pass", silent=True, store_history=False)
    while client.get_shell_msg(timeout=30)["parent_header"]["msg_id"] != number:
        continue
    return time.perf_counter() - start
