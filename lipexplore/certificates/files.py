"""Certificates as JSON files: written from a Bound, checked against a network."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from lipexplore.certificates.check import norm_polynomials, proven_value
from lipexplore.certificates.lmi import LMICertificate
from lipexplore.certificates.lmi_check import proven_square
from lipexplore.certificates.tables import TableCertificate, root_above
from lipexplore.errors import InvalidCertificate, LipexploreError
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges, layer_slice, slope_ranges
from lipexplore.norms import Norm
from lipexplore.regions import region_from_dict

KRIVINE = "lipexplore-krivine-1"
SLOPE_LMI = "lipexplore-slope-lmi-1"

Part = TableCertificate | LMICertificate
Proof = tuple[Fraction, int, int]


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
    multipliers
        Number of positive multipliers.
    """

    claimed: float
    proven: float
    question: str
    multipliers: int


def write_certificate(question: Mapping[str, Any], parts: Sequence[Part], path: str | Path) -> None:
    """Write a question, its proven value and the multipliers as JSON.

    Parameters
    ----------
    question
        ``network_hash``, ``norm``, ``output``, ``minus``, ``layers``, ``region``, ``settings`` and
        ``value``.
    parts
        One certificate per polynomial of the question, or that of its matrix inequality.
    """
    kind = SLOPE_LMI if isinstance(parts[0], LMICertificate) else KRIVINE
    fields = {"format": kind, **question, "parts": [_part(part) for part in parts]}
    Path(path).write_text(json.dumps({**fields, "digest": _digest(fields)}), encoding="ascii")


def _part(certificate: Part) -> dict[str, Any]:
    if isinstance(certificate, LMICertificate):
        return {
            "outer": certificate.outer,
            "inputs": certificate.inputs.tolist(),
            "units": certificate.units.tolist(),
        }
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
    if not isinstance(fields, dict) or fields.get("format") not in PROOFS:
        raise InvalidCertificate(f"{path}: the field 'format' is none of {', '.join(PROOFS)}")
    if fields.pop("digest", None) != _digest(fields):
        raise InvalidCertificate(f"{path}: a field was changed after the file was written")
    return fields


def verify_certificate(fields: Mapping[str, Any], network: Network) -> Verdict:
    """Recompute slope ranges, region and polynomial or matrix from the network; check the claim.

    Only the question, the multipliers and the claimed value are taken from the certificate. The
    arithmetic is rational, but for matrices of large order, which are checked by Cholesky
    factorisation with a proven margin.

    Raises
    ------
    InvalidCertificate
        If it belongs to another network, is incomplete, or proves less than it claims.
    """
    try:
        (proven, root, count), claimed = _proven(fields, network), float(fields["value"])
    except InvalidCertificate:
        raise
    except (LipexploreError, KeyError, TypeError, ValueError, IndexError) as problem:
        raise InvalidCertificate(f"the certificate is malformed: {problem}") from None
    if not math.isfinite(claimed) or claimed < 0.0 or proven > Fraction(claimed) ** root:
        raise InvalidCertificate(
            f"the multipliers prove {root_above(proven, root):.17g} only, "
            f"not the claimed {claimed:.17g}"
        )
    return Verdict(claimed, root_above(proven, root), _question(fields), count)


def _proven(fields: Mapping[str, Any], network: Network) -> Proof:
    """Return a rational, of which root the claim is about it, and how many multipliers count."""
    if fields["network_hash"] != network.content_hash:
        raise InvalidCertificate(
            "the certificate belongs to another network: the content hashes differ"
        )
    layers = tuple(fields["layers"]) if fields["layers"] else None
    part, region = layer_slice(network, region_from_dict(fields["region"]), layers)
    slopes = slope_ranges(part, region, fields["settings"].get("slopes", "interval"))
    return PROOFS[fields["format"]](fields, part, slopes)


def _krivine_proof(fields: Mapping[str, Any], part: Network, slopes: SlopeRanges) -> Proof:
    norm = Norm.parse(fields["norm"])
    part.head(fields["output"], fields["minus"])  # refuses outputs that do not exist
    polynomials = norm_polynomials(part, slopes, norm, fields["output"], fields["minus"])
    proofs = {tuple(p["entry"]) if p["entry"] else None: p for p in fields["parts"]}
    nothing = {"subsets": [], "multipliers": [], "exponent": 0}
    values = []
    for entry, polynomial in polynomials.items():
        proof = proofs.get(entry, nothing)
        values.append(
            proven_value(polynomial, proof["subsets"], proof["multipliers"], proof["exponent"])
        )
    count = sum(
        integer > 0 for proof in fields["parts"] for row in proof["multipliers"] for integer in row
    )
    return max(values), 2 if norm is Norm.L2 else 1, count


def _slope_lmi_proof(fields: Mapping[str, Any], part: Network, slopes: SlopeRanges) -> Proof:
    norm, (proof,) = Norm.parse(fields["norm"]), fields["parts"]
    multipliers = (proof["outer"], proof["inputs"], proof["units"])
    square = proven_square(part, slopes, norm, fields["output"], fields["minus"], *multipliers)
    return square, 2, 1 + sum(number > 0 for number in (*proof["inputs"], *proof["units"]))


PROOFS: Mapping[str, Callable[[Mapping[str, Any], Network, SlopeRanges], Proof]] = {
    KRIVINE: _krivine_proof,
    SLOPE_LMI: _slope_lmi_proof,
}


def _question(fields: Mapping[str, Any]) -> str:
    margin = f" minus output {fields['minus']}" if fields["minus"] is not None else ""
    layers = f", layers {fields['layers'][0]}:{fields['layers'][1]}" if fields["layers"] else ""
    output = "all outputs" if fields["output"] == "all" else f"output {fields['output']}"
    return f"P* of {output}{margin}, {fields['norm']} norm, {fields['region']['kind']}{layers}"


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
