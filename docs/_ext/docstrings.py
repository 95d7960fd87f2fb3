"""Docstrings as they are written, made readable for reStructuredText.

They are plain text with NumPy's sections: |x| is an absolute value, P* and W_ are names. Those
signs are escaped, and indented lines become blocks of their own, as they are in the source.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

LITERAL = re.compile(r"(``.+?``|:[a-z:]+:`[^`]+`|`[^`]+`_?|(?<![\w*])\*\w[^*\n]*[\w.]\*(?![\w*]))")
SIGN = re.compile(r"[*|]|(?<=\w)_(?![A-Za-z0-9{(_])")
kept: list[str] = []
"""The docstring between the two handlers, as it was written."""

UNDERLINE = re.compile(r"^\s*-{3,}$")


def setup(app: Sphinx) -> dict[str, bool]:
    """Mend docstrings before napoleon reads their sections, and those of properties after it."""
    app.connect("autodoc-process-docstring", mend, priority=100)
    app.connect("autodoc-process-docstring", restore, priority=900)
    return {"parallel_read_safe": True}


def mend(*event: Any) -> None:
    """Change the lines, the event's last argument, in place."""
    lines: list[str] = event[-1]
    kept[:] = lines
    lines[:] = with_blocks([escaped(line) for line in lines])


def restore(*event: Any) -> None:
    """Take back what napoleon makes of a property's "A: b", which it takes for a type."""
    lines: list[str] = event[-1]
    if event[1] in ("property", "attribute", "data"):
        lines[:] = [escaped(line) for line in kept]


def escaped(line: str) -> str:
    """Return a line whose signs mean themselves, outside literals, roles and *emphasis*."""
    parts = LITERAL.split(line)
    parts[::2] = [SIGN.sub(r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def with_blocks(lines: list[str]) -> list[str]:
    """Return lines in which an indented paragraph before the first section is a line block."""
    end = next((i - 1 for i, line in enumerate(lines) if UNDERLINE.match(line)), len(lines))
    head, literal = [], False
    for i, line in enumerate(lines[:end]):
        indented = line.startswith("    ")
        if not indented and line.strip():
            literal = line.rstrip().endswith("::")
        starts = indented and (i == 0 or not lines[i - 1].strip())
        if literal or not indented:
            head.append(line)
        else:
            head += [""] * (starts and head[-1:] != [""]) + ["    | " + line.strip()]
    return head + lines[end:]
