"""The reference, written from the public names and from the help of the command line."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

from sphinx.application import Sphinx

from docs._ext.pages import ROOT, cell, write_pages
from docs._ext.public_names import DATA, GROUPS, Group, resolve
from lipexplore import cli
from lipexplore.panels import PANELS


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "reference", pages()))
    return {"parallel_read_safe": True}


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    texts = {f"{group.file}.md": page(group) for group in GROUPS}
    texts["panels.md"] += "\n" + panels()
    return {"index.md": index(), "command-line.md": command_line()} | texts


def index() -> str:
    """Return the list of pages and of the names on each."""
    lines = [
        "# Reference",
        "",
        "Generated from the source: every public name with its shapes, units and errors.",
        "`Array` is a NumPy array of float64; shapes stand in brackets, n_0 is the number of",
        "inputs, n_1, ..., n_d those of the hidden units. Lengths and radii are in units of the",
        "input, bounds in units of the output over units of the input, times in seconds.",
    ]
    for group in GROUPS:
        links = ", ".join(f"{{py:obj}}`{n.rpartition('.')[2]} <{n}>`" for n in group.names)
        lines += ["", f"**[{group.title}]({group.file}.md)**: {links}"]
    names = "\n".join(group.file for group in GROUPS)
    toctree = f"```{{toctree}}\n:hidden:\n\ncommand-line\n{names}\n```"
    lines += ["", "**[Command line](command-line.md)**: the help of every command", "", toctree]
    return "\n".join(lines) + "\n"


def page(group: Group) -> str:
    """Return one page of names."""
    entries = "\n".join(entry(name) for name in group.names)
    return f"# {group.title}\n\n{group.intro}\n\n```{{eval-rst}}\n{entries}\n```\n"


def entry(dotted: str) -> str:
    """Return the directive that documents one name, and where its code is."""
    if dotted in DATA:
        return f".. py:data:: {dotted}\n\n   {DATA[dotted]}\n"
    value = resolve(dotted)
    file = Path(inspect.getsourcefile(inspect.unwrap(value)) or "").resolve().relative_to(ROOT)
    if not inspect.isclass(value):
        return f".. autofunction:: {dotted}\n\n   *Code:* ``{file}``\n"
    options = "   :members:\n" if value.__doc__ and not issubclass(value, Exception) else ""
    return f".. autoclass:: {dotted}\n{options}\n   *Code:* ``{file}``\n"


def panels() -> str:
    """Return the table of all panels."""
    lines = [
        "## All panels",
        "",
        "| `lipexplore.panels.` | title | what it shows |",
        "|---|---|---|",
    ]
    for panel in PANELS:
        lines.append(f"| `{panel.name}(network)` | {panel.title} | {cell(panel.explanation)} |")
    return "\n".join(lines) + "\n"


def command_line() -> str:
    """Return the help of lipexplore and of each of its commands."""
    os.environ["COLUMNS"] = "100"
    parser = cli.command_parser()
    parts = ["# Command line", f"```text\n{parser.format_help()}```"]
    for name, command in parser.commands.items():
        parts.append(f"## lipexplore {name}\n\n```text\n{command.format_help()}```")
    return "\n\n".join(parts) + "\n"
