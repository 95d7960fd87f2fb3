"use strict";
(() => {
  const root = document.documentElement;

  const sortKey = (cell) => {
    const found = cell.textContent.replace(/,/g, "").match(/-?\d+(\.\d+)?(e[+-]?\d+)?/i);
    return cell.className === "" ? cell.textContent : found ? Number(found[0]) : Infinity;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  for (const head of document.querySelectorAll("thead th")) {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const body = head.closest("table").tBodies[0];
      const keyed = [...body.rows].map((row) => [sortKey(row.cells[head.cellIndex]), row]);
      keyed.sort((a, b) => (falling ? -1 : 1) * compare(a[0], b[0]));
      body.append(...keyed.map(([, row]) => row));
    });
  }

  const all = document.querySelectorAll("details");
  const fold = document.querySelector(".fold");
  if (fold) {
    fold.hidden = false;
    fold.addEventListener("click", () => {
      const open = fold.getAttribute("aria-pressed") !== "true";
      fold.setAttribute("aria-pressed", String(open));
      for (const item of all) item.open = open;
    });
  }
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const around = target && target.closest("details");
    if (around) {
      around.open = true;
      around.scrollIntoView();
      around.querySelector("summary").focus();
    }
  };
  addEventListener("hashchange", reveal);
  reveal();

  if (typeof Plotly === "undefined") return;
  root.classList.add("js-plots");
  const colour = () => ({ "font.color": getComputedStyle(document.body).color });
  const plots = new Set();
  const draw = (figure) => {
    const place = figure.querySelector(".live");
    const { data, layout, config } = JSON.parse(figure.querySelector("script").textContent);
    layout.font.color = colour()["font.color"];
    place.style.minHeight = "0";
    Plotly.newPlot(place, data, layout, config);
    plots.add(place);
  };
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      draw(target.parentNode);
    }
  }, { rootMargin: "300px" });
  for (const place of document.querySelectorAll(".live")) {
    place.hidden = false;
    watch.observe(place);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const place of plots) Plotly.relayout(place, colour());
  });
})();
