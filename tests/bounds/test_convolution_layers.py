"""Bounds of layers against the norm of the matrix that loops build, in every geometry."""

import math

import numpy as np
import pytest

from lipexplore.bounds.operator_norms.convolutions import (
    MOST_WORK,
    TOO_LARGE,
    UNEVEN,
    convolution_norm_above,
    convolution_norms,
)
from lipexplore.bounds.operator_norms.layers import layer_norm_above
from lipexplore.bounds.operator_norms.unrolled import (
    matrix_norm_above,
    matrix_norm_estimate,
)
from lipexplore.networks.convolution import Convolution
from lipexplore.networks.unrolling import PADDING_MODES
from lipexplore.norms import Norm
from tests.bounds.convolutions import B2, B3, cnn, normal_kernel, unrolled_by_loops

KERNEL_BOUNDS = ("lipbound-outputs", "lipbound-inputs", "symbol", "torus", "unfolding")


def loops(layer):
    """Return the layer's matrix without the package's unrolling."""
    return unrolled_by_loops(
        layer.kernel,
        layer.input_shape,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.groups,
        layer.padding_mode,
    )


def named(layer, samples=None):
    return {found.name: found for found in convolution_norms(layer, samples)}


def random_layer(rng):
    """Return a layer of any geometry; about half of them with zero padding."""
    while True:
        groups = int(rng.integers(1, 3))
        taps = rng.integers(1, 5, 2)
        kernel = rng.standard_normal((groups * rng.integers(1, 4), rng.integers(1, 4), *taps))
        shape = (groups * kernel.shape[1], *map(int, rng.integers(1, 7, 2)))
        mode = PADDING_MODES[max(0, int(rng.integers(-3, 4)))]
        padding = rng.integers(0, 4, (2, 2))
        if mode == "reflect":
            padding = np.minimum(padding, np.array(shape[1:])[:, None] - 1)
        stride, dilation = rng.integers(1, 4, 2), rng.integers(1, 3, 2)
        spans = dilation * (taps - 1)
        if (np.array(shape[1:]) + padding.sum(axis=1) > spans).all():
            return Convolution(kernel, None, shape, stride, padding, dilation, groups, mode)


def test_no_bound_is_below_the_exact_norm(many):
    """The tightest of them comes to the exact norm."""
    rng = np.random.default_rng(0)
    closest = math.inf
    for _ in range(many(150, 5000)):
        layer = random_layer(rng)
        exact = float(np.linalg.norm(loops(layer), 2))
        samples = None if rng.random() < 0.5 else tuple(rng.integers(1, 12, 2).tolist())
        for found in convolution_norms(layer, samples):
            assert found.value >= exact * (1 - 1e-13), (layer.settings, found)
            assert (found.value < math.inf) or found.why_not or samples
            if found.name != "matrix" and exact > 0.0:
                closest = min(closest, found.value / exact)
        assert convolution_norm_above(layer) >= exact * (1 - 1e-13)
    assert closest == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("case", B3)
def test_least_bound_is_the_exact_norm_of_small_layers(case):
    c_out, c_in, taps, size, padding, stride = case
    kernel = normal_kernel(c_out, c_in, taps, taps)
    layer = Convolution(kernel, None, (c_in, size, size), stride, padding)
    exact = B3[case][1]
    assert convolution_norm_above(layer) == pytest.approx(exact, rel=1e-6)
    assert matrix_norm_estimate(layer.matrix) == pytest.approx(exact, rel=1e-6)
    found = named(layer, (10, 10))
    assert found["symbol"].value == pytest.approx(B3[case][6], rel=1e-6)
    assert found["lipbound-outputs"].value == pytest.approx(B3[case][4], rel=1e-6)
    assert found["lipbound-outputs"].estimate == pytest.approx(B3[case][2], rel=1e-6)
    assert found["lipbound-inputs"].value == pytest.approx(B3[case][5], rel=1e-6)
    assert found["lipbound-inputs"].estimate == pytest.approx(B3[case][3], rel=1e-6)
    assert found["unfolding"].value == pytest.approx(B3[case][8], rel=1e-6)
    if stride == 1:
        assert found["torus"].value == pytest.approx(B3[case][10], rel=1e-6)
    else:
        assert found["polyphase-torus"].value == pytest.approx(B3[case][11], rel=1e-6)


