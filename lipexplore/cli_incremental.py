"""The command ``lipexplore certify``: a property of all pairs of inputs, and its certificates."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lipexplore.cli_regions import add_region_options, array_of, region_of
from lipexplore.errors import InvalidNetwork
from lipexplore.networks.feedforward import Network
from lipexplore.networks.files import Model, load_model
from lipexplore.networks.gallery import gallery_model, gallery_names, open_with_notes
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.properties.incremental.table import METRICS, PROPERTIES
from lipexplore.rounding import text_above, text_below

if TYPE_CHECKING:
    from lipexplore.properties.incremental.maps import IncrementalMap
    from lipexplore.properties.incremental_qc import IncrementalBound


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("network", metavar="NET", help="an .npz or .onnx file or a shipped name, of any kind")
    add("--property", required=True, dest="prop", metavar="NAME", help=", ".join(PROPERTIES))
    add("--norm", default="l2", metavar="P", help="input norm of lipschitz: l2 (default) or linf")
    add("--supply", metavar="Q.npy", help="the matrix Q of dissipativity")
    add("--slopes", default="interval", metavar="HOW", help="interval or back-substitution")
    add_region_options(parser)
    add("--time-limit", type=float, metavar="S", help="seconds")
    add("--certificate", metavar="FILE", help="write the multipliers that prove it")
    add("--json", action="store_true", help="print one JSON object")


def run(chosen: argparse.Namespace) -> None:
    """Print what is proven, and write the certificate if one was asked for."""
    from lipexplore.properties.incremental.files import write_property
    from lipexplore.properties.incremental_qc import certify

    supply = chosen.supply and array_of(chosen.supply)
    region = region_of(chosen)
    settings = {name: getattr(chosen, name) for name in ("norm", "slopes", "time_limit")}
    found = certify(_opened(chosen.network), chosen.prop, region, supply=supply, **settings)
    if chosen.certificate:
        write_property(found, chosen.certificate)
    sys.stdout.write((_json(found) if chosen.json else _lines(found, str(region))) + "\n")


def verify(path: str, network: str) -> bool:
    """Check a certificate of this command and print what it proves; False for other files."""
    from lipexplore.properties.incremental.files import FORMAT, verify_property

    try:
        if json.loads(Path(path).read_text(encoding="ascii"))["format"] != FORMAT:
            return False
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return False
    verdict = verify_property(path, _opened(network))
    asked, claimed = PROPERTIES[verdict.prop], f"{verdict.claimed:.17g}, {verdict.question}"
    sign = "<=" if asked.side == "upper" else ">="
    sys.stdout.write(f"valid: {asked.symbol} {sign} {claimed}\n{asked.claim}\n")
    sys.stdout.write(f"recomputed from the multipliers: {verdict.proven:.17g}\n")
    return True


def _opened(source: str) -> IncrementalMap:
    if source in gallery_names("implicit") and not Path(source).exists():
        model: Model = gallery_model(source)
    elif source.endswith(".npz"):
        model = load_model(source)
    else:
        model, notes = open_with_notes(source)
        sys.stderr.writelines(f"note: {note}\n" for note in notes)
    if not (isinstance(model, Network | ImplicitNetwork) or hasattr(model, "slope_system")):
        raise InvalidNetwork(f"{source}: properties of {model.kind} networks are not certified")
    return cast("IncrementalMap", model)


def _lines(found: IncrementalBound, region: str) -> str:
    asked, upper = PROPERTIES[found.prop], PROPERTIES[found.prop].side == "upper"
    text = text_above(found.value, 10) if upper else text_below(found.value, 10)
    mark = "verified" if found.verified else "holds for every map: nothing is proven"
    metric = [f"P = {found.metric.tolist()}"] if found.prop in METRICS and found.verified else []
    first = f"{asked.symbol} {'<=' if upper else '>='} {text}   ({mark})"
    last = f"{found.norm}, {region}, {found.status}, {found.seconds:.3g} s"
    return "\n".join([first, asked.claim, *metric, last])


def _json(found: IncrementalBound) -> str:
    names = "prop verified status seconds region network_hash norm slopes size"
    fields: dict[str, Any] = {name: getattr(found, name) for name in names.split()}
    fields["value"] = found.value if math.isfinite(found.value) else None
    fields["metric"] = found.metric.tolist() if found.verified else None
    return json.dumps(fields, indent=2, allow_nan=False)
