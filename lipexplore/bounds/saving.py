"""Writing the certificate of a Bound to a file."""

from __future__ import annotations

from pathlib import Path

from lipexplore.bounds.method import Bound
from lipexplore.certificates.files import write_certificate
from lipexplore.certificates.lmi import LMICertificate
from lipexplore.certificates.tables import TableCertificate
from lipexplore.errors import InvalidCertificate


def save_certificate(bound: Bound, path: str | Path) -> None:
    """Write a bound's question and multipliers as JSON, to be checked by ``lipexplore verify``.

    Raises
    ------
    InvalidCertificate
        If the bound carries no certificate: only lipopt-lp for one output and slope-lmi for one
        output or for all jointly have one.
    """
    parts = bound.certificate if isinstance(bound.certificate, tuple) else ()
    kind: type = TableCertificate
    if parts and isinstance(parts[0], LMICertificate) and bound.verified:
        kind = LMICertificate
    joint = kind is LMICertificate and bound.norm == bound.output_norm == "l2"
    complete = bool(parts) and all(isinstance(part, kind) for part in parts)
    if not complete or (bound.output == "all" and not joint):
        raise InvalidCertificate(
            f"{bound.method} leaves no certificate for this question: use lipopt-lp or slope-lmi "
            "with one output"
        )
    question = {
        "network_hash": bound.network_hash,
        "norm": bound.norm,
        "output": bound.output,
        "minus": bound.minus,
        "layers": list(bound.layers) if bound.layers else None,
        "region": dict(bound.region),
        "settings": dict(bound.settings),
        "value": bound.value,
    }
    write_certificate(question, parts, path)
