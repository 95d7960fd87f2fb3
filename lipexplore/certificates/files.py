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

from lipexplore.certificates.chain import ChainCertificate
from lipexplore.certificates.chain_check import proven_chain_square
from lipexplore.certificates.check import Coefficients, norm_polynomials, proven_value
from lipexplore.certificates.coupled_check import proven_coupled
from lipexplore.certificates.lmi import LMICertificate
from lipexplore.certificates.lmi_check import proven_square, with_one_input
from lipexplore.certificates.sums_check import proven_sum
from lipexplore.certificates.sums_fields import sums_fields
from lipexplore.certificates.sums_of_squares import SumsCertificate
from lipexplore.certificates.tables import TableCertificate, root_above
from lipexplore.certificates.tree_check import check_trees
from lipexplore.certificates.trees import TreeCertificate
from lipexplore.errors import InvalidCertificate, LipexploreError
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges, layer_slice, slope_ranges
from lipexplore.norms import Norm
from lipexplore.regions import Region, region_from_dict

KRIVINE = "lipexplore-krivine-1"
SLOPE_LMI = "lipexplore-slope-lmi-1"
SLOPE_CHAIN = "lipexplore-slope-chain-1"
SLOPE_TREE = "lipexplore-slope-tree-1"
SUMS_OF_SQUARES = "lipexplore-sums-of-squares-1"
COUPLED_SUMS = "lipexplore-coupled-sums-1"