@pytest.mark.parametrize("case", B2, ids=["C1", "C2"])
def test_products_of_the_small_networks(case):
    seed, padding, stride, checksum, norms, product, lip_product, symbol_product = case
    kernels, last = cnn(seed)
    assert sum(k.sum() for k in kernels) + last.sum() == pytest.approx(checksum, abs=1e-7)
    shape, found = (1, 6, 6), []
    for kernel in kernels:
        layer = Convolution(kernel, None, shape, stride, padding)
        shape = layer.output_shape
        found.append((convolution_norm_above(layer), named(layer)))
    dense = float(np.linalg.norm(last, 2))
    assert [value for value, _ in found] == pytest.approx(norms[:2], rel=1e-6)
    assert math.prod(value for value, _ in found) * dense == pytest.approx(product, rel=1e-6)
    lip = [min(n["lipbound-outputs"].value, n["lipbound-inputs"].value) for _, n in found]
    assert math.prod(lip) * dense == pytest.approx(lip_product, rel=1e-6)
    symbols = math.prod(n["symbol"].value for _, n in found)
    assert symbols * dense == pytest.approx(symbol_product, rel=1e-6)


@pytest.mark.parametrize("mode", ["replicate", "reflect"])
def test_padding_that_repeats_pixels_multiplies(mode):
    """A corner shift has norm 2 with replicated edges, and its symbol 1."""
    shift = np.zeros((1, 1, 3, 3))
    shift[0, 0, 0, 0] = 1.0
    layer = Convolution(shift, None, (1, 5, 5), 1, 1, padding_mode=mode)
    exact = float(np.linalg.norm(loops(layer), 2))
    assert exact == pytest.approx(2.0, rel=1e-12)
    for name in KERNEL_BOUNDS:
        assert named(layer)[name].factor == pytest.approx(2.0, rel=1e-12)
        assert named(layer)[name].value >= exact
    assert named(layer)["torus"].value == pytest.approx(2.0, rel=1e-9)


def test_reflected_box_filter_is_above_its_symbol():
    layer = Convolution(np.ones((1, 1, 3, 3)), None, (1, 3, 3), 1, 1, padding_mode="reflect")
    exact = float(np.linalg.norm(loops(layer), 2))
    assert exact == pytest.approx(11.196152, rel=1e-6)
    assert all(found.value >= exact for found in convolution_norms(layer))
    assert exact > 9.0  # the supremum of the symbol alone


def test_circular_padding_with_a_stride_that_does_not_divide():
    layer = Convolution(normal_kernel(2, 2, 3, 3), None, (2, 9, 9), 2, 1, padding_mode="circular")
    exact = float(np.linalg.norm(loops(layer), 2))
    assert exact == pytest.approx(5.584306, rel=1e-6)
    found = named(layer)
    assert found["polyphase-torus"].value == found["polyphase-symbol"].value == math.inf
    assert found["polyphase-torus"].why_not == UNEVEN
    zeros = named(Convolution(layer.kernel, None, (2, 9, 9), 2, 1))
    assert zeros["polyphase-torus"].value == pytest.approx(4.983364, rel=1e-6)
    assert zeros["polyphase-torus"].value < exact  # what quoting it would have said


