"""Certified properties as JSON files: written from a record, checked against the map."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lipexplore.certificates.incremental import IncrementalCertificate
from lipexplore.certificates.incremental_check import check_incremental, check_well_posed
from lipexplore.errors import InvalidCertificate, LipexploreError
from lipexplore.networks.sector_loops import has_loops
from lipexplore.norms import Norm
from lipexplore.properties.incremental.contraction import is_proven_norm
from lipexplore.properties.incremental.maps import IncrementalMap, system_of
from lipexplore.properties.incremental.question import check_question, value_of
from lipexplore.properties.incremental.table import METRICS, metric_supply
from lipexplore.properties.incremental_qc import IncrementalBound
from lipexplore.regions import WHOLE_SPACE, region_from_dict

FORMAT = "lipexplore-incremental-1"
QUESTION = ("prop", "value", "region", "network_hash", "norm", "slopes")
MALFORMED = (LipexploreError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


@dataclass(frozen=True)
class PropertyVerdict:
    """What a file proves, recomputed without any solver; never better than the file claims."""

    prop: str
    claimed: float
    proven: float
    question: str
    """Property, norm and region."""


def write_property(found: IncrementalBound, path: str | Path) -> None:
    """Write a certified property and its multipliers as JSON.

    Raises
    ------
    InvalidCertificate
        If nothing is proven.
    """
    if not found.verified:
        raise InvalidCertificate("nothing is proven, so there is no certificate to write")
    proof = found.certificate
    fields: dict[str, Any] = {"format": FORMAT, **{name: getattr(found, name) for name in QUESTION}}
    fields["level"] = proof.level
    for name in ("supply", "metric", "units", "well_posed"):
        array = getattr(proof, name)
        fields[name] = None if array is None else array.tolist()
    text = json.dumps({**fields, "digest": _digest(fields)})
    Path(path).write_text(text, encoding="ascii")


def verify_property(path: str | Path, mapping: IncrementalMap) -> PropertyVerdict:
    """Recompute slopes and matrix from the map and check what the file claims.

    Raises
    ------
    InvalidCertificate
        If the file is no certificate, was changed, belongs to another map or proves less.
    """
    try:
        fields = json.loads(Path(path).read_text(encoding="ascii"))
        digest = fields.pop("digest", None)
    except (OSError, ValueError, RecursionError, AttributeError, TypeError):
        raise InvalidCertificate(f"{path}: this is no certificate file") from None
    if fields.get("format") != FORMAT or digest != _digest(fields):
        raise InvalidCertificate(f"{path}: a field was changed, or the format is unknown")
    try:
        return _verdict(fields, mapping)
    except InvalidCertificate:
        raise
    except MALFORMED as problem:
        raise InvalidCertificate(f"the certificate is malformed: {problem}") from None


def _verdict(fields: Mapping[str, Any], mapping: IncrementalMap) -> PropertyVerdict:
    if fields["network_hash"] != mapping.content_hash:
        raise InvalidCertificate("the certificate belongs to another map: content hashes differ")
    prop, norm = fields["prop"], Norm.parse(fields["norm"])
    asked = check_question(mapping, prop, norm)
    ground = fields["well_posed"]
    proof = IncrementalCertificate(
        np.array(fields["supply"], dtype=np.float64),
        np.array(fields["metric"], dtype=np.float64),
        float(fields["level"]),
        np.array(fields["units"], dtype=np.float64),
    )
    _check_form(prop, norm, mapping, proof)
    region = region_from_dict(fields["region"])
    system = system_of(mapping, region, fields["slopes"])
    check_incremental(system, proof)
    if has_loops(system):
        check_well_posed(system_of(mapping, WHOLE_SPACE), np.array(ground, dtype=np.float64))
    claimed, proven = float(fields["value"]), value_of(asked, proof, norm)
    if not (proven <= claimed if asked.side == "upper" else proven >= claimed):
        raise InvalidCertificate(f"the multipliers prove {proven!r} only, not {claimed!r}")
    return PropertyVerdict(prop, claimed, proven, f"{prop}, {norm.value} norm, {region}")


def _check_form(
    prop: str, norm: Norm, mapping: IncrementalMap, proof: IncrementalCertificate
) -> None:
    """Refuse a Q or R that is not the property's own."""
    count, outputs = mapping.n_inputs, mapping.n_outputs
    asked = check_question(mapping, prop, norm)
    if prop in METRICS:
        right = is_proven_norm(proof.metric) and np.array_equal(
            proof.supply, metric_supply(proof.metric, flow=prop == "flow-contraction")
        )
    elif norm is Norm.LINF:
        diagonal = np.diagonal(proof.metric)
        right = np.array_equal(proof.metric, np.diag(diagonal)) and bool((diagonal >= 0.0).all())
    else:
        right = np.array_equal(proof.metric, np.eye(count))
    if prop not in (*METRICS, "dissipativity"):
        right = right and np.array_equal(proof.supply, asked.supply_of(count, outputs))
    if not right:
        raise InvalidCertificate("the certificate is about another quadratic form")


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
