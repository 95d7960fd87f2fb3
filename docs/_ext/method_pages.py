"""A page for every bound method, written from METHODS, and the table that leads to them."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path

from sphinx.application import Sphinx

from docs._ext.pages import ROOT, cell, write_pages
from lipexplore.bounds import METHODS, BoundMethod

NETWORK = "digits-64-20-10-relu"
OTHER_EXAMPLES = {
    "lipopt-lasserre": f"{NETWORK}-zeros95 --method lipopt-lasserre --norm linf --output 3",
    "coupled-sdp": "net.npz --method coupled-sdp --norm linf --center x.npy --radius 0.5",
    "activation-patterns": "spline-sine-l2-relu --method activation-patterns --norm linf",
}
"""Commands for the methods that do not answer for the example of the table of methods."""

SMALL_FILES = """\
```python
import numpy as np
import lipexplore
from lipexplore.networks.generators import random_dense

lipexplore.save_network(random_dense((4, 6, 1), seed=0), "net.npz")
np.save("x.npy", np.full(4, 0.3))  # the centre of the ball
```

"""
ROW = re.compile(r"^\| `([\w-]+)` \|[^|]+\|[^|]+\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "methods", pages()))
    return {"parallel_read_safe": True}


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    return {"index.md": index()} | {f"{m.name}.md": page(m) for m in METHODS}


def in_the_table() -> dict[str, tuple[str, str]]:
    """Return the example value and the line of each method in docs/bound-methods.md."""
    text = (ROOT / "docs" / "bound-methods.md").read_text(encoding="utf-8")
    return {name: (example.strip(), line) for name, example, line in ROW.findall(text)}


def command(method: type[BoundMethod]) -> str:
    """Return an example for the command line that runs in seconds."""
    norm = "linf" if "linf" in norms(method) else "l2"
    usual = f"{NETWORK} --method {method.name} --norm {norm} --output 3"
    return "lipexplore bound " + OTHER_EXAMPLES.get(method.name, usual)


def norms(method: type[BoundMethod]) -> str:
    """Return the names of the input norms that the method knows."""
    return ", ".join(norm.value for norm in method.norms)


def bounds_what(method: type[BoundMethod]) -> str:
    """Return the constant and the side."""
    ends = {"upper": "from above", "lower": "from below", "interval": "from above and below"}
    return f"{method.of} {ends[method.side]}"


def index() -> str:
    """Return the table of all methods."""
    table = in_the_table()
    lines = [
        "# Bound methods",
        "",
        "One page for each method in `lipexplore.METHODS`: what it bounds, for which questions,",
        "its settings, an example and its sources. *Example* is the proven number for output 3 of",
        f"`{NETWORK}`, norm linf, whole space, default settings; {{doc}}`/bounds-table` has all",
        "shipped networks, {doc}`/how-to/choose-a-method` helps to choose.",
        "",
        "| method | bounds | norms | example | in one line |",
        "|---|---|---|---|---|",
    ]
    for method in METHODS:
        example, line = table[method.name]
        what = cell(bounds_what(method))
        link = f"[`{method.name}`]({method.name}.md)"
        lines.append(f"| {link} | {what} | {norms(method)} | {example} | {line} |")
    names = "\n".join(method.name for method in METHODS)
    return "\n".join(lines) + f"\n\n```{{toctree}}\n:hidden:\n\n{names}\n```\n"


def page(method: type[BoundMethod]) -> str:
    """Return the page of one method."""
    home, name = method.__module__, method.__qualname__
    file = Path(inspect.getsourcefile(method) or "").resolve().relative_to(ROOT)
    example = in_the_table()[method.name][0]
    value = f"**{example}**" if example[0].isdigit() else f"none ({example})"
    files = SMALL_FILES if "net.npz" in command(method) else ""
    sources = "\n".join(f"* {source}" for source in method.sources)
    return f"""\
# `{method.name}`: {method.label}

{method.explanation}

{facts(method)}

## Settings

{settings(method)}

## Example

{files}```sh
{command(method)}
```

Output 3 of `{NETWORK}`, norm linf, whole space, default settings: {value}.

## In detail

```{{eval-rst}}
.. autoclass:: {home}.{name}
   :no-members:
   :no-index:
   :exclude-members: __init__
```

## Sources

{sources}

Code: `{file}`. Limits on sizes, time and memory: {{doc}}`/limits`.
"""


def facts(method: type[BoundMethod]) -> str:
    """Return what the method answers for, as a table."""
    joint = ", ".join(norm.value for norm in method.joint_norms)
    depths = ", ".join(map(str, method.depths or ())) or "any"
    rows = {
        "bounds": cell(bounds_what(method)),
        "input norms": norms(method),
        "regions": f"{'' if method.bounded_regions_only else 'whole space, '}ball, box",
        "hidden layers": depths,
        "activations": ", ".join(method.activations or ()) or "all",
        "several outputs": f"jointly for {joint}, else one by one" if joint else "one by one",
    }
    lines = [f"| {name} | {text} |" for name, text in rows.items()]
    return "\n".join(["| question | answer |", "|---|---|", *lines])


def settings(method: type[BoundMethod]) -> str:
    """Return the table of the method's fields."""
    if not fields(method):
        return "None."
    lines = ["| in Python | on the command line | default | meaning |", "|---|---|---|---|"]
    for item in fields(method):
        meaning = item.metadata["help"]
        if "choices" in item.metadata:
            meaning += ": " + ", ".join(f"`{choice}`" for choice in item.metadata["choices"])
        if item.metadata.get("minimum") is not None:
            meaning += f"; at least {item.metadata['minimum']:g}"
        default = "empty" if item.default is None else f"`{item.default}`"
        option = "--" + item.name.replace("_", "-")
        option = "--of P or L" if item.name == "target" else f"{option} X"
        lines.append(f"| `{item.name}` | `{option}` | {default} | {cell(meaning)} |")
    return "\n".join(lines)
