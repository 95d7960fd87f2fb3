"""The Python that asks what the panel asks."""

from __future__ import annotations

from collections.abc import Sequence

from lipexplore.panels.settings import PlannedRun, Question


def script(question: Question, runs: Sequence[PlannedRun], time_limit: float | None = None) -> str:
    """Return a program that makes the network and the region and bounds the same constant."""
    lines = ["import lipexplore"]
    if question.network_code.startswith("random_"):
        generator = question.network_code.partition("(")[0]
        lines.append(f"from lipexplore.networks.generators import {generator}")
    if "digits_for" in question.region_code:
        lines.append("from lipexplore.training import digits_for")
    lines += ["", f"network = {question.network_code}", f"region = {question.region_code}"]
    lines += [f"question = {_arguments(question, time_limit)}", ""]
    for run in runs:
        settings = "".join(f", {name}={value!r}" for name, value in run.settings.items())
        lines.append(f'lipexplore.bound(network, "{run.method}", **question{settings})')
    return "\n".join(lines)


def _arguments(question: Question, time_limit: float | None) -> str:
    arguments: dict[str, object] = {"norm": question.norm, "output": question.output}
    if question.minus is not None:
        arguments["minus"] = question.minus
    if question.layers is not None:
        arguments["layers"] = question.layers
    if time_limit is not None:
        arguments["time_limit"] = time_limit
    items = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"dict(region=region, {items})"
