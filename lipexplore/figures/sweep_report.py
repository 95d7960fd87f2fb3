"""A report on the runs of sweeps: a page, and its figures and tables for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lipexplore.experiments.questions import Question, questions
from lipexplore.experiments.report import MEANING
from lipexplore.experiments.report_page import Part, figure_html, page_html
from lipexplore.experiments.report_tables import Table
from lipexplore.experiments.store_tables import write_table
from lipexplore.figures.charts import Chart
from lipexplore.figures.charts_plotly import height_of, plotly_json
from lipexplore.figures.charts_print import pdf_bytes
from lipexplore.figures.charts_svg import marker_definitions, svg_of
from lipexplore.figures.comparable import summary
from lipexplore.figures.sweep_growth import degree_chart, growth_charts
from lipexplore.figures.sweep_questions import question_chart
from lipexplore.figures.sweep_ratios import ratio_chart
from lipexplore.figures.sweep_tables import (
    failures_table,
    methods_table,
    origins_table,
    questions_table,
    results_table,
)

if TYPE_CHECKING:
    import pandas

SEPARATE: Final = 40
"""Questions up to this number have a PDF each; more share one, a page each."""

_NO_LOWER = (
    "No question has both an upper bound and a lower bound of L, so there is no ratio to draw: "
    "add sampled-gradient or gradient-ascent to the sweep."
)


def write_report(
    table: pandas.DataFrame,
    folder: str | Path,
    heading: str = "Lipschitz bounds of a sweep",
    first: Sequence[Part] = (),
) -> Path:
    """Write ``report.html``, ``table.csv``, ``figures/*.pdf`` and ``tables/*.tex``.

    The bytes are the same for the same rows and package versions.

    Parameters
    ----------
    table
        Rows as :func:`lipexplore.sweep` and the store return them.
    folder
        Made if it is not there. Files of other names in it stay.
    first
        Parts that stand before all others.

    Returns
    -------
    pathlib.Path
        The page.
    """
    from plotly.offline import get_plotlyjs

    folder = Path(folder)
    found = questions(table)
    overview, details = _overview(found), [question_chart(question) for question in found]
    general = [questions_table(found), methods_table(found), failures_table(found)]
    origins = origins_table(row for question in found for row in question.rows)
    parts = [
        *first,
        Part("overview", "Tightness and cost", "".join(map(chart_html, overview)) or _NO_LOWER),
        Part("methods", "Methods", general[1].html()),
        Part("questions", "Questions", general[0].html()),
        Part("failures", "Failures", general[2].html() if general[2].rows else "No run failed."),
        Part("origins", "Machines and versions", origins.html()),
        *_details(found, details),
    ]
    page = folder / "report.html"
    folder.mkdir(parents=True, exist_ok=True)
    text = page_html(heading, _head(found), parts, get_plotlyjs())
    page.write_text(text, encoding="utf-8", newline="\n")
    write_table(table, folder / "table.csv")
    write_tables([*general, origins, *map(results_table, found)], folder)
    write_figures(overview, folder)
    if len(details) <= SEPARATE:
        write_figures(details, folder)
    else:
        (folder / "figures" / "questions.pdf").write_bytes(pdf_bytes(details))
    return page


def chart_html(chart: Chart) -> str:
    """Return a chart as a figure of the page."""
    name, plot = f"figure-{chart.name}", plotly_json(chart)
    return figure_html(name, chart.title, chart.note, svg_of(chart), plot, height_of(chart))


def write_figures(charts: Sequence[Chart], folder: Path) -> None:
    """Write each chart as ``figures/NAME.pdf``."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for chart in charts:
        (folder / "figures" / f"{chart.name}.pdf").write_bytes(pdf_bytes([chart]))


def write_tables(tables: Sequence[Table], folder: Path) -> None:
    """Write each table as ``tables/NAME.tex``."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for table in tables:
        path = folder / "tables" / f"{table.name}.tex"
        path.write_text(table.latex(), encoding="ascii", newline="\n")


def _overview(found: Sequence[Question]) -> list[Chart]:
    norms = sorted({question.norm for question in found})
    general = [ratio_chart(found, norm) for norm in norms]
    degrees = [degree_chart(found, norm) for norm in norms]
    return [chart for chart in (*general, *degrees) if chart is not None] + growth_charts(found)


def _details(found: Sequence[Question], charts: Sequence[Chart]) -> list[Part]:
    return [
        Part(
            question.name,
            question.title,
            (chart_html(chart) if chart.series else "") + results_table(question).html(),
            folded=True,
        )
        for question, chart in zip(found, charts, strict=True)
    ]


def _head(found: Sequence[Question]) -> str:
    rows = [row for question in found for row in question.rows]
    failed = sum(len(question.failures) for question in found)
    unverified = sum(not bound.verified for question in found for bound in question.bounds)
    wrong = [question.title for question in found if summary(question.bounds).contradiction]
    sentences = [
        f"{len(rows):,} runs about {len(found):,} questions; {failed:,} runs have no answer.",
        "Bounds of different questions share an axis only as ratios, each to the best lower bound "
        "of its own question.",
    ]
    text = f"<p>{' '.join(sentences)}</p><p>{escape(MEANING)}</p>"
    if unverified:
        text += f'<p class="bad">NOT VERIFIED: {unverified:,} runs. Nothing is drawn for them.</p>'
    for title in wrong:
        text += f'<p class="bad">A lower bound exceeds an upper bound in {escape(title)}.</p>'
    fold = '<button type="button" class="fold" hidden aria-pressed="false">Unfold all</button>'
    return f"{marker_definitions()}{text}{fold}"
