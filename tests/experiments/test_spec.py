"""Grids in files."""

import numpy as np
import pytest

from lipexplore.bounds.lipopt_lp import LipoptLP
from lipexplore.errors import InvalidSetting
from lipexplore.experiments.spec import read_spec
from lipexplore.networks.files import save_network
from lipexplore.networks.gallery import gallery_network
from lipexplore.networks.generators import random_banded, random_dense, random_sparse
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Ball, Box

DENSE = '{generator = "dense", widths = [3, 4, 2]}'
SMALL = f'[[grid]]\nnetworks = [{DENSE}]\nmethods = ["path"]\n'


@pytest.fixture
def read(tmp_path):
    def reader(text, **more):
        path = tmp_path / "sweep.toml"
        path.write_text(text, encoding="utf-8")
        return read_spec(path, **more)

    return reader


def test_the_least_specification(read):
    spec = read(SMALL)
    (case,) = spec.cases
    assert spec.title == "sweep"
    assert (case.region, case.norm, case.output) == (WHOLE_SPACE, Norm.LINF, 0)
    assert case.network.content_hash == random_dense((3, 4, 2), 0).content_hash
    assert (case.time_limit, case.seed, case.method.name) == (None, 0, "path")


def test_networks_are_shipped_or_files_or_drawn_or_pruned(read, tmp_path):
    (tmp_path / "nets").mkdir()
    mine = random_dense((3, 5, 1), 9, "tanh")
    save_network(mine, tmp_path / "nets" / "mine.npz")
    cases = read("""
        [[grid]]
        methods = ["path"]
        networks = [
            "digits-16-12-8-10-relu",
            "nets/mine.npz",
            {generator = "dense", widths = [[2, 3, 1], [2, 4, 1]], seeds = [3, 4]},
            {generator = "banded", widths = [6, 6, 1], bandwidths = [0, 2], activation = "tanh"},
            {generator = "sparse", widths = [6, 6, 1], densities = 0.5, seeds = 8},
            {network = "nets/mine.npz", prune = [1.0, 0.5]},
        ]
    """).cases
    expected = [
        gallery_network("digits-16-12-8-10-relu"),
        mine,
        *(random_dense((2, width, 1), seed) for width in (3, 4) for seed in (3, 4)),
        *(random_banded((6, 6, 1), band, 0, "tanh") for band in (0, 2)),
        random_sparse((6, 6, 1), 0.5, 8),
        mine.prune(0.5),  # the whole network is there already
    ]
    assert [case.network.content_hash for case in cases] == [n.content_hash for n in expected]
    assert [case.seed for case in cases] == [None, None, 3, 4, 3, 4, 0, 0, 8, None]
    assert cases[-1].network.name == f"{cases[1].network.name} pruned to 0.5"


def test_regions_fit_every_network(read, tmp_path):
    np.save(tmp_path / "x.npy", np.array([[0.1, 0.2, 0.3]]))
    np.savez(tmp_path / "box.npz", lower=np.zeros(3), upper=np.ones(3))
    regions = [
        case.region
        for case in read(f"""
            [[grid]]
            methods = "path"
            networks = [{DENSE}]
            regions = [
                "whole space",
                {{ball = ["l2", "linf"], radius = [0.1, 0.2]}},
                {{ball = "l1", center = "x.npy", radius = 1}},
                {{ball = "l1", center = [1, 2, 3], radius = 1}},
                {{ball = "l1", center = 0.5, radius = 1}},
                {{lower = -1, upper = [1, 2, 3]}},
                {{box = "box.npz"}},
            ]
        """).cases
    ]
    expected = [
        WHOLE_SPACE,
        *(Ball(np.zeros(3), r, p) for p in ("l2", "linf") for r in (0.1, 0.2)),
        Ball(np.array([0.1, 0.2, 0.3]), 1.0, "l1"),
        Ball(np.array([1.0, 2.0, 3.0]), 1.0, "l1"),
        Ball(np.full(3, 0.5), 1.0, "l1"),
        Box(np.full(3, -1.0), np.array([1.0, 2.0, 3.0])),
        Box(np.zeros(3), np.ones(3)),
    ]
    assert [region.to_dict() for region in regions] == [region.to_dict() for region in expected]
    both = read("""
        [[grid]]
        methods = ["path"]
        networks = [{generator = "dense", widths = [[2, 3, 1], [4, 3, 1]]}]
        regions = [{ball = "linf", radius = 0.1}]
    """).cases
    assert [case.region.dimension for case in both] == [2, 4]


