"""Writing the certificate of a Bound to a file."""

from __future__ import annotations

from pathlib import Path

from lipexplore.bounds.method import Bound
from lipexplore.certificates.chain import ChainCertificate
from lipexplore.certificates.files import Part, write_certificate
from lipexplore.certificates.lmi import LMICertificate
from lipexplore.certificates.trees import tree_certificates
from lipexplore.errors import InvalidCertificate
from lipexplore.exact.pattern_interval import PatternInterval


def save_certificate(bound: Bound, path: str | Path) -> None:
    """Write a bound's question and multipliers as JSON, to be checked by ``lipexplore verify``.

    Parameters
    ----------
    bound
        An answer of :func:`lipexplore.bound` in this process.
    path
        The file; it is overwritten.

    Raises
    ------
    InvalidCertificate
        If the bound carries no certificate. Methods with multipliers have one for one output, and
        those with a matrix inequality also for all outputs jointly in l_2.
    """
    parts = bound.certificate if isinstance(bound.certificate, tuple) else ()
    if isinstance(bound.certificate, PatternInterval):
        parts = tree_certificates(bound.certificate.leaves)
    complete = bool(parts) and bound.verified and all(isinstance(part, Part) for part in parts)
    lmi = complete and isinstance(parts[0], LMICertificate | ChainCertificate)
    joint = lmi and bound.norm == bound.output_norm == "l2"
    if not complete or (bound.output == "all" and not joint):
        raise InvalidCertificate(
            f"{bound.method} leaves no certificate for this question: use lipopt-lp, "
            "lipopt-lasserre, coupled-sdp, slope-lmi, shor, eclipse, lipsdp-layer or exact with "
            "strategy branch, and one output"
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
