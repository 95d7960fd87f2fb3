"""Network files: bit-exact round trips, and one clear error for everything else."""

import contextlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipexplore import Network, load_network
from lipexplore.errors import InvalidNetwork
from lipexplore.networks.files import network_bytes, network_from_bytes, save_network
from lipexplore.networks.generators import random_dense
from tests.strategies import examples, networks, numbers

GOOD = {
    "weight_1": np.array([[1.0, -2.0], [0.5, 3.0], [0.0, 1.0]]),
    "bias_1": np.array([0.1, 0.0, -0.2]),
    "weight_2": np.array([[1.0, 2.0, -1.0]]),
    "activation": np.array("relu"),
}


def write(path, without=(), **changes):
    arrays = {key: value for key, value in {**GOOD, **changes}.items() if key not in without}
    with path.open("wb") as file:
        np.savez(file, **arrays)
    return path


def same_bits(one, other):
    assert [a.name for a in one.activations] == [a.name for a in other.activations]
    for kind in ("weights", "biases"):
        for a, b in zip(getattr(one, kind), getattr(other, kind), strict=True):
            assert a.shape == b.shape
            assert a.tobytes() == b.tobytes()
    assert one.content_hash == other.content_hash


wild = st.one_of(numbers, st.floats(-1e100, 1e100))


@examples(60)
@given(networks(elements=wild))
def test_bytes_round_trip_bit_by_bit(network):
    same_bits(network_from_bytes(network_bytes(network)), network)


@pytest.mark.parametrize("act", ["relu", "leaky_relu:0.1", "elu:0.7", "gelu:tanh"])
def test_files_round_trip_bit_by_bit(tmp_path, act):
    network = random_dense((4, 5, 3, 2), 3, act)
    mixed = Network(network.weights, network.biases, [act, "tanh"], "a name with ümlauts")
    for original in (network, mixed, network.slice(2, 2)):
        path = tmp_path / "network.npz"
        save_network(original, path)
        loaded = load_network(str(path))
        same_bits(loaded, original)
        assert loaded.name == original.name


def test_least_file(tmp_path):
    network = load_network(write(tmp_path / "least.npz", without=("bias_1",)))
    assert network.name == "least"
    assert (network.biases[0] == 0).all()
    assert network.widths == (2, 3, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.uint8, ">f8"])
def test_other_number_types_are_widened_exactly(tmp_path, dtype):
    weight = np.array([[3, 1], [0, 2], [1, 7]]).astype(dtype) / np.array(4).astype(dtype)
    weight = weight.astype(dtype)
    network = load_network(write(tmp_path / "n.npz", weight_1=weight))
    assert network.weights[0].tolist() == weight.astype(np.float64).tolist()


def test_extra_facts_are_read(tmp_path):
    path = write(
        tmp_path / "n.npz",
        format_version=np.array(1),
        kind=np.array("feedforward"),
        name=np.array("mine"),
        activation=np.array(["elu:0.5"]),
    )
    network = load_network(path)
    assert (network.name, network.activations[0].name) == ("mine", "elu:0.5")


def test_linear_network_needs_no_particular_activation(tmp_path):
    path = write(tmp_path / "n.npz", without=("weight_2", "bias_1"))
    assert load_network(path).depth == 0


