"""Tables of a report: the same cells as HTML and as LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from lipexplore.experiments.export import LATEX

NOT_VERIFIED: Final = "NOT VERIFIED"

_MATHS: Final = {
    "∞": r"$\infty$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "×": r"$\times$",
    "ℓ": r"$\ell$",
    "₁": "$_1$",
    "₂": "$_2$",
    "–": "--",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "α": r"$\alpha$",
    "µ": r"$\mu$",
    "\n": " ",
}


@dataclass(frozen=True)
class Table:
    """A table; a cell that is a pair (text, name) is a link to that name in the page.

    Parameters
    ----------
    numeric
        Numbers of the columns, from 0, that are aligned to the right.
    """

    name: str
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str | tuple[str, str]]]
    numeric: frozenset[int] = frozenset()

    def html(self) -> str:
        """Return the table with its caption; columns can be sorted where the page has a script."""
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.head)
        body = "".join(f"<tr>{self._html_row(row)}</tr>" for row in self.rows)
        return (
            '<div class="scroll" tabindex="0" role="region" '
            f'aria-label="{escape(self.caption)}"><table><caption>{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def latex(self) -> str:
        """Return a tabular that needs no package, its caption as a comment before it."""
        columns = "".join("r" if i in self.numeric else "l" for i in range(len(self.head)))
        lines = [
            f"% {_ascii(self.caption)}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\hline",
            _latex_row(self.head),
            r"\hline",
            *map(_latex_row, self.rows),
            r"\hline",
            r"\end{tabular}",
            "",
        ]
        return "\n".join(lines)

    def markdown(self) -> str:
        """Return the table in the form of GitHub's Markdown, without the caption."""
        rule = ["---:" if i in self.numeric else "---" for i in range(len(self.head))]
        rows = [[_plain(cell).replace("|", r"\|") for cell in row] for row in self.rows]
        return "".join(f"| {' | '.join(row)} |\n" for row in (self.head, rule, *rows))

    def _html_row(self, row: Sequence[str | tuple[str, str]]) -> str:
        cells = []
        for place, cell in enumerate(row):
            style = ' class="n"' if place in self.numeric else ""
            if NOT_VERIFIED in _plain(cell):
                style = ' class="no"'
            text = escape(_plain(cell))
            if isinstance(cell, tuple):
                text = f'<a href="#{escape(cell[1])}">{text}</a>'
            cells.append(f"<td{style}>{text}</td>")
        return "".join(cells)


def latex_words(text: str) -> str:
    """Return a text for LaTeX, in ASCII: signs escaped, mathematical ones as commands."""
    return _ascii("".join(LATEX.get(sign, _MATHS.get(sign, sign)) for sign in text))


def _latex_row(row: Iterable[str | tuple[str, str]]) -> str:
    return " & ".join(latex_words(_plain(cell)) for cell in row) + r" \\"


def _plain(cell: str | tuple[str, str]) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()
