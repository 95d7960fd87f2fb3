"""Certificates of sums of squares on disk: a round trip, and every way to tamper with one."""

import json
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds.saving import save_certificate
from lipexplore.certificates import files, sums_check
from lipexplore.certificates.files import load_certificate, verify_certificate
from lipexplore.cli import main
from lipexplore.errors import InvalidCertificate
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from tests.certificates.forging import forge
from tests.oracles import exact_lipschitz, is_upper, linf_halfspaces, polynomial_maximum
from tests.poisons import POISONS

BALL = lipexplore.Ball(np.array([0.1, 0.2, 0.3]), 0.25, "l2")
BOX = lipexplore.Box(np.zeros(3), np.array([0.3, 1.0, 0.7]))
SUMS, COUPLED = "lipopt-lasserre", "coupled-sdp"
NETWORKS = {SUMS: random_dense((3, 4, 3, 3), 0, "silu"), COUPLED: random_dense((3, 5, 3), 0)}
FORMATS = {SUMS: "lipexplore-sums-of-squares-1", COUPLED: "lipexplore-coupled-sums-1"}
QUESTIONS = {
    "whole space": (SUMS, {}),
    "l2": (SUMS, {"norm": "l2", "output": 1}),
    "l1": (SUMS, {"norm": "l1", "output": 2, "minus": 0}),
    "cliques": (SUMS, {"variant": "cliques"}),
    "triangles": (SUMS, {"variant": "triangles", "norm": "l2"}),
    "ball": (SUMS, {"region": BALL, "slopes": "back-substitution"}),
    "slice": (SUMS, {"layers": (2, 3), "region": lipexplore.Ball(np.zeros(3), 0.5), "output": 2}),
    "coupled": (COUPLED, {"region": BALL, "output": 1}),
    "coupled, margin": (COUPLED, {"region": BALL, "output": 1, "minus": 2}),
    "coupled, box": (COUPLED, {"region": BOX, "products": "pairs"}),
    "coupled, none": (COUPLED, {"region": BOX, "products": "none"}),
    "coupled, triangles": (COUPLED, {"region": BOX, "products": "triangles"}),
    "coupled, slice": (COUPLED, {"region": BOX, "layers": (1, 2)}),
}


def saved(folder, method, network=None, **question):
    network = network or NETWORKS[method]
    answer = lipexplore.bound(network, method, **question)
    path = folder / "certificate.json"
    save_certificate(answer, path)
    return answer, path


@pytest.mark.parametrize("question", QUESTIONS)
def test_round_trip(tmp_path, question):
    method, settings = QUESTIONS[question]
    answer, path = saved(tmp_path, method, **settings)
    fields = load_certificate(path)
    verdict = verify_certificate(fields, NETWORKS[method])
    assert fields["format"] == FORMATS[method]
    assert verdict.claimed == answer.value
    assert verdict.proven <= answer.value
    assert verdict.proven == pytest.approx(answer.value, rel=1e-9)
    assert verdict.question.startswith(f"{answer.of} of output")
    assert verdict.multipliers > len(fields["parts"])


@pytest.mark.parametrize("method", FORMATS)
def test_a_constant_gradient(tmp_path, method):
    network = lipexplore.Network([np.eye(2), [[1.0, 1.0]]], [[-5.0, -5.0], None])
    _, path = saved(tmp_path, method, network, region=lipexplore.Ball(np.zeros(2), 1.0))
    assert verify_certificate(load_certificate(path), network).proven == 0.0


@pytest.fixture(scope="module", params=FORMATS)
def honest(request, tmp_path_factory):
    """Return a network, the fields of a certificate and the exact constant that it is about."""
    network = NETWORKS[request.param]
    region = lipexplore.Ball(np.array([0.1, 0.2, 0.3]), 0.5)
    _, path = saved(tmp_path_factory.mktemp("honest"), request.param, region=region)
    slopes = slope_ranges(network, region)
    if request.param == SUMS:
        truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "linf")
    else:
        halfspaces = linf_halfspaces(region.center, region.radius)
        relu = [(0, 1)]
        truth = exact_lipschitz(network.weights, network.biases, relu, "linf", halfspaces)
    return network, load_certificate(path), truth


def test_any_changed_or_missing_field_fails(tmp_path, honest):
    network, fields, _ = honest
    path = tmp_path / "c.json"
    forge(path, fields)
    whole = json.loads(path.read_text())
    for field in whole:
        missing = {key: value for key, value in whole.items() if key != field}
        for tampered in (missing, {**whole, field: [1] if field == "parts" else 1}):
            path.write_text(json.dumps(tampered))
            with pytest.raises(InvalidCertificate):
                verify_certificate(load_certificate(path), network)


