"""The command line: the same core as in Python, with one line per error."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

import numpy as np

from lipexplore import cli_compare, cli_incremental, cli_report, cli_reproduce, cli_sweep
from lipexplore.app.options import HOST, IDLE_MINUTES, PORT, USERS, Options, new_token
from lipexplore.bounds import METHODS, Bound, bound, method_class
from lipexplore.bounds.saving import save_certificate
from lipexplore.certificates.files import load_certificate, verify_certificate
from lipexplore.cli_help import Wrapped, example_of, overview
from lipexplore.cli_implicit import add_options as add_implicit_options
from lipexplore.cli_implicit import run as run_implicit
from lipexplore.cli_regions import add_region_options, region_of
from lipexplore.errors import InvalidSetting, LipexploreError
from lipexplore.networks.feedforward import Network
from lipexplore.networks.gallery import gallery_names, open_with_notes
from lipexplore.networks.layers import Dense
from lipexplore.rounding import text_above, text_below

CONSTANTS = {"P": "P*", "L": "L"}


class _Parser(argparse.ArgumentParser):
    """A parser whose mistakes are errors of this package, and which knows its commands."""

    commands: dict[str, _Parser]

    def error(self, message: str) -> NoReturn:
        raise InvalidSetting(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 2 after one line on standard error."""
    try:
        chosen = command_parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], None] = chosen.run
        run(chosen)
    except LipexploreError as problem:
        print(f"lipexplore: {problem}", file=sys.stderr)
        return 2
    except OSError as problem:
        print(f"lipexplore: {problem.filename}: {problem.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lipexplore: stopped", file=sys.stderr)
        return 130
    return 0


def command_parser() -> _Parser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="lipexplore",
        usage="lipexplore COMMAND ...",
        description="Certified bounds on the Lipschitz constants of neural networks.",
        formatter_class=Wrapped,
    )
    commands = parser.add_subparsers(
        required=True, metavar="COMMAND", prog=parser.prog, help=argparse.SUPPRESS
    )
    parser.commands = {}

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> _Parser:
        epilog = example_of(name)
        added: _Parser = commands.add_parser(
            name, description=text, epilog=epilog, formatter_class=Wrapped
        )
        added.set_defaults(run=run)
        parser.commands[name] = added
        return added

    command("methods", _methods, "list the methods with norms, settings and sources")
    command("doctor", _doctor, "check this installation: versions, solvers, a verified bound")
    show = command("show", _show, "describe a network")
    show.add_argument("network", metavar="NET", help="an .npz or .onnx file or a shipped name")
    _add_bound_options(command("bound", _bound, "bound a Lipschitz constant of a network"))
    text = "prove an implicit network well-posed, bound it and box its outputs"
    add_implicit_options(command("implicit", run_implicit, text))
    text = "certify a property of all pairs of inputs, such as contraction or invertibility"
    cli_incremental.add_options(command("certify", cli_incremental.run, text))
    text = "hold two sets of kept runs against each other"
    cli_compare.add_options(command("compare", cli_compare.run, text))
    _add_app_options(command("explore", _explore, "serve the workbench as a page without code"))
    text = "bound every combination of networks, norms, regions and methods of a file"
    cli_sweep.add_options(command("sweep", cli_sweep.run, text))
    verify = command("verify", _verify, "check a certificate without any solver")
    verify.add_argument("certificate", metavar="CERTIFICATE")
    verify.add_argument("network", metavar="NET", help="an .npz or .onnx file or a shipped name")
    text = "write a page, figures and tables about kept runs"
    cli_report.add_options(command("report", cli_report.run, text))
    text = "run the experiments of the LiPopt paper and compare the shapes of the results"
    cli_reproduce.add_options(command("reproduce", cli_reproduce.run, text))
    texts = {name: added.description or "" for name, added in parser.commands.items()}
    parser.epilog = overview(texts)
    return parser


def _add_bound_options(parser: _Parser) -> None:
    add = parser.add_argument
    add(
        "network",
        metavar="NET",
        help=f"an .npz or .onnx file or one of {', '.join(gallery_names())}",
    )
    add("--method", required=True, metavar="NAME", help=", ".join(m.name for m in METHODS))
    add("--norm", default="linf", metavar="P", help="input norm: l1, l2 or linf (default)")
    add("--output", default="0", metavar="I", help="output number (default 0), or all")
    add("--minus", type=int, metavar="J", help="bound the margin: output I minus output J")
    add("--output-norm", metavar="Q", help="with --output all: linf")
    add("--layers", type=_layers, metavar="I:J", help="weight layers I to J only, from 1")
    add_region_options(parser)
    add("--time-limit", type=float, metavar="S", help="seconds")
    add("--certificate", metavar="FILE", help="write the proof of the upper bound")
    add("--of", choices=CONSTANTS, help="the constant to bound, for methods with a target")
    add("--json", action="store_true", help="print one JSON object")
    for name, (kind, text, owners) in sorted(_settings().items()):
        option = "--" + name.replace("_", "-")
        add(option, type=kind, default=None, metavar="X", help=f"{text} ({', '.join(owners)})")


