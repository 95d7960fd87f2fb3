"""The panel's numbers are those of the layer, and words say where a bound does not apply."""

import math

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds.operator_norms.kernels import symbol_bound, symbol_estimate
from lipexplore.networks.gallery import gallery_network
from lipexplore.panels.convolution_controls import EDITOR, KERNELS
from lipexplore.panels.convolution_panel import NOT_CHOSEN, ConvolutionPanel
from lipexplore.panels.plot import MIME
from lipexplore.panels.state import WorkbenchState
from lipexplore.rounding import text_above
from tests.panels.fakes import FakeWorker

CONV = "digits-conv-64-36-10-relu"


def figure_of(plot):
    return plot.widget.outputs[0]["data"][MIME]


@pytest.fixture
def panel():
    made = ConvolutionPanel(WorkbenchState(None, FakeWorker()))
    made.show(True)
    return made


def test_nothing_is_drawn_before_it_is_shown():
    panel = ConvolutionPanel(WorkbenchState(None, FakeWorker()))
    assert panel.kernel.widget.outputs == ()
    panel.controls.size.value = 5
    assert panel.table.value == ""


def test_grid_alone_is_below_the_exact_norm_at_the_start(panel):
    """The filter outer([1, 0, -1], [1, 0, -1]): exact 3.8649 at n = 16, grid of 10: 3.6180."""
    assert "exact about 3.8649" in panel.table.value
    assert "the grid alone is BELOW the exact norm" in panel.table.value
    for plot in (panel.kernel, panel.matrix, panel.symbol, panel.growth, panel.samples):
        assert figure_of(plot)["data"]


def test_sliders_make_the_kernel(panel):
    panel.controls.preset.value = "box"
    assert (panel.controls.kernel[0, 0] == 1.0).all()
    panel.controls.taps[5].value = -2.0
    expected = KERNELS["box"].copy()
    expected[1, 2] = -2.0
    assert (panel.controls.kernel == expected).all()
    panel.controls.channels.value = 2
    assert panel.controls.kernel.shape == (2, 2, 3, 3)
    assert (panel.controls.kernel[0, 0] == expected).all()
    kernel = panel.controls.kernel
    assert text_above(symbol_bound(kernel, (10, 10)), 5) in panel.table.value
    assert f"{symbol_estimate(kernel, (10, 10)):.5g}" in panel.table.value


def test_padding_that_is_not_covered_is_told_in_red_words(panel):
    assert "lx-refused" not in panel.warning.value
    for mode in ("replicate", "reflect"):
        panel.controls.mode.value = mode
        assert 'class="lx-refused">WARNING' in panel.warning.value
        assert "multiplied by 2" in panel.warning.value
    panel.controls.mode.value = "circular"
    assert "the torus is the exact norm" in panel.warning.value
    panel.controls.stride.value = 3
    assert "the stride does not divide the image" in panel.warning.value
    assert "DOES NOT APPLY" in panel.table.value
    panel.controls.stride.value, panel.controls.padding.value = 1, 4
    assert "repeats rows" in panel.warning.value


def test_a_grid_that_is_too_small_proves_nothing(panel):
    panel.controls.samples.value = 2
    assert "the grid has fewer points than the kernel has taps" in panel.table.value
    assert "too few to prove anything" in panel.symbol_text.value
    panel.controls.samples.value = 4
    certified = symbol_bound(panel.controls.kernel, (4, 4))
    assert f"<b>{text_above(certified, 5)}</b>" in panel.symbol_text.value


def test_impossible_geometry_is_a_sentence(panel):
    panel.controls.size.value, panel.controls.padding.value = 1, 0
    assert "do not fit" in str(panel.matrix.widget.outputs)
    assert panel.table.value == ""
    assert panel.python_call() == ""
    panel.controls.padding.value = 1
    assert panel.table.value


def test_growth_holds_the_bounds_of_every_size(panel):
    panel.controls.size.value = 9
    lines = {trace["name"]: trace for trace in figure_of(panel.growth)["data"]}
    sizes, exact = lines["torus"]["x"], lines["exact norm (estimate)"]["y"]
    assert 9 in sizes
    assert sorted(exact) == list(exact)
    for name, line in lines.items():
        if "exact" not in name:
            assert (np.array(line["y"]) >= np.array(exact) * (1 - 1e-6)).all(), name


def test_layer_of_a_network_brings_its_geometry(panel):
    assert panel.network.value == NOT_CHOSEN
    assert panel.compare.disabled
    panel.controls.source.value = (CONV, 0)
    layer = gallery_network(CONV).layers[0]
    made = panel.controls.layer()
    assert (made.matrix != layer.matrix).nnz == 0
    assert panel.controls.preset.layout.display == "none"
    assert f"shape {layer.kernel.shape}" in panel.python_call()
    panel.controls.source.value = EDITOR
    assert panel.controls.kernel.shape == (1, 1, 3, 3)


def test_whole_network_is_bounded(panel):
    panel.controls.source.value = (CONV, 0)
    panel.compare.click()
    network = gallery_network(CONV)
    product, lipopt = (
        lipexplore.bound(network, method, "linf").value for method in ("norm-product", "lipopt-lp")
    )
    assert f"norm product {text_above(product, 5)}" in panel.network.value
    assert text_above(lipopt, 5) in panel.network.value
    assert "dense network of the same widths" in panel.network.value
    assert math.isfinite(lipopt)


def test_networks_of_the_workbench_are_offered():
    panel = ConvolutionPanel(WorkbenchState(gallery_network(CONV).slice(1, 1), FakeWorker()))
    panel.show(True)
    assert len([value for _, value in panel.controls.source.options]) >= 3
    panel.state.change(network="digits-64-20-10-relu")
    assert panel.controls.source.value == EDITOR
    assert "\nlayer = Convolution(kernel, None, (1, 16, 16)" in panel.python_call()
