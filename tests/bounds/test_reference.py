"""Reference values of independent code, to 1e-5 relative (they hold to 6 significant digits)."""

import json
from pathlib import Path

import numpy as np
import pytest

import lipexplore
from lipexplore.networks.slope_ranges import slope_ranges

FOLDER = Path(__file__).parents[1] / "reference"
VALUES = json.loads((FOLDER / "values.json").read_text())
NAMES = sorted(VALUES)
KRIVINE = [
    pytest.param(name, int(k), marks=[pytest.mark.slow] if entry["columns"] > 20_000 else [])
    for name in NAMES
    for k, entry in sorted(VALUES[name]["krivine_linf"].items())
]
WITH_MAXIMUM = [name for name in NAMES if VALUES[name]["polynomial_max"]]


def network(name):
    return lipexplore.load_network(FOLDER / f"{name}.npz")


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
@pytest.mark.parametrize("name", NAMES)
def test_products_and_path_bounds(name, norm):
    product = lipexplore.bound(network(name), "norm-product", norm).value
    path = lipexplore.bound(network(name), "path", norm).value
    assert product == pytest.approx(VALUES[name]["product"][norm], rel=1e-9)
    assert path == pytest.approx(VALUES[name][f"path_{norm}"], rel=1e-9)


@pytest.mark.parametrize(("name", "degree"), KRIVINE)
def test_krivine_value_and_size(name, degree):
    expected = VALUES[name]["krivine_linf"][str(degree)]
    answer = lipexplore.bound(network(name), "lipopt-lp", degree=degree)
    assert answer.value == pytest.approx(expected["value"], rel=1e-5)
    assert [answer.size[key] for key in ("rows", "columns", "nonzeros")] == [
        expected[key] for key in ("rows", "columns", "nonzeros")
    ]
    assert answer.verified
    assert answer.status == "optimal"


SQUARED = [
    (name, int(k)) for name in NAMES for k in sorted(VALUES[name].get("krivine_l2_squared", {}))
]
ENTRIES = [(name, int(k)) for name in NAMES for k in sorted(VALUES[name].get("krivine_l1", {}))]


@pytest.mark.parametrize(("name", "degree"), SQUARED)
def test_krivine_of_the_squared_gradient(name, degree):
    expected = VALUES[name]["krivine_l2_squared"][str(degree)]
    answer = lipexplore.bound(
        network(name), "lipopt-lp", "l2", degree=degree, clique_family="dense"
    )
    assert answer.value == pytest.approx(expected["value"], rel=1e-5)
    assert [answer.size[key] for key in ("rows", "columns", "nonzeros")] == [
        expected[key] for key in ("rows", "columns", "nonzeros")
    ]


@pytest.mark.parametrize(("name", "degree"), ENTRIES)
def test_krivine_of_the_entries(name, degree):
    expected = VALUES[name]["krivine_l1"][str(degree)]
    answer = lipexplore.bound(network(name), "lipopt-lp", "l1", degree=degree)
    assert answer.value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_vertex_search_finds_at_least_the_reference(name):
    answer = lipexplore.bound(network(name), "vertex-search")
    assert answer.lower >= VALUES[name]["vertex_search_linf"] * (1 - 1e-6)
    assert answer.lower_of == "P*"


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
@pytest.mark.parametrize("name", WITH_MAXIMUM)
def test_vertex_search_meets_brute_force(name, norm):
    answer = lipexplore.bound(network(name), "vertex-search", norm)
    assert answer.lower == pytest.approx(VALUES[name]["polynomial_max"][norm], rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_local_slope_ranges_and_maximum(name):
    local = VALUES[name]["local"]
    region = lipexplore.Ball(np.array(local["centre"]), local["radius_linf"])
    net = network(name)
    assert slope_ranges(net, region).undecided == local["undecided_units"]
    for norm, maximum in local["polynomial_max"].items():
        found = lipexplore.bound(net, "vertex-search", norm, region).lower
        above = lipexplore.bound(net, "interval-jacobian", norm, region).value
        assert found == pytest.approx(maximum, rel=1e-6)
        assert above >= maximum * (1 - 1e-6)
    degree = net.depth + 1
    answer = lipexplore.bound(net, "lipopt-lp", "linf", region, degree=degree)
    assert answer.value >= local["polynomial_max"]["linf"] * (1 - 1e-6)
