"""The style sheet of a panel: readable on a projector, in light and dark themes."""

from __future__ import annotations

from typing import Final

STYLE: Final = """<style>
.lx-panel { --lx-font: 15px; --lx-line: 30px; --jp-widgets-font-size: var(--lx-font);
  --jp-widgets-inline-height: var(--lx-line); --jp-widgets-inline-label-width: 6.4em;
  --jp-widgets-color: var(--jp-ui-font-color1, #222); --lx-red: #c62828;
  color: var(--jp-ui-font-color1, #222); font-size: var(--lx-font); width: 100%; overflow: hidden; }
[data-jp-theme-light="false"] .lx-panel { --lx-red: #ff8a80; }
.lx-panel.lx-large { --lx-font: 20px; --lx-line: 38px; }
.lx-panel .lx-running .widget-html-content { min-height: 2.9em; }
.lx-panel .widget-html-content, .lx-panel .jupyter-widgets { line-height: 1.4; }
.lx-panel .widget-html, .lx-panel .widget-html-content { height: auto; width: 100%;
  font-size: var(--lx-font); color: var(--jp-ui-font-color1, #222); white-space: normal; }
.lx-panel h3 { font-size: 1.05em; font-weight: 600; margin: 6px 0 2px; padding: 0;
  border-bottom: 1px solid var(--jp-border-color2, #ccc); }
.lx-panel p { margin: 4px 0; font-size: inherit; line-height: 1.4; }
.lx-panel .widget-label, .lx-panel select, .lx-panel input, .lx-panel button {
  font-size: var(--lx-font); }
.lx-panel .widget-label { overflow: visible; }
.lx-panel .widget-checkbox label.widget-label-basic { font-size: var(--lx-font); }
.lx-panel .lx-toolbar { align-items: center; gap: 8px; flex-wrap: wrap; overflow: visible; }
.lx-panel .lx-toolbar button { font-weight: 600; width: auto; min-width: 6em; }
.lx-panel .lx-toolbar .widget-checkbox { width: auto; margin-left: auto; }
.lx-panel .lx-status { flex: 1 1 300px; }
.lx-panel .lx-columns { flex-wrap: wrap; gap: 14px; align-items: flex-start; overflow: visible; }
.lx-panel .lx-controls { flex: 0 0 21em; min-width: 0; max-width: 100%; overflow: hidden; }
.lx-panel .lx-controls .widget-vbox > :is(.widget-inline-hbox, .widget-hbox,
  .jupyter-button, .lx-slider) {
  width: calc(100% - 6px) !important; }
.lx-panel .lx-results { flex: 1 1 24em; min-width: min(24em, 100%); overflow: hidden; }
.lx-panel.lx-large .lx-controls { flex-basis: 19em; }
.lx-panel.lx-large .lx-results { flex-basis: 20em; min-width: min(20em, 100%); }
.lx-panel table.lx-table td.lx-size { white-space: normal; min-width: 8em; }
.lx-panel .lx-controls .widget-html { margin-top: 0; margin-bottom: 0; }
.lx-panel .lx-degrees { flex-wrap: wrap; align-items: center; overflow: visible; }
.lx-panel .lx-degrees .widget-checkbox { margin-right: 10px; }
.lx-panel .lx-degrees .widget-html { width: auto; flex: none; margin-right: 8px; }
.lx-panel .lx-methods .widget-checkbox, .lx-panel .lx-degrees .widget-checkbox {
  width: auto; height: 1.7em; line-height: 1.7em; margin-top: 0; margin-bottom: 0; }
.lx-panel .lx-scroll { overflow-x: auto; max-width: 100%; scrollbar-width: thin;
  scrollbar-color: var(--jp-border-color1, #999) transparent; }
.lx-panel .widget-html-content { min-width: 0; }
.lx-panel table.lx-table { border-collapse: collapse; font-size: 0.93em; margin: 4px 0; }
.lx-panel .lx-results table.lx-table { min-width: min(26em, 100%); }
.lx-panel table.lx-table caption { text-align: left; padding: 2px 0; caption-side: top;
  color: var(--jp-ui-font-color1, #222); }
.lx-panel table.lx-table th, .lx-panel table.lx-table td {
  padding: 2px 8px 2px 0; text-align: right;
  border-bottom: 1px solid var(--jp-border-color2, #ccc); vertical-align: top; background: none;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.lx-panel .lx-controls table.lx-table th.lx-text { white-space: normal; }
.lx-panel .lx-is-runs table.lx-table .lx-text { white-space: normal; }
.lx-panel table.lx-table th { font-weight: 600; }
.lx-panel table.lx-table .lx-text { text-align: left; }
.lx-panel table.lx-table tr.lx-selected { background: var(--jp-layout-color2, #eee);
  outline: 2px solid var(--jp-brand-color1, #1976d2); }
.lx-panel table.lx-table tr.lx-other { color: var(--jp-ui-font-color2, #666); font-style: italic; }
.lx-panel .lx-refused { color: var(--lx-red); font-weight: 600; }
.lx-panel summary { cursor: pointer; color: var(--jp-ui-font-color2, #555); }
.lx-panel .lx-downloads { margin: 4px 0; padding-left: 1.4em; }
.lx-panel .lx-downloads a { color: var(--jp-content-link-color, #1565c0); }
.lx-panel .lx-kind { margin: 4px 0 0; font-size: 0.93em; }
.lx-panel .lx-note { color: var(--jp-ui-font-color2, #555); }
.lx-panel progress { width: 11em; height: 0.9em; vertical-align: middle;
  accent-color: var(--jp-brand-color1, #1976d2); }
.lx-panel pre { background: var(--jp-layout-color2, #eee); padding: 8px 10px; overflow-x: auto;
  color: var(--jp-ui-font-color1, #222); font-size: 0.93em; line-height: 1.45; user-select: text;
  white-space: pre; word-break: normal; font-family: var(--jp-code-font-family, monospace); }
.lx-panel .lx-digit { display: flex; gap: 12px; align-items: center; margin: 4px 0; }
.lx-panel .lx-digit svg { border: 1px solid var(--jp-border-color1, #999); flex: none; }
.lx-panel .jupyter-widget-tab > .widget-tab-contents { padding: 6px 6px 0 2px; border: none;
  overflow: hidden; }
.lx-panel .jupyter-widget-tab > .lm-TabBar .lm-TabBar-content { flex-wrap: wrap; }
.lx-panel .jupyter-widget-tab > .lm-TabBar { overflow: visible; height: auto; max-height: none; }
.lx-panel .jupyter-widget-tab > .lm-TabBar .lm-TabBar-tab { flex: 0 0 auto; min-width: 0;
  padding: 0 5px; line-height: var(--lx-line); height: var(--lx-line);
  font-size: var(--lx-font); }
.lx-panel .jupyter-widget-tab .lm-TabBar-tabLabel { font-size: var(--lx-font); }
.lx-panel .lx-taps .lx-slider { --jp-widgets-inline-label-width: 2.6em; }
.lx-panel .lx-plot { overflow: hidden; }
.lx-panel .lx-plot .lx-note { font-size: var(--lx-font); }
.lx-panel .lx-plot :is(.jp-OutputArea, .jp-OutputArea-child, .jp-OutputArea-output,
  .js-plotly-plot, .plot-container, .svg-container) { min-height: inherit; }
.lx-panel .jp-OutputPrompt, .lx-panel .jp-OutputArea-prompt { display: none; }
.lx-panel .jp-OutputArea-output { padding: 0; }
.lx-panel .js-plotly-plot .cartesianlayer text, .lx-panel .js-plotly-plot .infolayer text {
  fill: var(--jp-ui-font-color1, #222) !important; }
.lx-panel .js-plotly-plot .annotation text, .lx-panel .js-plotly-plot .textpoint text {
  paint-order: stroke; stroke: var(--jp-layout-color1, #fff); stroke-width: 4px;
  stroke-linejoin: round; }
.lx-panel .js-plotly-plot .scatterlayer .point, .lx-panel .js-plotly-plot .legendpoints path {
  stroke: var(--jp-ui-font-color1, #222) !important; }
.lx-panel .js-plotly-plot .modebar-btn path { fill: var(--jp-ui-font-color2, #555) !important; }
.lx-panel .js-plotly-plot .modebar-group { background: transparent !important; }
.lx-panel .lx-unlabelled > .widget-label { position: absolute; clip-path: inset(50%); }
.lx-panel .lx-is-live > .widget-hbox { gap: 14px; align-items: center; overflow: visible; }
.lx-panel .lx-is-live .widget-checkbox { width: auto; flex: none; margin: 0; }
.lx-panel .lx-is-live > .widget-hbox > .widget-html { flex: 1 1 auto; width: auto; margin: 0; }
.lx-panel .lx-is-live > .widget-hbox > .lx-stale { opacity: 0.45; }
.lx-panel .lx-strip { width: 100%; }
.lx-panel .lx-strip td, .lx-panel .lx-strip th { padding-top: 0; padding-bottom: 0; }
.lx-panel table.lx-strip caption { font-size: 0.9em; color: var(--jp-ui-font-color2, #555); }
.lx-panel .lx-strip svg { display: block; }
.lx-panel .lx-strip .lx-band { fill: var(--jp-brand-color1, #1976d2); fill-opacity: 0.14; }
.lx-panel .lx-strip .lx-stale { opacity: 0.45; filter: grayscale(1); }
.jupyter-widgets-disconnected.lx-panel::before {
  content: "The kernel was restarted: run this cell again."; display: block; padding: 8px 12px;
  font-family: var(--jp-ui-font-family, sans-serif); font-size: var(--lx-font); float: none;
  margin-bottom: 6px; font-weight: 600; color: var(--lx-red); border: 2px solid var(--lx-red); }
.jupyter-widgets-disconnected.lx-panel .jupyter-widgets-disconnected::before { content: none; }
</style>"""