def test_a_forged_digest_does_not_help(tmp_path, honest):
    network, fields, _ = honest
    (part,) = fields["parts"]
    (gram,), tables, subsets = part["grams"], part["multipliers"], part["subsets"]
    rows, basis = gram["rows"], gram["basis"]

    def with_rows(change):
        return {"grams": [{**gram, "rows": [[change(x) for x in row] for row in rows]}]}

    lowered = [[*row[:-1], row[-1] - 1e-3] for row in rows]
    parts = [
        with_rows(lambda x: -x),
        with_rows(lambda x: 0.9 * x),
        with_rows(lambda x: 2.0 * x),
        with_rows(lambda x: float("nan")),
        with_rows(lambda x: float("inf")),
        with_rows(str),
        with_rows(bool),
        with_rows(int),
        {"grams": [{**gram, "rows": lowered}]},
        {"grams": [{**gram, "rows": rows[:-1]}]},
        {"grams": [{**gram, "rows": rows[::-1]}]},
        {"grams": [{**gram, "basis": basis[::-1]}]},
        {"grams": [{**gram, "basis": basis[:-1]}]},
        {"grams": [{**gram, "basis": [[-1] for _ in basis]}]},
        {"grams": [{**gram, "basis": [["0"] for _ in basis]}]},
        {"grams": [gram, gram]},
        {"grams": []},
        {"grams": None},
        {"multipliers": [[0.9 * c for c in table] for table in tables]},
        {"multipliers": [[-c for c in table] for table in tables]},
        {"multipliers": [[1e300 for _ in table] for table in tables]},
        {"multipliers": [[float("inf") for _ in table] for table in tables]},
        {"multipliers": [table[:-1] for table in tables]},
        {"multipliers": tables[:-1]},
        {"multipliers": tables[:-1], "subsets": subsets[:-1]},
        {"multipliers": tables[::-1]},
        {"subsets": [[0] * len(subset) for subset in subsets]},
        {"subsets": [[-1, *subset[1:]] for subset in subsets]},
        {"region": [*part["region"], 1.0]},
        {"exponent": part["exponent"] - 1},
        {"exponent": float(part["exponent"])},
        {"exponent": 10**9},
        {"entry": [0, 1]} if fields["format"] == FORMATS[SUMS] else {"region": []},
    ]
    others = FORMATS[COUPLED if fields["format"] == FORMATS[SUMS] else SUMS]
    forgeries = [
        *({"parts": [{**part, **change}]} for change in parts),
        {"parts": []},
        {"value": fields["value"] * (1 - 1e-8)},
        {"value": float("nan")},
        {"value": float("inf")},
        {"value": -1.0},
        {"network_hash": "0" * 64},
        {"format": others},
        {"format": "lipexplore-krivine-1"},
        {"output": 1},
        {"output": 7},
        {"output": "all"},
        {"minus": 1},
        {"norm": "l2"},
        {"norm": "l3"},
        {"layers": [2, 2]},
        {"layers": [0, 9]},
        {"settings": {}} if fields["format"] == FORMATS[COUPLED] else {"settings": None},
        {"region": {"kind": "whole space"}},
        {"region": {"kind": "moon"}},
        {"region": {**fields["region"], "radius": 5.0}},
        {"region": {**fields["region"], "radius": -1.0}},
        {"region": {**fields["region"], "center": [0.1, 0.2, 0.2]}},
    ]
    path = tmp_path / "c.json"
    for forgery in forgeries:
        forge(path, {**fields, **forgery})
        with pytest.raises(InvalidCertificate):
            verify_certificate(load_certificate(path), network)
    forge(path, fields)
    verify_certificate(load_certificate(path), network)


def spoiled(part, poison, rng):
    """Return the part with every list of numbers spoiled, as far as a list can hold the result."""

    def spoil(numbers):
        result = poison(np.array(numbers), rng)
        return None if result is None else result.tolist()

    flat = [number for row in part["grams"][0]["rows"] for number in row]
    ends = np.cumsum([0, *(len(row) for row in part["grams"][0]["rows"])])
    grams = spoil(flat)
    rows = grams and [grams[a:b] for a, b in pairwise(ends)]
    yield {**part, "grams": [{**part["grams"][0], "rows": rows}]}
    yield {**part, "region": spoil(part["region"])}
    yield {**part, "multipliers": [spoil(row) for row in part["multipliers"]]}


