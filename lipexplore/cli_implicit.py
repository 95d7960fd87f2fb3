"""The command ``lipexplore implicit``: certificate, bound and box of an implicit network."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np

from lipexplore.bounds import Bound
from lipexplore.errors import InvalidNetwork, InvalidRegion, InvalidSetting, NoContraction
from lipexplore.networks.gallery import gallery_names, open_model
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.properties.implicit.bounds import IMPLICIT_METHODS, implicit_bound
from lipexplore.properties.reachability import reachable_box
from lipexplore.regions import WHOLE_SPACE, Ball
from lipexplore.rounding import Array, text_above, text_below


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add, names = parser.add_argument, ", ".join(gallery_names("implicit"))
    add("network", metavar="NET", help=f"an .npz file of kind implicit{names and f' or {names}'}")
    methods = ", ".join(method.name for method in IMPLICIT_METHODS)
    add("--method", default="closed-form", metavar="NAME", help=methods)
    add("--norm", default="linf", metavar="P", help="norm on both sides: l1, l2 or linf (default)")
    add("--center", metavar="X.npy", help="centre of a box of inputs")
    add("--radius", type=float, metavar="R", help="half the box's widths")
    add("--json", action="store_true", help="print one JSON object")


def run(chosen: argparse.Namespace) -> None:
    """Print what is proven: the certificate, one bound, and the outputs' box if one was asked for.

    Raises
    ------
    InvalidNetwork, InvalidRegion, InvalidSetting
        If an argument does not fit; the message says what to do.
    """
    network = _opened(chosen.network)
    if (chosen.center is None) != (chosen.radius is None):
        raise InvalidSetting("a box of inputs needs both --center and --radius")
    center = None if chosen.center is None else _vector(chosen.center)
    region = WHOLE_SPACE if center is None else Ball(center, chosen.radius)
    answer = implicit_bound(network, chosen.method, chosen.norm, region)
    box = None if center is None else reachable_box(network, center, chosen.radius)
    text = _json(network, answer, box) if chosen.json else _lines(network, answer, box)
    sys.stdout.write(text + "\n")


def _opened(source: str) -> ImplicitNetwork:
    model = open_model(source)
    if not isinstance(model, ImplicitNetwork):
        raise InvalidNetwork(f"{source}: this is a {model.kind} network: use 'lipexplore bound'")
    return model


def _vector(path: str) -> Array:
    try:
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64).ravel()
    except (OSError, ValueError, EOFError, TypeError):
        raise InvalidRegion(f"{path}: this is no .npy file of numbers") from None


def _certificate(network: ImplicitNetwork) -> dict[str, float] | None:
    try:
        proof = network.contraction
    except NoContraction:
        return None
    return {"measure": proof.measure, "step": proof.step, "factor": proof.factor}


def _lines(network: ImplicitNetwork, answer: Bound, box: tuple[Array, Array] | None) -> str:
    proof = _certificate(network)
    lines = [f"{network.name}: {network.n_inputs}-{network.n_states}-{network.n_outputs}"]
    if proof is None:
        lines.append("no l_inf weights prove that there is one state per input")
    else:
        lines.append(
            f"one state per input: matrix measure <= {text_above(proof['measure'])} < 1; averaged "
            f"step {proof['step']:.6g}, factor {text_above(proof['factor'])}"
        )
    if np.isfinite(answer.value):
        lines.append(f"L <= P* <= {text_above(answer.value, 10)}   (verified)")
    if answer.lower > 0.0:
        lines.append(f"{answer.lower_of} >= {text_below(answer.lower, 10)}   (verified)")
    lines.append(f"{answer.method}, {answer.norm}, {answer.status}, {answer.seconds:.3g} s")
    for k, (low, high) in enumerate(zip(*box, strict=True) if box else ()):
        lines.append(f"output {k}: from {text_below(low, 8)} to {text_above(high, 8)}")
    return "\n".join(lines)


def _json(network: ImplicitNetwork, answer: Bound, box: tuple[Array, Array] | None) -> str:
    fields: dict[str, Any] = {**answer.to_dict(), "certificate": _certificate(network)}
    if box is not None:
        fields["outputs"] = {"lower": box[0].tolist(), "upper": box[1].tolist()}
    return json.dumps(fields, indent=2, allow_nan=False)
