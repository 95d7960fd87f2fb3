"""Certificates as JSON files: written from a Bound, checked against a network."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from lipexplore.certificates.check import norm_polynomials, proven_value
from lipexplore.certificates.tables import TableCertificate, root_above
from lipexplore.errors import InvalidCertificate, LipexploreError
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import layer_slice, slope_ranges
from lipexplore.norms import Norm
from lipexplore.regions import region_from_dict

FORMAT = "lipexplore-krivine-1"


@dataclass(frozen=True)
class Verdict:
    """What a certificate proves, recomputed without any solver.

    Parameters
    ----------
    claimed
        The bound that the file states.
    proven
        The bound that follows from its multipliers, rounded up; never above ``claimed``.
    question
        One line that says of what.
    products
        Number of products with a positive multiplier.
    """

    claimed: float
    proven: float
    question: str
    products: int


def write_certificate(
    question: Mapping[str, Any], parts: Sequence[TableCertificate], path: str | Path
) -> None:
    """Write a question, its proven value and the multipliers as JSON.

    Parameters
    ----------
    question
        ``network_hash``, ``norm``, ``output``, ``minus``, ``layers``, ``region``, ``settings`` and
        ``value``.
    parts
        One certificate per polynomial of the question.
    """
    fields = {"format": FORMAT, **question, "parts": [_part(part) for part in parts]}
    Path(path).write_text(json.dumps({**fields, "digest": _digest(fields)}), encoding="ascii")


def _part(certificate: TableCertificate) -> dict[str, Any]:
    return {
        "entry": list(certificate.entry) if certificate.entry else None,
        "exponent": certificate.exponent,
        "subsets": [row for block in certificate.subsets for row in block.tolist()],
        "multipliers": [row for block in certificate.multipliers for row in block.tolist()],
    }


def load_certificate(path: str | Path) -> dict[str, Any]:
    """Read a certificate file and check that no field was changed or lost.

    Raises
    ------
    InvalidCertificate
        If the file is missing, is no certificate, or does not match its own digest.
    """
    try:
        fields = json.loads(Path(path).read_text(encoding="ascii"))
    except FileNotFoundError:
        raise InvalidCertificate(f"{path}: there is no such file") from None
    except (OSError, ValueError):
        raise InvalidCertificate(f"{path}: this is no certificate file") from None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise InvalidCertificate(f"{path}: the field 'format' is not {FORMAT!r}")
    if fields.pop("digest", None) != _digest(fields):
        raise InvalidCertificate(f"{path}: a field was changed after the file was written")
    return fields


def verify_certificate(fields: Mapping[str, Any], network: Network) -> Verdict:
    """Recompute polynomial, slope ranges and region from the network and check the claim exactly.

    Only the question, the multipliers and the claimed value are taken from the certificate.

    Raises
    ------
    InvalidCertificate
        If it belongs to another network, is incomplete, or proves less than it claims.
    """
    try:
        proven, claimed = _proven(fields, network), float(fields["value"])
    except InvalidCertificate:
        raise
    except (LipexploreError, KeyError, TypeError, ValueError, IndexError) as problem:
        raise InvalidCertificate(f"the certificate is malformed: {problem}") from None
    root = 2 if fields["norm"] == "l2" else 1
    if not math.isfinite(claimed) or claimed < 0.0 or proven > Fraction(claimed) ** root:
        raise InvalidCertificate(
            f"the multipliers prove {root_above(proven, root):.17g} only, "
            f"not the claimed {claimed:.17g}"
        )
    products = sum(
        integer > 0 for part in fields["parts"] for row in part["multipliers"] for integer in row
    )
    return Verdict(claimed, root_above(proven, root), _question(fields), products)


def _proven(fields: Mapping[str, Any], network: Network) -> Fraction:
    if fields["network_hash"] != network.content_hash:
        raise InvalidCertificate(
            "the certificate belongs to another network: the content hashes differ"
        )
    layers = tuple(fields["layers"]) if fields["layers"] else None
    part, region = layer_slice(network, region_from_dict(fields["region"]), layers)
    part.head(fields["output"], fields["minus"])  # refuses outputs that do not exist
    polynomials = norm_polynomials(
        part,
        slope_ranges(part, region, fields["settings"].get("slopes", "interval")),
        Norm.parse(fields["norm"]),
        fields["output"],
        fields["minus"],
    )
    proofs = {tuple(p["entry"]) if p["entry"] else None: p for p in fields["parts"]}
    nothing = {"subsets": [], "multipliers": [], "exponent": 0}
    values = []
    for entry, polynomial in polynomials.items():
        proof = proofs.get(entry, nothing)
        values.append(
            proven_value(polynomial, proof["subsets"], proof["multipliers"], proof["exponent"])
        )
    return max(values)


def _question(fields: Mapping[str, Any]) -> str:
    margin = f" minus output {fields['minus']}" if fields["minus"] is not None else ""
    layers = f", layers {fields['layers'][0]}:{fields['layers'][1]}" if fields["layers"] else ""
    return (
        f"P* of output {fields['output']}{margin}, {fields['norm']} norm, "
        f"{fields['region']['kind']}{layers}"
    )


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
