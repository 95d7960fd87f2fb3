"""What the command line says about itself: where to start, commands by group, examples."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Mapping
from typing import Final

START: Final = """start here:
  lipexplore doctor
  lipexplore show digits-64-20-10-relu
  lipexplore bound digits-64-20-10-relu --method norm-product --output 3
  lipexplore bound digits-64-20-10-relu --method lipopt-lp --output 3 --certificate proof.json
  lipexplore verify proof.json digits-64-20-10-relu
"""

GROUPS: Final = {
    "look": ("methods", "show", "explore", "doctor"),
    "prove": ("bound", "implicit", "certify", "verify"),
    "many bounds at once": ("sweep", "report", "compare", "reproduce"),
}

EXAMPLES: Final = {
    "methods": "lipexplore methods",
    "doctor": "lipexplore doctor",
    "show": "lipexplore show digits-64-20-10-relu",
    "explore": "lipexplore explore net.npz --port 9000",
    "bound": """\
lipexplore bound digits-64-20-10-relu --method lipopt-lp --degree 2 --output 3
lipexplore bound digits-64-20-10-relu --method exact --output 3 --minus 8
lipexplore bound net.npz --method path --center x.npy --radius 0.1 --json
lipexplore bound net.npz --method shor --norm l2 --output all""",
    "implicit": "lipexplore implicit implicit-digits-64-40-10-robust --norm linf",
    "certify": "lipexplore certify net.npz --property lipschitz --certificate proof.json",
    "verify": "lipexplore verify proof.json net.npz",
    "sweep": "lipexplore sweep spec.toml --out runs",
    "report": "lipexplore report runs --out report",
    "reproduce": "lipexplore reproduce --out runs/reproduce",
    "compare": "lipexplore compare runs-before runs-after",
}
"""Commands to copy; net.npz, x.npy and spec.toml stand for files of the reader."""

HINT: Final = "`lipexplore COMMAND --help` has the options and an example of each command."


class Wrapped(argparse.HelpFormatter):
    """Help in which descriptions are wrapped and lines of examples stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return "".join(indent + line for line in text.splitlines(keepends=True))
        return super()._fill_text(text, width, indent)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


def example_of(name: str) -> str | None:
    """Return what stands under the options of a command."""
    if name not in EXAMPLES:
        return None
    return "example:\n" + textwrap.indent(EXAMPLES[name], "  ") + "\n"


def overview(texts: Mapping[str, str]) -> str:
    """Return the commands by group, each with its sentence, wrapped to the terminal."""
    width = max(shutil.get_terminal_size().columns - 2, 40)
    lines = [START]
    others = [name for name in texts if not any(name in group for group in GROUPS.values())]
    for title, names in {**GROUPS, "other": tuple(others)}.items():
        present = [name for name in names if name in texts]
        lines += [f"{title}:"] * bool(present)
        for name in present:
            first, indent = f"  {name:<11}", " " * 13
            lines.append(
                textwrap.fill(texts[name], width, initial_indent=first, subsequent_indent=indent)
            )
        lines += [""] * bool(present)
    return "\n".join([*lines, textwrap.fill(HINT, width)]) + "\n"
