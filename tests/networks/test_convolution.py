"""Unrolled convolutions against direct loops and PyTorch."""

import pickle
import time
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipexplore.errors import InvalidNetwork, UnsupportedQuestion
from lipexplore.networks.layers import AveragePool, Convolution
from tests.networks.direct_convolution import average, convolve
from tests.strategies import examples

MODES = ("zeros", "circular", "replicate", "reflect")
CASES = list(product(MODES, (1, 2, 3), (0, 1, 2), (1, 2), (1, 2)))


def random_case(mode, stride, padding, dilation, groups, seed=0):
    rng = np.random.default_rng([seed, stride, padding, dilation, groups])
    kernel, bias = rng.standard_normal((4, 4 // groups, 3, 2)), rng.standard_normal(4)
    layer = Convolution(kernel, bias, (4, 5, 6), stride, padding, dilation, groups, mode)
    return layer, rng.standard_normal((4, 5, 6))


def direct(layer, x):
    return convolve(
        x,
        layer.kernel,
        layer.channel_bias,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.groups,
        layer.padding_mode,
    )


@pytest.mark.parametrize("case", CASES)
def test_equals_direct_loops(case):
    layer, x = random_case(*case)
    expected = direct(layer, x)
    assert layer.output_shape == expected.shape
    assert (layer.n_inputs, layer.n_outputs) == (x.size, expected.size)
    np.testing.assert_allclose(layer.apply(x.ravel()), expected.ravel(), rtol=0, atol=1e-12)
    assert layer.matrix.has_sorted_indices
    assert layer.matrix.shape == (expected.size, x.size)


def test_equals_torch():
    torch = pytest.importorskip("torch")
    for mode, stride, padding, dilation, groups in CASES:
        layer, x = random_case(mode, stride, padding, dilation, groups)
        model = torch.nn.Conv2d(
            4, 4, (3, 2), stride, padding, dilation, groups, padding_mode=mode, dtype=torch.float64
        )
        with torch.no_grad():
            model.weight.copy_(torch.tensor(layer.kernel))
            model.bias.copy_(torch.tensor(layer.channel_bias))
            expected = model(torch.tensor(x)[None]).numpy()
        np.testing.assert_allclose(layer.apply(x.ravel()), expected.ravel(), rtol=0, atol=1e-12)


sizes = st.integers(1, 4)


@st.composite
def convolutions(draw):
    """Draw any small convolution, with half-integers so that sums are exact."""
    groups, per_in, per_out, mode = (
        draw(st.integers(1, 2)),
        draw(st.integers(1, 2)),
        draw(st.integers(1, 2)),
        draw(st.sampled_from(MODES)),
    )
    image = [draw(st.integers(3, 6)) for _ in range(2)]
    window, dilation, stride = ([draw(st.integers(1, 3)) for _ in range(2)] for _ in range(3))
    sides = [[draw(st.integers(0, size - 1)) for _ in range(2)] for size in image]
    for axis in range(2):
        while dilation[axis] * (window[axis] - 1) + 1 > image[axis] + sum(sides[axis]):
            window[axis] -= 1
    shape = (groups * per_out, per_in, *window)
    count = int(np.prod(shape))
    numbers = draw(st.lists(st.integers(-6, 6), min_size=count, max_size=count))
    return Convolution(
        np.reshape(numbers, shape) / 2,
        None,
        (groups * per_in, *image),
        stride,
        sides,
        dilation,
        groups,
        mode,
    )


@examples(100)
@given(convolutions(), st.integers(0, 2**32 - 1))
def test_any_convolution_equals_direct_loops_exactly(layer, seed):
    x = np.random.default_rng(seed).integers(-8, 9, layer.input_shape).astype(float)
    np.testing.assert_array_equal(layer.apply(x.ravel()), direct(layer, x).ravel())
    rows = np.random.default_rng(seed).integers(-8, 9, (2, layer.n_outputs)).astype(float)
    np.testing.assert_array_equal(layer.pull_back(rows), rows @ layer.dense)
    assert layer.nonzeros == np.count_nonzero(layer.dense)
    np.testing.assert_array_equal(layer.row(0), layer.dense[:1])


def test_zero_padding_stores_the_kernel_itself():
    layer, _ = random_case("zeros", 1, 1, 1, 1)
    assert set(layer.matrix.data) <= set(layer.kernel.ravel())


def test_taps_on_one_pixel_add_up():
    """A 3 x 3 kernel of ones on one pixel, its edge repeated: all nine taps read it."""
    ones = np.ones((1, 1, 3, 3))
    for mode in ("replicate", "circular"):
        layer = Convolution(ones, None, (1, 1, 1), padding=1, padding_mode=mode)
        assert layer.dense.tolist() == [[9.0]]
    reflected = Convolution(ones, None, (1, 3, 3), padding=1, padding_mode="reflect")
    assert np.linalg.norm(reflected.dense, 2) == pytest.approx(11.196152, rel=1e-6)
    corner = np.zeros((1, 1, 3, 3))
    corner[0, 0, 0, 0] = 1.0
    for mode in ("replicate", "reflect"):
        layer = Convolution(corner, None, (1, 5, 5), padding=1, padding_mode=mode)
        assert np.linalg.norm(layer.dense, 2) == pytest.approx(2.0, rel=1e-12)


def test_sums_of_taps_are_rounded_in_a_fixed_order():
    kernel = np.array([[[[1.0, 1e16, -1e16]]]])
    layer = Convolution(kernel, None, (1, 1, 1), padding=(0, 1), padding_mode="replicate")
    assert layer.dense.tolist() == [[(1.0 + 1e16) - 1e16]]
    exact = Fraction(1.0) + Fraction(1e16) + Fraction(-1e16)
    assert abs(Fraction(layer.dense[0, 0]) - exact) <= 5 * Fraction(2) ** -53 * Fraction(2e16)


def test_entries_that_cancel_are_not_stored():
    kernel = np.array([[[[1.0, 0.0, -1.0]]]])
    layer = Convolution(kernel, None, (1, 1, 1), padding=(0, 1), padding_mode="circular")
    assert layer.nonzeros == 0


def test_many_inputs_at_once():
    layer, _ = random_case("reflect", 2, 1, 1, 2)
    x = np.random.default_rng(0).standard_normal((2, 3, layer.n_inputs))
    expected = [[direct(layer, image.reshape(4, 5, 6)).ravel() for image in row] for row in x]
    np.testing.assert_allclose(layer.apply(x), expected, atol=1e-12)
    assert layer.apply(np.zeros((0, layer.n_inputs))).shape == (0, layer.n_outputs)
    with pytest.raises(ValueError, match=r"."):
        layer.apply(np.zeros((2, layer.n_inputs // 2)))


def test_unrolling_a_digit_sized_layer_takes_less_than_a_tenth_of_a_second():
    kernel = np.random.default_rng(0).standard_normal((16, 1, 3, 3))
    times = []
    for _ in range(3):
        start = time.process_time()
        layer = Convolution(kernel, None, (1, 28, 28), padding=1)
        assert layer.matrix.shape == (16 * 784, 784)
        times.append(time.process_time() - start)
    assert layer.nonzeros == 16 * (28 * 3 - 2) ** 2
    assert min(times) < 0.5  # on a busy machine


def test_a_matrix_too_large_is_refused_with_its_size():
    layer = Convolution(np.ones((64, 64, 3, 3)), None, (64, 224, 224), padding=1)
    with pytest.raises(UnsupportedQuestion, match=r"1,838,694,400 entries \(22.1 GB\)"):
        layer.matrix  # noqa: B018


def test_windows_that_see_no_pixel_reach_nothing():
    layer = Convolution(np.ones((2, 1, 1, 1)), None, (1, 1, 1), stride=3, padding=((1, 1), (1, 1)))
    assert layer.matrix.nnz == 0
    assert not layer.reached(np.array([True])).any()


def test_many_taps_are_gathered_without_a_table_of_them():
    kernel = np.arange(1.0, 301.0).reshape(1, 1, 1, 300)
    start = time.process_time()
    layer = Convolution(kernel, None, (1, 1, 2000))
    row = layer.row(1000)
    assert time.process_time() - start < 15.0  # 90 s where every weight had a set of its own
    np.testing.assert_array_equal(row[0, 1000:1300], kernel.ravel())
    assert layer.matrix.nnz == 300 * 1701


def test_reached_through_many_taps_takes_the_sparse_matrix():
    inputs = np.arange(2000) == 1000
    reached = Convolution(np.ones((1, 1, 1, 300)), None, (1, 1, 2000)).reached(inputs)
    np.testing.assert_array_equal(np.flatnonzero(reached), np.arange(701, 1001))


def test_pruning_keeps_the_largest_taps():
    layer, _ = random_case("zeros", 2, 1, 1, 1)
    pruned = layer.prune(0.25)
    kept = pruned.kernel != 0
    assert kept.sum() == layer.kernel.size // 4
    np.testing.assert_array_equal(pruned.kernel[kept], layer.kernel[kept])
    assert np.abs(layer.kernel[kept]).min() >= np.abs(layer.kernel[~kept]).max()
    np.testing.assert_array_equal(pruned.bias, layer.bias)
    assert pruned.nonzeros < layer.nonzeros


def test_pickles_without_its_matrix():
    layer, x = random_case("circular", 2, 1, 2, 2)
    layer.matrix  # noqa: B018
    content = pickle.dumps(layer)
    assert len(content) < 3000
    again = pickle.loads(content)
    np.testing.assert_array_equal(again.apply(x.ravel()), layer.apply(x.ravel()))
    assert again.content == layer.content


POOLS = [
    (window, stride, padding, counted)
    for window, stride in (((2, 2), (2, 2)), ((3, 2), (1, 2)), ((3, 3), (2, 1)), ((1, 4), (1, 1)))
    for padding in (((0, 0), (0, 0)), ((0, 0), (1, 0)))
    for counted in (True, False)
]


@pytest.mark.parametrize("case", POOLS)
def test_average_pool_equals_direct_loops(case):
    x = np.random.default_rng(1).standard_normal((3, 5, 6))
    layer, expected = AveragePool(x.shape, *case), average(x, *case)
    assert layer.output_shape == expected.shape
    np.testing.assert_allclose(layer.apply(x.ravel()), expected.ravel(), atol=1e-14)
    assert not layer.bias.any()


def test_average_pool_equals_torch():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).standard_normal((3, 5, 6))
    for counted in (True, False):
        layer = AveragePool(x.shape, 3, 2, 1, counted)
        model = torch.nn.AvgPool2d(3, 2, 1, count_include_pad=counted)
        expected = model(torch.tensor(x)[None]).numpy().ravel()
        np.testing.assert_allclose(layer.apply(x.ravel()), expected, atol=1e-14)


def test_average_pool_strides_by_its_window():
    assert AveragePool((1, 6, 8), (3, 2)).stride == (3, 2)
    assert AveragePool((1, 6, 8), (3, 2)).output_shape == (1, 2, 4)


ONES = np.ones((2, 1, 3, 3))
BAD = {
    "kernel axes": (lambda: Convolution(np.ones((3, 3)), None, (1, 5, 5)), "kernel must be a"),
    "kernel NaN": (lambda: Convolution(ONES * np.nan, None, (1, 5, 5)), "kernel holds NaN"),
    "bias": (lambda: Convolution(ONES, np.ones(3), (1, 5, 5)), "bias has 3 numbers"),
    "channels": (lambda: Convolution(ONES, None, (2, 5, 5)), "input of 2 channels"),
    "groups": (lambda: Convolution(ONES, None, (3, 5, 5), groups=3), "in 3 groups does not fit"),
    "no groups": (lambda: Convolution(ONES, None, (1, 5, 5), groups=0), "groups must hold whole"),
    "too small": (lambda: Convolution(ONES, None, (1, 2, 5)), "3 taps with dilation 1 do not fit"),
    "shape": (lambda: Convolution(ONES, None, (5, 5)), "input_shape must hold 3"),
    "no shape": (lambda: Convolution(ONES, None, ()), "input_shape must hold"),
    "stride": (lambda: Convolution(ONES, None, (1, 5, 5), stride=0), "stride must hold whole"),
    "strides": (lambda: Convolution(ONES, None, (1, 5, 5), (1, 1, 1)), "stride must hold 1 or 2"),
    "half": (lambda: Convolution(ONES, None, (1, 5, 5), padding=0.5), "padding must hold whole"),
    "negative": (lambda: Convolution(ONES, None, (1, 5, 5), padding=-1), "padding must hold"),
    "ragged": (lambda: Convolution(ONES, None, (1, 5, 5), padding=((1, 1), 1)), "padding must"),
    "three": (lambda: Convolution(ONES, None, (1, 5, 5), padding=(1, 1, 1)), "padding must hold"),
    "mode": (lambda: Convolution(ONES, None, (1, 5, 5), padding_mode="same"), "one of zeros, "),
    "reflection": (
        lambda: Convolution(ONES, None, (1, 5, 5), padding=5, padding_mode="reflect"),
        "allows a padding below 5",
    ),
    "overflow": (
        lambda: Convolution(ONES * 1e100, None, (1, 5, 5), padding=1, padding_mode="circular"),
        "taps may sum to more",
    ),
    "size": (lambda: Convolution(ONES, None, (1, 2**20, 2**20)), "above 67,108,864 numbers"),
    "taps": (lambda: AveragePool((1, 1, 2**26), (1, 2**25), 1), "above 67,108,864 numbers"),
    "window": (lambda: AveragePool((1, 4, 4), 5), "do not fit into 4 pixels"),
    "pool padding": (lambda: AveragePool((1, 4, 4), 2, padding=2), "padding must be below"),
    "count": (lambda: AveragePool((1, 4, 4), 2, count_padding="no"), "true or false"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_layer_is_refused(case):
    make, words = BAD[case]
    with pytest.raises(InvalidNetwork, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)