BAD_ARRAYS = {
    "columns": ({"weight_2": np.ones((1, 2))}, "weight_2 has 2 columns"),
    "bias length": ({"bias_1": np.ones(2)}, "bias_1 has 2 numbers"),
    "NaN": ({"weight_1": np.full((3, 2), np.nan)}, "weight_1 holds NaN"),
    "infinite": ({"bias_1": np.array([0, np.inf, 0])}, "bias_1 holds NaN or infinite"),
    "too large": ({"weight_1": np.full((3, 2), 1e200)}, "weight_1 holds numbers above"),
    "vector as matrix": ({"weight_1": np.ones(3)}, "weight_1 must be a matrix"),
    "matrix as vector": ({"bias_1": np.ones((3, 1))}, "bias_1 must be a vector"),
    "scalar": ({"weight_1": np.array(1.0)}, "weight_1 must be a matrix"),
    "empty": ({"weight_1": np.ones((3, 0))}, "weight_1 must be a matrix"),
    "complex": ({"weight_1": np.ones((3, 2)) * 1j}, "weight_1 must hold real numbers"),
    "bool": ({"weight_1": np.ones((3, 2), bool)}, "weight_1 must hold real numbers"),
    "text": ({"weight_1": np.full((3, 2), "1")}, "weight_1 must hold real numbers"),
    "objects": ({"weight_1": np.full((3, 2), None)}, "weight_1 is damaged or holds Python objects"),
    "object names": ({"activation": np.array(["relu", None])}, "activation is damaged or holds"),
    "activation": ({"activation": np.array("swish")}, "unknown activation 'swish'"),
    "activation parameter": ({"activation": np.array("elu:x")}, "needs a number"),
    "number as activation": ({"activation": np.array(3.0)}, "unknown activation '3.0'"),
    "activations": ({"activation": np.array(["relu", "relu"])}, "1 hidden layers need"),
    "empty activation": ({"activation": np.array([], dtype="U4")}, "hidden layers need"),
    "kind": ({"kind": np.array("other")}, "kind 'other' is unknown: use 'feedforward'"),
    "version": ({"format_version": np.array(2)}, "format_version"),
    "float version": ({"format_version": np.array(1.5)}, "format_version"),
    "text version": ({"format_version": np.array("new")}, "format_version"),
    "unknown key": ({"wieght_3": np.ones(1)}, "wieght_3 is no known key"),
    "numbered from 0": ({"weight_0": np.ones((2, 2))}, "weight_0 is no known key"),
    "leading zero": ({"weight_01": np.ones((2, 2))}, "weight_01 is no known key"),
    "gap": ({"weight_4": np.ones((1, 1))}, "weight_4 has no place"),
    "bias without weight": ({"bias_3": np.ones(1)}, "bias_3 has no place"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_refused_by_file_and_name(tmp_path, case):
    changes, words = BAD_ARRAYS[case]
    path = write(tmp_path / "bad.npz", **changes)
    with pytest.raises(InvalidNetwork, match=words) as caught:
        load_network(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("without", "words"),
    [
        (("weight_1",), "weight_2 has no place"),
        (("activation",), "activation is missing"),
        (("weight_1", "weight_2", "bias_1"), "weight_1"),
    ],
)
def test_missing_arrays_are_refused(tmp_path, without, words):
    with pytest.raises(InvalidNetwork, match=words):
        load_network(write(tmp_path / "bad.npz", without=without))


def archive_with(name, content):
    """Return a good archive with one member replaced by raw bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **{key: value for key, value in GOOD.items() if f"{key}.npy" != name})
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def good_bytes():
    return network_bytes(random_dense((4, 5, 3), 0))


def compressed():
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{**GOOD, "weight_1": np.arange(2000.0).reshape(1000, 2)})
    return buffer.getvalue()


def corrupted(content, start):
    return (
        content[:start]
        + bytes(255 - b for b in content[start : start + 40])
        + content[start + 40 :]
    )


BAD_CONTENT = {
    "empty": lambda: b"",
    "text": lambda: b"weights: 1 2 3\n",
    "pickle": lambda: b"\x80\x04]\x94.",
    "zip of text": lambda: archive_with("weight_1.npy", b"hello"),
    "raw member": lambda: archive_with("weight_1", b"hello"),
    "empty member": lambda: archive_with("weight_1.npy", b""),
    "half a header": lambda: archive_with("weight_1.npy", b"\x93NUMPY\x01\x00v\x00{'descr'"),
    "truncated": lambda: good_bytes()[:-100],
    "half": lambda: good_bytes()[: len(good_bytes()) // 2],
    "four bytes": lambda: good_bytes()[:4],
    "flipped data": lambda: corrupted(good_bytes(), 300),
    "flipped compressed data": lambda: corrupted(compressed(), 400),
    "flipped directory": lambda: corrupted(good_bytes(), len(good_bytes()) - 150),
}


@pytest.mark.parametrize("case", BAD_CONTENT)
def test_bad_files_are_refused_by_name(tmp_path, case):
    path = tmp_path / "bad.npz"
    path.write_bytes(BAD_CONTENT[case]())
    with pytest.raises(InvalidNetwork) as caught:
        load_network(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("start", range(0, 1300, 37))
def test_no_flipped_byte_escapes_the_error_tree(tmp_path, start):
    """Either the archive still reads (an unused byte was hit) or the one error comes."""
    path = tmp_path / "bad.npz"
    content = bytearray(compressed())
    content[start % len(content)] ^= 0xFF
    path.write_bytes(bytes(content))
    with contextlib.suppress(InvalidNetwork):
        load_network(path)


def test_single_array_is_refused(tmp_path):
    np.save(tmp_path / "array.npy", np.ones((2, 2)))
    with pytest.raises(InvalidNetwork, match="single array"):
        load_network(tmp_path / "array.npy")


def test_pickles_are_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (exec, ("raise SystemExit('a pickle was run')",))

    path = write(tmp_path / "bomb.npz", weight_1=np.array([[Bomb()]], dtype=object))
    with pytest.raises(InvalidNetwork, match="weight_1 is damaged or holds Python objects"):
        load_network(path)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(InvalidNetwork, match="there is no such file"):
        load_network(tmp_path / "absent.npz")
    with pytest.raises(InvalidNetwork, match=str(tmp_path)):
        load_network(tmp_path)