Part = TableCertificate | LMICertificate | ChainCertificate | TreeCertificate | SumsCertificate
Proof = tuple[Fraction, int, int]
MALFORMED = (
    LipexploreError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What wrong fields of a file may raise."""
NOTHING = {"exponent": 0, "grams": [], "region": [], "subsets": [], "multipliers": []}


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
        Number of positive multipliers and of Gram matrices.
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
    parts, path
        One certificate per polynomial of the question, or that of its matrix inequality; the file.
    """
    fields = {"format": _kind(parts[0]), **question, "parts": [_part(part) for part in parts]}
    Path(path).write_text(json.dumps({**fields, "digest": _digest(fields)}), encoding="ascii")


def _kind(certificate: Part) -> str:
    if isinstance(certificate, LMICertificate):
        return SLOPE_LMI
    if isinstance(certificate, ChainCertificate):
        return SLOPE_CHAIN
    if isinstance(certificate, TreeCertificate):
        return SLOPE_TREE
    if isinstance(certificate, TableCertificate):
        return KRIVINE
    coupled = "x" in certificate.relaxation.source.blocks
    return COUPLED_SUMS if coupled else SUMS_OF_SQUARES


def _part(certificate: Part) -> dict[str, Any]:
    if isinstance(certificate, SumsCertificate):
        return sums_fields(certificate)
    if isinstance(certificate, LMICertificate):
        return {
            "outer": certificate.outer,
            "inputs": certificate.inputs.tolist(),
            "units": certificate.units.tolist(),
        }
    if isinstance(certificate, ChainCertificate):
        return {
            "column": certificate.column,
            "outer": certificate.outer,
            "inputs": certificate.inputs.tolist(),
            "units": [layer.tolist() for layer in certificate.units],
        }
    if isinstance(certificate, TreeCertificate):
        return {
            "column": certificate.column,
            "branches": list(certificate.branches),
            "leaves": [
                leaf and {"inputs": leaf[0].tolist(), "units": leaf[1].tolist()}
                for leaf in certificate.leaves
            ],
        }
    return {
        "entry": list(certificate.entry) if certificate.entry else None,
        "exponent": certificate.exponent,
        "subsets": [row for block in certificate.subsets for row in block.tolist()],
        "multipliers": [row for block in certificate.multipliers for row in block.tolist()],
    }


def load_certificate(path: str | Path) -> dict[str, Any]:
    """Read a certificate file and check that no field was changed or lost.

    Parameters
    ----------
    path
        A file of :func:`write_certificate`.

    Raises
    ------
    InvalidCertificate
        If the file is missing, is no certificate, or does not match its own digest.
    """
    try:
        fields = json.loads(Path(path).read_text(encoding="ascii"))
    except FileNotFoundError:
        raise InvalidCertificate(f"{path}: there is no such file") from None
    except (OSError, ValueError, RecursionError):
        raise InvalidCertificate(f"{path}: this is no certificate file") from None
    if not isinstance(fields, dict) or str(fields.get("format")) not in PROOFS:
        raise InvalidCertificate(f"{path}: the field 'format' is none of {', '.join(PROOFS)}")
    if fields.pop("digest", None) != _digest(fields):
        raise InvalidCertificate(f"{path}: a field was changed after the file was written")
    return fields


def verify_certificate(fields: Mapping[str, Any], network: Network) -> Verdict:
    """Recompute slope ranges, region and polynomial or matrix from the network; check the claim.

    Only the question, the multipliers and the claimed value are taken from the certificate. The
    arithmetic is rational; large matrices are checked by Cholesky with a proven margin.

    Parameters
    ----------
    fields, network
        What :func:`load_certificate` returns, and the network that the claim is about.

    Raises
    ------
    InvalidCertificate
        If it belongs to another network, is incomplete, or proves less than it claims.
    """
    try:
        (proven, root, count), claimed = _proven(fields, network), float(fields["value"])
    except InvalidCertificate:
        raise
    except MALFORMED as problem:
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
    return PROOFS[fields["format"]](fields, part, region, slopes)


def _krivine_proof(
    fields: Mapping[str, Any], part: Network, _region: Region, slopes: SlopeRanges
) -> Proof:
    def prove(polynomial: Coefficients, proof: Mapping[str, Any]) -> Fraction:
        return proven_value(polynomial, proof["subsets"], proof["multipliers"], proof["exponent"])

    return _largest_proof(fields, part, slopes, prove)


def _sums_proof(
    fields: Mapping[str, Any], part: Network, _region: Region, slopes: SlopeRanges
) -> Proof:
    return _largest_proof(fields, part, slopes, proven_sum)


def _largest_proof(
    fields: Mapping[str, Any],
    part: Network,
    slopes: SlopeRanges,
    prove: Callable[[Coefficients, Mapping[str, Any]], Fraction],
) -> Proof:
    """Return the largest bound of the question's polynomials; one without a part gets no help."""
    norm = Norm.parse(fields["norm"])
    part.head(fields["output"], fields["minus"])  # refuses outputs that do not exist
    polynomials = norm_polynomials(part, slopes, norm, fields["output"], fields["minus"])
    proofs = {tuple(p["entry"]) if p["entry"] else None: p for p in fields["parts"]}
    values = [prove(p, proofs.get(entry, NOTHING)) for entry, p in polynomials.items()]
    return max(values), 2 if norm is Norm.L2 else 1, sum(map(_count, fields["parts"]))


def _coupled_proof(
    fields: Mapping[str, Any], part: Network, region: Region, slopes: SlopeRanges
) -> Proof:
    (proof,) = fields["parts"]
    return proven_coupled(part, region, slopes, fields, proof), 1, _count(proof)


def _count(proof: Mapping[str, Any]) -> int:
    rows: Sequence[Sequence[float]] = [*proof["multipliers"], proof.get("region", ())]
    return len(proof.get("grams", ())) + sum(number > 0 for row in rows for number in row)


def _slope_lmi_proof(
    fields: Mapping[str, Any], part: Network, _region: Region, slopes: SlopeRanges
) -> Proof:
    norm, proofs = Norm.parse(fields["norm"]), fields["parts"]
    columns = range(part.n_inputs) if norm is Norm.L1 else [None]
    squares, count = [], 0
    for k, proof in zip(columns, proofs, strict=True):
        network, own = (part, norm) if k is None else (with_one_input(part, k), Norm.L2)
        multipliers = (proof["outer"], proof["inputs"], proof["units"])
        question = (fields["output"], fields["minus"])
        squares.append(proven_square(network, slopes, own, *question, *multipliers))
        count += 1 + sum(number > 0 for number in (*proof["inputs"], *proof["units"]))
    return max(squares), 2, count


def _slope_chain_proof(
    fields: Mapping[str, Any], part: Network, _region: Region, slopes: SlopeRanges
) -> Proof:
    norm, proofs = Norm.parse(fields["norm"]), fields["parts"]
    square = proven_chain_square(part, slopes, norm, fields["output"], fields["minus"], proofs)
    counted = (1 + sum(n > 0 for row in (p["inputs"], *p["units"]) for n in row) for p in proofs)
    return square, 2, sum(counted)


def _slope_tree_proof(
    fields: Mapping[str, Any], part: Network, _region: Region, slopes: SlopeRanges
) -> Proof:
    claimed, head = float(fields["value"]), part.head(fields["output"], fields["minus"])
    count = check_trees(head, slopes, Norm.parse(fields["norm"]), claimed, fields["parts"])
    return Fraction(claimed), 1, count


PROOFS: Mapping[str, Callable[[Mapping[str, Any], Network, Region, SlopeRanges], Proof]] = {
    KRIVINE: _krivine_proof,
    SLOPE_LMI: _slope_lmi_proof,
    SLOPE_CHAIN: _slope_chain_proof,
    SLOPE_TREE: _slope_tree_proof,
    SUMS_OF_SQUARES: _sums_proof,
    COUPLED_SUMS: _coupled_proof,
}


def _question(fields: Mapping[str, Any]) -> str:
    margin = f" minus output {fields['minus']}" if fields["minus"] is not None else ""
    layers = f", layers {fields['layers'][0]}:{fields['layers'][1]}" if fields["layers"] else ""
    output = "all outputs" if fields["output"] == "all" else f"output {fields['output']}"
    constant = "L" if fields["format"] == COUPLED_SUMS else "P*"
    slopes = fields["settings"].get("slopes", "interval")
    ranges = "" if slopes == "interval" else f", slope ranges by {slopes}"
    return (
        f"{constant} of {output}{margin}, {fields['norm']} norm, {fields['region']['kind']}"
        f"{layers}{ranges}"
    )


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