def _add_app_options(parser: _Parser) -> None:
    add = parser.add_argument
    add("networks", nargs="*", metavar="NET", help=".npz files or shipped names, listed first")
    add("--host", default=HOST, help=f"address to listen on (default {HOST}: this machine only)")
    add("--port", type=int, default=PORT, help=f"port (default {PORT}; 0: any free one)")
    add("--users", type=int, default=USERS, metavar="N", help=f"most pages (default {USERS})")
    text = f"minutes after which an idle page is ended (default {IDLE_MINUTES:g})"
    add("--idle-minutes", type=float, default=IDLE_MINUTES, metavar="M", help=text)
    add("--no-browser", action="store_true", help="print the address only")


def _settings() -> dict[str, tuple[type, str, list[str]]]:
    """Collect the fields of all methods: type, help text and the methods that have them."""
    found: dict[str, tuple[type, str, list[str]]] = {}
    for method in METHODS:
        for item in fields(method):
            kind = next((t for t in (int, float) if t.__name__ in str(item.type).split(" | ")), str)
            entry = found.setdefault(item.name, (kind, item.metadata["help"], []))
            entry[2].append(method.name)
    return found


def _layers(text: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    try:
        return int(first), int(last)
    except ValueError:
        raise InvalidSetting(f"--layers needs I:J, for instance 1:2, not {text!r}") from None


def _bound(chosen: argparse.Namespace) -> None:
    settings = {name: getattr(chosen, name) for name in _settings()}
    if chosen.of:
        settings["target"] = CONSTANTS[chosen.of]
    method = method_class(chosen.method)
    answer = bound(
        _opened(chosen.network),
        method.name,
        chosen.norm,
        region_of(chosen),
        _output(chosen.output),
        chosen.minus,
        chosen.output_norm,
        layers=chosen.layers,
        time_limit=chosen.time_limit,
        **{name: value for name, value in settings.items() if value is not None},
    )
    if chosen.certificate:
        save_certificate(answer, chosen.certificate)
    print(answer.to_json() if chosen.json else _sentence(answer))


def _output(text: str) -> int | str:
    if text == "all":
        return text
    try:
        return int(text)
    except ValueError:
        raise InvalidSetting(f"--output needs a number or all, not {text!r}") from None


def _sentence(answer: Bound) -> str:
    constant = "L <= P*" if answer.of == "P*" else "L"
    lines = []
    if np.isfinite(answer.value):
        mark = "verified" if answer.verified else "NOT VERIFIED"
        lines.append(f"{constant} <= {text_above(answer.value, 10)}   ({mark})")
    if answer.lower > 0.0:
        lines.append(f"{answer.lower_of} >= {text_below(answer.lower, 10)}   (verified)")
    if answer.size:
        lines.append("size: " + ", ".join(f"{k} {v:,}" for k, v in answer.size.items()))
    lines.append(f"{answer.method}, {answer.norm}, {answer.status}, {answer.seconds:.3g} s")
    return "\n".join(lines or ["no bound"])


def _verify(chosen: argparse.Namespace) -> None:
    if cli_incremental.verify(chosen.certificate, chosen.network):
        return
    network = _opened(chosen.network)
    verdict = verify_certificate(load_certificate(Path(chosen.certificate)), network)
    print(f"valid: {verdict.question} <= {verdict.claimed:.17g}")
    print(f"recomputed from {verdict.multipliers:,} multipliers: {verdict.proven:.17g}")


def _opened(source: str) -> Network:
    """Return a network; what its import has changed goes to standard error."""
    network, notes = open_with_notes(source)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    return network


def _show(chosen: argparse.Namespace) -> None:
    network = _opened(chosen.network)
    print(f"{network.name}: {'-'.join(map(str, network.widths))}")
    print(f"activations: {', '.join(act.name for act in network.activations) or 'none'}")
    for i, layer in enumerate(network.layers, 1):
        size = f"{layer.n_outputs} x {layer.n_inputs}, {layer.nonzeros:,} non-zeros"
        if isinstance(layer, Dense):
            print(f"weight_{i}: {size}, largest {np.abs(layer.weight).max():.4g}")
        else:
            print(f"layer {i}: {layer!r}, {size}")
    print(f"content hash: {network.content_hash}")


def _methods(chosen: argparse.Namespace) -> None:
    del chosen
    for method in METHODS:
        norms = ", ".join(norm.value for norm in method.norms)
        print(f"{method.name}: {method.side} bound of {method.of}; norms {norms}")
        print(f"    {method.explanation}")
        for item in fields(method):
            print(f"    --{item.name.replace('_', '-')}: {item.metadata['help']}")
        print(f"    source: {'; '.join(method.sources)}")


def _explore(chosen: argparse.Namespace) -> None:
    from lipexplore.app.server import open_in_browser, serve

    options = Options(
        tuple(chosen.networks),
        chosen.host,
        chosen.port,
        chosen.users,
        chosen.idle_minutes,
        new_token(chosen.host),
    )

    def tell(address: str) -> None:
        print(f"the workbench is at {address}\nControl-C ends it", flush=True)
        if not chosen.no_browser:
            open_in_browser(address)

    serve(options, tell)


def _doctor(chosen: argparse.Namespace) -> None:
    from lipexplore.doctor import findings

    del chosen
    problems = 0
    for finding in findings():
        problems += not finding.good
        print(f"{'ok ' if finding.good else 'BAD'}  {finding.subject}: {finding.text}")
    if problems:
        raise LipexploreError(f"{problems} of these need attention")


if __name__ == "__main__":
    sys.exit(main())
