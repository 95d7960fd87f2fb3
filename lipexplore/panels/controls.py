"""Widgets made from the fields of the method dataclasses, and a few shapes of our own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, fields
from typing import Any, get_type_hints

import ipywidgets
import traitlets

from lipexplore.bounds import BoundMethod

FULL = "100%"
LARGEST_NUMBER = 10**9


def field_controls(
    method: type[BoundMethod], set_value: Callable[[str, Any], None]
) -> dict[str, ipywidgets.Widget]:
    """Return a labelled control per field of ``method``, the degree left out.

    Fields with ``choices`` become drop-downs, whole numbers number boxes, and numbers that may be
    left out text boxes. ``set_value`` receives the field's name and each new value.
    """
    hints = get_type_hints(method)
    controls = {}
    for item in fields(method):
        if item.name != "degree":
            controls[item.name] = _control(item, hints[item.name], set_value)
    return controls


def fill_fields(
    controls: Mapping[str, ipywidgets.Widget],
    method: type[BoundMethod],
    values: Mapping[str, Any],
) -> None:
    """Show ``values`` in controls of :func:`field_controls`; the method's own where there is none.

    What a control cannot show is left as it was.
    """
    usual = method().settings()
    for name, control in controls.items():
        value = values.get(name, usual[name])
        if isinstance(control, ipywidgets.Text):
            value = "" if value is None else str(value)
        with contextlib.suppress(traitlets.TraitError):
            control.value = value


def _control(
    item: Field[Any], hint: Any, set_value: Callable[[str, Any], None]
) -> ipywidgets.Widget:
    usual = {
        "description": item.name.replace("_", " "),
        "tooltip": item.metadata.get("help", ""),
        "layout": {"width": FULL},
    }
    read: Callable[[Any], Any] = _same
    if "choices" in item.metadata:
        control = ipywidgets.Dropdown(options=item.metadata["choices"], value=item.default, **usual)
    elif hint is int:
        control = ipywidgets.BoundedIntText(
            value=item.default,
            min=int(item.metadata.get("minimum", -LARGEST_NUMBER)),
            max=LARGEST_NUMBER,
            **usual,
        )
    else:
        text = "" if item.default is None else str(item.default)
        control = ipywidgets.Text(
            value=text, placeholder="automatic", continuous_update=False, **usual
        )
        read = _number_or_text
    on_value(control, lambda value: set_value(item.name, read(value)))
    return control


def on_value(control: ipywidgets.Widget, act: Callable[[Any], None]) -> None:
    """Call ``act`` with each new value of a control."""
    control.observe(lambda change: act(change["new"]), names="value")


def heading(text: str) -> ipywidgets.HTML:
    """Return a small heading between controls."""
    return ipywidgets.HTML(f"<h3>{text}</h3>")


def show(control: ipywidgets.Widget, visible: bool) -> None:
    """Show a widget or take it out of the page."""
    control.layout.display = None if visible else "none"


def boxed(children: Iterable[ipywidgets.Widget], name: str) -> ipywidgets.VBox:
    """Return a column of widgets with a class name that the style sheet knows."""
    box = ipywidgets.VBox(list(children))
    box.add_class(name)
    return box


def _same(value: Any) -> Any:
    return value


def _number_or_text(text: str) -> float | str | None:
    """Return the number, None for an empty text; other text is left for the method to refuse."""
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        return text.strip()