def undercut(honest):
    """Return the poisons with which numbers in the file prove less than the truth."""
    network, fields, truth = honest
    rng = np.random.default_rng(0)
    found = set()
    for name, poison in POISONS.items():
        for part in spoiled(fields["parts"][0], poison, rng):
            forged = {**fields, "parts": [part], "value": 1e12}
            try:
                proven = verify_certificate(forged, network).proven
            except InvalidCertificate:
                continue
            if not is_upper(proven, truth, "linf"):
                found.add(name)
    return found


def test_spoiled_numbers_prove_nothing_false(honest):
    assert undercut(honest) == set()


def test_teeth_without_the_proof_of_definiteness(honest, monkeypatch):
    monkeypatch.setattr(sums_check, "_is_semidefinite", lambda rows: True)
    assert undercut(honest)


def test_teeth_without_the_sign_of_tables(honest, monkeypatch):
    network, fields, truth = honest
    (part,) = fields["parts"]
    more = {"subsets": [*part["subsets"], [0]], "multipliers": [*part["multipliers"], [-1.0, -1.0]]}
    forged = {**fields, "parts": [{**part, **more}]}
    with pytest.raises(InvalidCertificate, match="negative"):
        verify_certificate(forged, network)
    monkeypatch.setattr(sums_check, "_non_negative", lambda row: [*map(sums_check._units, row)])
    monkeypatch.setattr(files, "root_above", lambda value, root: float(value))
    assert verify_certificate(forged, network).proven < truth


def test_orders_too_large_for_rationals(tmp_path, honest, monkeypatch):
    network, fields, _ = honest
    exact = verify_certificate(fields, network)
    monkeypatch.setattr(sums_check, "LARGEST_EXACT_CUBES", 0)
    assert verify_certificate(fields, network) == exact
    (part,) = fields["parts"]
    rows = [[*row[:-1], row[-1] - 1e-6] for row in part["grams"][0]["rows"]]
    forged = {**part, "grams": [{**part["grams"][0], "rows": rows}]}
    with pytest.raises(InvalidCertificate, match="not positive semidefinite"):
        verify_certificate({**fields, "parts": [forged], "value": 1e9}, network)


def test_a_large_gram_matrix_of_its_own():
    """m^T G m has the maximum 1^T G 1 where every entry is positive: the proof of -m^T G m <= 0."""
    rng = np.random.default_rng(0)
    factor = rng.random((70, 80))
    gram = np.tril(factor @ factor.T) + np.eye(70)
    polynomial = {}
    for i in range(70):
        for j in range(i + 1):
            key = frozenset({i, j})
            weight = Fraction(float(gram[i, j])) * (1 if i == j else 2)
            polynomial[key] = polynomial.get(key, Fraction(0)) - weight
    part = {
        "exponent": 0,
        "grams": [
            {
                "basis": [[i] for i in range(70)],
                "rows": [row[: i + 1] for i, row in enumerate(gram.tolist())],
            }
        ],
        "region": [],
        "subsets": [],
        "multipliers": [],
    }
    assert sums_check.proven_sum(polynomial, part) == 0
    part["grams"][0]["rows"][-1][-1] = 1.0
    with pytest.raises(InvalidCertificate, match="not positive semidefinite"):
        sums_check.proven_sum(polynomial, part)


@pytest.mark.parametrize("method", FORMATS)
def test_all_outputs_leave_no_certificate(tmp_path, method):
    region = lipexplore.Ball(np.zeros(3), 0.1)
    answer = lipexplore.bound(NETWORKS[method], method, region=region, output="all")
    with pytest.raises(InvalidCertificate, match="one output"):
        save_certificate(answer, tmp_path / "c.json")


@pytest.mark.parametrize("method", FORMATS)
def test_from_the_command_line(tmp_path, capsys, method):
    network, path, proof = NETWORKS[method], tmp_path / "net.npz", tmp_path / "proof.json"
    arrays = {f"weight_{i}": w for i, w in enumerate(network.weights, 1)}
    arrays |= {f"bias_{i}": b for i, b in enumerate(network.biases, 1)}
    np.savez(path, activation=network.activations[0].name, **arrays)
    np.save(tmp_path / "center.npy", np.full(3, 0.2))
    command = ["bound", str(path), "--method", method, "--certificate", str(proof)]
    assert main([*command, "--center", str(tmp_path / "center.npy"), "--radius", "0.3"]) == 0
    assert main(["verify", str(proof), str(path)]) == 0
    assert "valid: " in capsys.readouterr().out
