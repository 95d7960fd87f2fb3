import hashlib
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from lipexplore import bound
from lipexplore.errors import InvalidNetwork
from lipexplore.networks.files import save_network
from lipexplore.networks.gallery import (
    data_folder,
    digits,
    gallery_model,
    gallery_names,
    gallery_network,
    open_network,
)
from lipexplore.training import digits_for, number_correct, units_with_path

DATA = data_folder()
README = (DATA / "README.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in README.splitlines()
    if line.startswith("| `digits-")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}
FAST = ("digits-16-12-8-10-relu", "digits-64-20-10-relu")


def load_script():
    spec = importlib.util.spec_from_file_location("make_networks", DATA / "make_networks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script():
    return load_script()


def own_weights(network):
    """Return what the file stores: kernels of convolutions and matrices of dense layers."""
    return [
        layer.kernel if layer.kind == "convolution" else layer.weight for layer in network.layers
    ]


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_digits_are_those_of_scikit_learn():
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    pixels, labels = load_digits(return_X_y=True)
    with np.load(DATA / "digits.npz", allow_pickle=False) as archive:
        assert archive["pixels"].dtype == archive["labels"].dtype == np.uint8
        np.testing.assert_array_equal(archive["pixels"], pixels)
        np.testing.assert_array_equal(archive["labels"], labels)
    images = np.concatenate([digits("train")[0], digits("test")[0]])
    np.testing.assert_array_equal(16.0 * images, pixels)
    np.testing.assert_array_equal(digits("test")[1], labels[-360:])


def test_digits_checksum_is_in_the_readme():
    assert f"`{sha256(DATA / 'digits.npz')}`" in README


def test_gallery_holds_what_the_readme_lists(script):
    found = {name for name in gallery_names() if name.startswith("digits-")}
    assert found == set(ROWS) == set(script.PLANS)
    assert len(ROWS) == 12


@pytest.mark.parametrize("name", ROWS)
def test_readme_line_is_true(name):
    layers, activation, right, zeros, units, _, checksum = ROWS[name]
    network = gallery_network(name)
    assert network.name == name
    assert "-".join(map(str, network.widths)) == layers
    assert {act.name for act in network.activations} == {activation.strip("`")}
    assert number_correct(network, *digits_for(network)) == int(right.split()[0])
    assert right == f"{right.split()[0]} ({int(right.split()[0]) / 3.6:.1f} %)"
    found = [int(number) for number in re.findall(r"\d+", zeros)[:2]]
    stored = own_weights(network)
    sizes = [weight.size for weight in stored]
    assert found == [sum(sizes) - sum(map(np.count_nonzero, stored)), sum(sizes)]
    assert [int(n) for n in re.findall(r"(\d+) of", units)] == units_with_path(network)
    assert sha256(DATA / "networks" / f"{name}.npz") == checksum.strip("`")


@pytest.mark.parametrize("share", [50, 80, 90, 95])
def test_share_of_zeros_is_in_the_name(share):
    network = gallery_network(f"digits-64-20-10-relu-zeros{share}")
    assert 1.0 - network.density == pytest.approx(share / 100, abs=1e-12)


def test_convolutional_networks_are_convolutional():
    kernels = {
        name: [layer.kernel.shape for layer in gallery_network(name).layers[:-1]]
        for name in ROWS
        if "conv" in name
    }
    assert kernels == {
        "digits-conv-64-36-10-relu": [(4, 1, 4, 4)],
        "digits-conv-64-36-10-relu-zeros70": [(4, 1, 4, 4)],
        "digits-conv-64-36-24-10-relu": [(4, 1, 4, 4), (6, 4, 2, 2)],
    }
    pruned = own_weights(gallery_network("digits-conv-64-36-10-relu-zeros70"))
    assert sum(map(np.count_nonzero, pruned)) == round(0.3 * (64 + 360))


@pytest.mark.parametrize("name", [name for name in ROWS if "conv" in name])
def test_convolutional_networks_are_bounded_in_seconds(name):
    network = gallery_network(name)
    exact = bound(network, "exact", norm="linf", output=3, time_limit=300)
    assert exact.verified
    assert exact.value <= exact.lower * (1.0 + 1e-6)
    assert bound(network, "norm-product", norm="linf", output=3).value >= exact.lower
    if network.depth == 1:
        relaxed = bound(network, "lipopt-lp", norm="linf", output=3, degree=2)
        assert exact.lower <= relaxed.value <= 1.1 * exact.value


@pytest.mark.parametrize("name", ROWS)
def test_every_output_depends_on_the_input(name):
    network = gallery_network(name)
    assert all(network.head(output).has_path() for output in range(network.n_outputs))


@pytest.mark.parametrize("name", ROWS)
def test_weights_are_short_rationals(name):
    network = gallery_network(name)
    for array in (*own_weights(network), *network.biases):
        np.testing.assert_array_equal(array * 2.0**20, np.round(array * 2.0**20))


@pytest.mark.parametrize("name", ROWS)
def test_saving_again_keeps_the_network(name, tmp_path):
    save_network(gallery_network(name), tmp_path / f"{name}.npz")
    assert open_network(tmp_path / f"{name}.npz").content_hash == open_network(name).content_hash


@pytest.mark.parametrize("name", FAST)
def test_training_again_gives_the_same_network(script, name):
    assert script.differences(name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ROWS if name not in FAST])
def test_training_every_other_network_again_gives_the_same(script, name):
    assert script.differences(name) == []


def test_the_check_notices_another_network(script, monkeypatch):
    other = gallery_network("digits-64-20-10-elu")
    monkeypatch.setattr(script, "trained", lambda name: other)
    assert any("weights differ" in text for text in script.differences("digits-64-20-10-relu"))


def test_unknown_name_is_refused_with_the_names():
    with pytest.raises(InvalidNetwork, match="digits-64-20-10-relu"):
        gallery_network("mnist")


def test_other_kinds_are_converted_or_refused_by_name():
    name = gallery_names("parallel")[0]
    model, network = gallery_model(name), open_network(name)
    points = np.random.default_rng(0).uniform(0, 1, (20, model.n_inputs))
    assert np.allclose(network(points), model(points), rtol=1e-12, atol=1e-12)
    with pytest.raises(InvalidNetwork, match="use 'lipexplore implicit'"):
        open_network(gallery_names("implicit")[0])
