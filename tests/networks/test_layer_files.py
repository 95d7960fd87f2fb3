"""Files of networks whose layers have structure."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipexplore import load_network, save_network
from lipexplore.errors import InvalidNetwork
from lipexplore.networks.feedforward_files import from_arrays, to_arrays
from lipexplore.networks.files import KINDS, load_model, network_bytes, network_from_bytes
from tests.networks.structured import every_kind
from tests.strategies import examples

MODES = ["zeros", "circular", "replicate"]


def good():
    return {**to_arrays(every_kind("relu", "replicate")), "name": np.array("n")}


def same_bits(one, other):
    assert one.content_hash == other.content_hash
    for a, b in zip(one.layers, other.layers, strict=True):
        assert type(a) is type(b)
        assert a.settings.keys() == b.settings.keys()
        for name, array in a.settings.items():
            assert array.tobytes() == b.settings[name].tobytes()


@pytest.mark.parametrize("mode", MODES)
def test_files_round_trip_bit_by_bit(tmp_path, mode):
    network = every_kind("tanh", mode)
    save_network(network, tmp_path / "network.npz")
    for again in (load_network(tmp_path / "network.npz"), load_model(tmp_path / "network.npz")):
        same_bits(again, network)
        assert again.name == network.name
    same_bits(network_from_bytes(network_bytes(network)), network)


def test_a_file_holds_the_kernel_and_not_the_matrix():
    arrays = good()
    assert arrays["kernel_2"].shape == (2, 1, 2, 3)
    assert {"layer_1", "layer_2", "layer_3"} < arrays.keys()
    assert "layer_4" not in arrays
    assert arrays["weight_4"].shape == (2, 4)


def test_what_may_be_left_out(tmp_path):
    arrays = {
        "layer_1": np.array("convolution"),
        "kernel_1": np.ones((1, 1, 2, 2)),
        "input_shape_1": np.array([1, 3, 3]),
        "layer_2": np.array("average_pool"),
        "input_shape_2": np.array([1, 2, 2]),
        "window_2": np.array(2),
        "layer_3": np.array("scaling"),
        "input_shape_3": np.array([1]),
        "factor_3": np.array(2.0),
        "shift_3": np.array([-1.0]),
        "layer_4": np.array("dense"),
        "weight_4": np.array([[3]]),
        "activation": np.array("identity"),
    }
    np.savez(tmp_path / "least.npz", **arrays)
    network = load_network(tmp_path / "least.npz")
    assert network.widths == (9, 4, 1, 1, 1)
    assert network(np.ones(9)).tolist() == [3.0 * (2.0 * 4.0 - 1.0)]


def change(**changes):
    return lambda arrays: {**arrays, **changes}


def without(*names):
    return lambda arrays: {key: array for key, array in arrays.items() if key not in names}


BAD = {
    "kind": (change(layer_2=np.array("maxpool")), "layer_2 is 'maxpool': use one of dense, conv"),
    "empty kind": (change(layer_2=np.array([], dtype="U3")), "has no place: layer 2 is of kind"),
    "number as kind": (change(layer_2=np.array(3.0)), "layer_2 is '3.0'"),
    "no kind": (without("layer_2"), "has no place"),
    "no kernel": (without("kernel_2"), "kernel_2 is missing: layer 2 is of kind convolution"),
    "no shape": (without("input_shape_2"), "input_shape_2 is missing"),
    "no window": (without("window_3"), "window_3 is missing: layer 3 is of kind average_pool"),
    "no factor": (without("factor_1"), "factor_1 is missing"),
    "no weight": (without("weight_4"), "hidden layers|4 has no place"),
    "weight and kernel": (change(weight_2=np.eye(2)), "weight_2 has no place: layer 2 is of kind"),
    "window of a kernel": (change(window_2=np.array(2)), "window_2 has no place"),
    "kernel of a dense layer": (change(kernel_4=np.ones((1, 1, 1, 1))), "kernel_4 has no place"),
    "number": (change(number_4=np.array(1)), "number_4 is no known key"),
    "gap": (change(kernel_9=np.ones((1, 1, 1, 1))), "kernel_9 has no place"),
    "text": (change(kernel_2=np.full((2, 1, 2, 3), "1")), "kernel_2 must hold real numbers"),
    "complex": (change(factor_1=np.array(1j)), "factor_1 must hold real numbers"),
    "stride": (change(stride_2=np.array([0, 1])), "layer 2: stride must hold whole numbers"),
    "float stride": (change(stride_2=np.array([1.0, 1.0])), "layer 2: stride must hold whole"),
    "empty stride": (change(stride_2=np.array([], dtype=int)), "layer 2: stride must hold"),
    "padding": (change(padding_2=np.ones((4, 1), int)), "layer 2: padding must hold"),
    "groups": (change(groups_2=np.array([2, 2])), "layer 2: groups must hold 1 whole"),
    "mode": (change(padding_mode_2=np.array("same")), "layer 2: padding_mode must be one of"),
    "no mode": (change(padding_mode_2=np.array([], dtype="U4")), "layer 2: padding_mode must be"),
    "modes": (change(padding_mode_2=np.array(3)), "layer 2: padding_mode must be one of"),
    "count": (change(count_padding_3=np.array([1, 0])), "layer 3: count_padding must be true"),
    "huge": (change(input_shape_3=np.array([2, 2**20, 2**20])), "layer 3: .* above 67,108,864"),
    "huge numbers": (change(stride_2=np.array([2**62, 1])), "layer 2: stride must hold"),
    "NaN": (change(kernel_2=np.full((2, 1, 2, 3), np.nan)), "layer 2: kernel holds NaN"),
    "bias": (change(bias_2=np.ones(8)), "layer 2: bias has 8 numbers, but the kernel 2"),
    "chain": (change(input_shape_3=np.array([2, 2, 3])), "weight_3 has 12 columns, but weight_2"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_layers_are_refused_by_file_and_name(tmp_path, case):
    changes, words = BAD[case]
    path = tmp_path / "bad.npz"
    np.savez(path, **changes(good()))
    with pytest.raises(InvalidNetwork, match=words) as caught:
        load_network(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


anything = st.one_of(
    st.sampled_from(
        [
            np.array("zeros"),
            np.array(["zeros", "reflect"]),
            np.array(True),
            np.array([]),
            np.array([[1, 2], [3, 4]]),
            np.array(-1),
            np.array(2**63, dtype=np.uint64),
            np.ones((1, 1, 1, 1)),
            np.array(b"bytes"),
            np.array("2020-01-01", dtype="datetime64[D]"),
            np.zeros(2, dtype=[("a", "f8")]),
        ]
    ),
    st.integers(-3, 40).map(np.array),
    st.lists(st.integers(0, 9), min_size=1, max_size=4).map(np.array),
    st.floats().map(np.array),
)


@examples(300)
@given(st.sampled_from(sorted(good())), anything)
def test_no_array_escapes_the_error_tree(key, array):
    """One array replaced by any other: a network or the one error."""
    arrays = {name: value for name, value in good().items() if name != "name"}
    with contextlib.suppress(InvalidNetwork):
        from_arrays({**arrays, key: array}, "n")(np.ones(18))


@examples(100)
@given(st.sampled_from(sorted(good())), st.sampled_from(sorted(good())))
def test_no_exchange_of_arrays_escapes_the_error_tree(one, other):
    arrays = {name: value for name, value in good().items() if name != "name"}
    if {one, other} <= arrays.keys():
        arrays[one], arrays[other] = arrays[other], arrays[one]
        with contextlib.suppress(InvalidNetwork):
            from_arrays(arrays, "n")


def test_the_feedforward_kind_is_registered():
    assert KINDS["feedforward"] == "lipexplore.networks.feedforward_files"
    assert every_kind().kind == "feedforward"