@pytest.mark.parametrize(("taps", "size"), [(3, 8), (5, 3), (7, 4), (5, 1)])
def test_circular_norm_of_equal_sizes_is_exact(taps, size):
    """Also where the kernel is larger than the image, and taps meet."""
    kernel = normal_kernel(2, 3, taps, taps)
    layer = Convolution(kernel, None, (3, size, size), 1, taps // 2, padding_mode="circular")
    exact = float(np.linalg.norm(loops(layer), 2))
    assert named(layer)["torus"].value == pytest.approx(exact, rel=1e-9)


def test_circular_padding_with_repeated_rows():
    kernel = np.ones((1, 1, 1, 1))
    layer = Convolution(kernel, None, (1, 3, 3), 1, 3, padding_mode="circular")
    assert np.linalg.norm(loops(layer), 2) == pytest.approx(3.0, rel=1e-12)
    assert named(layer)["torus"].value == pytest.approx(3.0, rel=1e-9)


def test_padding_beyond_the_taps_is_not_counted():
    """n + p alone would be too small a circle: outputs outside it are zero."""
    layer = Convolution(normal_kernel(1, 1, 2, 2), None, (1, 2, 2), 1, 5)
    exact = float(np.linalg.norm(loops(layer), 2))
    narrow = Convolution(layer.kernel, None, (1, 2, 2), 1, 1)
    assert named(layer)["torus"].value == named(narrow)["torus"].value >= exact


def test_transposed_convolution_has_the_same_norm_and_swapped_sums():
    layer = Convolution(normal_kernel(2, 3, 3, 3), None, (3, 5, 5), 2, 1)
    transposed = loops(layer).T
    assert convolution_norm_above(layer) >= np.linalg.norm(transposed, 2) * (1 - 1e-13)
    columns, rows = (layer_norm_above(layer, norm, norm) for norm in (Norm.L1, Norm.LINF))
    assert rows == pytest.approx(np.linalg.norm(transposed, 1), rel=1e-12)
    assert columns == pytest.approx(np.linalg.norm(transposed, np.inf), rel=1e-12)


def test_groups_count_by_the_largest():
    kernel = np.concatenate([normal_kernel(2, 2, 3, 3), 3.0 * normal_kernel(2, 2, 3, 3)])
    both = named(Convolution(kernel, None, (4, 6, 6), 1, 1, groups=2))
    second = named(Convolution(kernel[2:], None, (2, 6, 6), 1, 1))
    for name in KERNEL_BOUNDS:
        assert both[name].value == pytest.approx(second[name].value, rel=1e-12)


def test_one_dimension_is_one_axis_less():
    layer = Convolution(normal_kernel(3, 2, 1, 4), None, (2, 1, 20), 1, ((0, 0), (2, 1)))
    exact = float(np.linalg.norm(loops(layer), 2))
    assert exact <= named(layer)["torus"].value <= named(layer)["symbol"].value <= 1.1 * exact


def test_many_channels_leave_out_what_takes_long():
    kernel = np.ones((200, 200, 1, 1))
    layer = Convolution(kernel, None, (200, 30, 30))
    found = named(layer)
    assert MOST_WORK < 0.5 * 30 * 30 * 200.0**3
    assert found["torus"].why_not == TOO_LARGE
    assert found["torus"].value == matrix_norm_above(layer) == math.inf
    assert convolution_norm_above(layer) == pytest.approx(200.0, rel=1e-9)


def test_lip_bound_is_left_out_where_it_would_fill_the_memory(monkeypatch):
    layer = Convolution(np.ones((2, 3, 4, 4)), None, (3, 4, 4))
    values = 0.5 * 24 * 24 * 2 * 3
    monkeypatch.setattr("lipexplore.bounds.operator_norms.convolutions.MOST_VALUES", values)
    assert named(layer)["lipbound-outputs"].value >= math.sqrt(2 * 3 * 16)
    monkeypatch.setattr("lipexplore.bounds.operator_norms.convolutions.MOST_VALUES", values - 1)
    assert (
        named(layer)["lipbound-outputs"].value == named(layer)["lipbound-inputs"].value == math.inf
    )
    assert named(layer)["lipbound-inputs"].why_not
    assert convolution_norm_above(layer) == pytest.approx(math.sqrt(2 * 3 * 16), rel=1e-9)


def test_a_layer_of_zeros_has_norm_zero():
    assert convolution_norm_above(Convolution(np.zeros((2, 1, 3, 3)), None, (1, 4, 4))) == 0.0