def test_lists_of_settings_are_spread_out_and_shared_ones_reach_who_has_them(read):
    methods = [
        case.method
        for case in read(f"""
            [[grid]]
            networks = [{DENSE}]
            methods = [
                "path",
                "lipopt-lp",
                {{name = "lipopt-lp", degree = 4, solver = ["highs", "cvxopt"]}},
                {{name = "sampled-gradient", points = 10, seed = [1, 2]}},
            ]
            degrees = [2, 3]
            memory_limit = 0.5
        """).cases
    ]
    assert [method.name for method in methods[:1] + methods[5:]] == ["path"] + [
        "sampled-gradient"
    ] * 2
    assert methods[1:5] == [
        LipoptLP(degree=2, memory_limit=0.5),
        LipoptLP(degree=3, memory_limit=0.5),
        LipoptLP(degree=4, solver="highs", memory_limit=0.5),
        LipoptLP(degree=4, solver="cvxopt", memory_limit=0.5),
    ]
    assert [method.settings()["seed"] for method in methods[5:]] == [1, 2]


def test_several_grids_keep_their_order_and_ask_nothing_twice(read):
    text = f"""
        title = "Two grids"
        time_limit = 5
        [[grid]]
        networks = [{DENSE}]
        methods = ["path", "norm-product"]
        norms = ["l1", "linf"]
        outputs = [1, "all"]
        [[grid]]
        networks = [{DENSE}]
        methods = ["path"]
        norms = ["l2", "l1"]
        outputs = [1]
        [[grid]]
        networks = [{DENSE}]
        methods = ["path"]
        time_limit = 1.5
    """
    spec = read(text)
    asked = [(c.norm.value, c.output, c.method.name, c.time_limit) for c in spec.cases]
    first = [
        (norm, output, method, 5.0)
        for norm in ("l1", "linf")
        for output in (1, "all")
        for method in ("path", "norm-product")
    ]
    assert asked == [*first, ("l2", 1, "path", 5.0), ("linf", 0, "path", 1.5)]
    assert spec.title == "Two grids"
    assert {case.time_limit for case in read(text, time_limit=2.0).cases} == {2.0}


