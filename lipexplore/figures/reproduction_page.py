"""What a report says about the experiments of the paper: claims, verdicts and curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lipexplore.experiments.questions import Question
from lipexplore.experiments.report_page import Part
from lipexplore.experiments.report_tables import Table
from lipexplore.experiments.reproduction import Experiment
from lipexplore.experiments.reproduction_verdicts import Verdict
from lipexplore.figures.charts import Chart
from lipexplore.figures.sweep_growth import curve_chart
from lipexplore.figures.sweep_report import chart_html

INTRODUCTION = (
    "Each claim is put in our words and compared with these rows; the verdict is computed. The "
    "networks are drawn anew or trained by us, smaller than those of the papers, and solvers and "
    "machines differ: what is compared is the shape, not a number. Times are single runs, two at a "
    "time on one machine."
)


@dataclass(frozen=True)
class Finding:
    """An experiment with its rows; ``missing`` of its ``runs`` are not there yet."""

    experiment: Experiment
    title: str
    questions: Sequence[Question]
    runs: int
    missing: int

    def verdicts(self) -> list[Verdict]:
        """Return a verdict per claim; none is decided while runs are missing."""
        found = [claim.verdict(self.questions) for claim in self.experiment.claims]
        if self.missing:
            note = f"; {self.missing} of {self.runs} runs are not there yet"
            return [Verdict(None, verdict.numbers + note) for verdict in found]
        if count := self.stopped:
            note = f"; {count} of the experiment's {self.runs} runs ended at their time limit"
            return [Verdict(verdict.seen, verdict.numbers + note) for verdict in found]
        return found

    @property
    def stopped(self) -> int:
        """The number of runs whose bound is looser than the method's, for lack of time."""
        rows = [row for question in self.questions for row in question.rows]
        return sum("time limit" in str(row["status"]) for row in rows)

    def charts(self) -> list[Chart]:
        """Return the curves of tightness and of run time."""
        place, x = self.experiment.x_of, self.experiment.x_title
        return [
            curve_chart(
                f"{self.experiment.name}-{what}",
                f"{self.title}: {words}",
                self.questions,
                place,
                x,
                seconds=what == "seconds",
            )
            for what, words in (("ratio", "tightness"), ("seconds", "run time"))
        ]


def claims_table(findings: Sequence[Finding]) -> Table:
    """Return one row per claim: where it comes from, the verdict and its numbers."""
    rows = [
        [finding.experiment.name, claim.words, claim.source, verdict.words, verdict.numbers]
        for finding in findings
        for claim, verdict in zip(finding.experiment.claims, finding.verdicts(), strict=True)
    ]
    head = ("experiment", "claim", "source", "verdict", "numbers")
    return Table("claims", "Claims of the papers and what our rows show", head, rows)


def reproduction_parts(findings: Sequence[Finding]) -> list[Part]:
    """Return the parts of the page: all verdicts, then each experiment with its curves."""
    summary = f"<p>{escape(INTRODUCTION)}</p>{claims_table(findings).html()}"
    return [
        Part("claims", "The paper's shapes", summary),
        *(_part(finding) for finding in findings),
    ]


def _part(finding: Finding) -> Part:
    claims = "".join(
        f'<p class="claim">{escape(claim.words)} <small>({escape(claim.source)})</small><br>'
        f'<span class="{"seen" if verdict.seen else "bad"}">{escape(verdict.words)}</span>: '
        f"{escape(verdict.numbers)}.</p>"
        for claim, verdict in zip(finding.experiment.claims, finding.verdicts(), strict=True)
    )
    figures = "".join(chart_html(chart) for chart in finding.charts() if chart.series)
    return Part(finding.experiment.name, finding.title, claims + figures)