WRONG = {
    "no TOML": ("[[grid", "this is no TOML"),
    "no grid": ("title = 'x'", "the key 'grid' is missing"),
    "typo on top": ("titel = 'x'\n" + SMALL, "there is no key 'titel': did you mean 'title'?"),
    "typo in a grid": (SMALL + "norm = 'l1'", "grid 1: there is no key 'norm': did you mean 'nor"),
    "typo of a needed key": (
        SMALL.replace("networks", "network"),
        "grid 1: there is no key 'network': did you mean 'networks'?",
    ),
    "norm": (SMALL + "norms = ['l1', 'l7']", "grid 1, norms: unknown norm 'l7'"),
    "empty": (SMALL + "norms = []", "grid 1, norms: the list is empty"),
    "method": (SMALL.replace("path", "pat"), "methods 1, name: there is no method 'pat': did you "),
    "setting": (
        SMALL.replace('"path"', '"path", {name = "lipopt-lp", degre = 2}'),
        "methods 2, lipopt-lp: there is no setting 'degre': did you mean 'degree'?",
    ),
    "type of a setting": (
        SMALL.replace('"path"', '{name = "lipopt-lp", degree = [2, "3"]}'),
        "methods 1, degree: a whole number is needed, not '3'",
    ),
    "truth as number": (
        SMALL.replace('"path"', '{name = "lipopt-lp", degree = true}'),
        "degree: a whole number is needed, not True",
    ),
    "choice": (
        SMALL.replace('"path"', '{name = "path", slopes = "guess"}'),
        "methods 1, path: slopes must be one of",
    ),
    "shared": (SMALL + "degrees = [2]", "degrees: no method of this grid has a degree"),
    "limit": (SMALL + "time_limit = -1", "time_limit: a finite number above 0 is needed, not -1"),
    "output": (SMALL + "outputs = [2]", "has no output 2: use 0 to 1"),
    "output text": (SMALL + "outputs = ['each']", 'output numbers from 0 or "all" are needed'),
    "network": (
        SMALL.replace(DENSE, "'digits-64-20-10-rel'"),
        "networks 1, network: there is no shipped network and no file 'digits-64-20-10-rel' "
        "beside the specification: did you mean 'digits-64-20-10-relu'?",
    ),
    "no network": (SMALL.replace(DENSE, "'broken.npz'"), "networks 1, network: .*broken.npz: "),
    "generator": (SMALL.replace("dense", "dens"), "generator: 'dens' is unknown: did you mean 'de"),
    "typo in a network": (
        SMALL.replace("widths", "width"),
        "networks 1: there is no key 'width': did you mean 'widths'?",
    ),
    "widths": (SMALL.replace("[3, 4, 2]", "[3, 'x']"), "widths: layer sizes like"),
    "one width": (SMALL.replace("[3, 4, 2]", "[3]"), "generator: widths (3,) need at least"),
    "band": (SMALL.replace("dense", "banded"), "networks 1: the key 'bandwidths' is missing"),
    "density": (
        SMALL.replace('"dense"', '"sparse", densities = [2.0]'),
        "generator: the density must be in",
    ),
    "seed": (SMALL.replace("widths", "seeds = -1, widths"), "seeds: whole numbers from 0"),
    "activation": (SMALL.replace("widths", "activation = 'rel', widths"), "generator: .*'rel'"),
    "prune": (SMALL.replace("widths", "prune = 0, widths"), "prune: the density must be in"),
    "region": (SMALL + "regions = ['everywhere']", 'regions 1, regions: a region is "whole space"'),
    "radius": (SMALL + "regions = [{ball = 'l2', radius = -1}]", "ball: the radius must be pos"),
    "no radius": (SMALL + "regions = [{ball = 'l2'}]", "regions 1: the key 'radius' is missing"),
    "centre": (
        SMALL + "regions = [{ball = 'l2', radius = 1, center = [1, 2]}]",
        "center: it has 2 numbers, but a network of this grid has 3 inputs",
    ),
    "centre file": (
        SMALL + "regions = [{ball = 'l2', radius = 1, center = 'x.npy'}]",
        "center: .*x.npy: there is no such file",
    ),
    "box": (SMALL + "regions = [{lower = 1, upper = 0}]", "upper: the box's lower end must be"),
    "nested": ("grid = " + "[" * 5000, "nested too deeply"),
    "generator's type": (SMALL.replace('"dense"', "['dense']"), "generator: ['dense'] is unknown"),
    "huge network": (SMALL.replace("[3, 4, 2]", "[1000000, 10000000, 1]"), "generator: out of mem"),
    "huge layer": (SMALL.replace("4,", "1" + "0" * 30 + ","), "networks 1, generator: "),
    "seed that no store keeps": (SMALL + f"seeds = {2**63}", "seeds: whole numbers from 0 to 2^63"),
    "limit above all floats": (SMALL + "time_limit = 1" + "0" * 400, "time_limit: a finite num"),
    "centre above all floats": (
        SMALL + "regions = [{ball = 'l2', radius = 1, center = 1" + "0" * 400 + "}]",
        "center: numbers, a .npy file or zero is needed",
    ),
    "complex centre": (
        SMALL + "regions = [{ball = 'l2', radius = 1, center = 'complex.npy'}]",
        "center: numbers, a .npy file or zero is needed",
    ),
    "no table": ("grid = [3]", "grid 1: this must be a table of keys, not 3"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_sentence_with_its_place(read, tmp_path, name):
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    np.save(tmp_path / "complex.npy", np.full(3, 1j))
    text, message = WRONG[name]
    with pytest.raises(InvalidSetting) as caught:
        read(text)
    said = str(caught.value)
    assert said.startswith(str(tmp_path / "sweep.toml"))
    assert "\n" not in said
    if ".*" in message:
        assert all(part in said for part in message.split(".*"))
    else:
        assert message in said


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InvalidSetting, match="there is no such file"):
        read_spec(tmp_path / "none.toml")
    with pytest.raises(InvalidSetting, match="this is a folder"):
        read_spec(tmp_path)
    for path in (tmp_path / ("x" * 300), tmp_path / "\0"):
        with pytest.raises(InvalidSetting):
            read_spec(path)
