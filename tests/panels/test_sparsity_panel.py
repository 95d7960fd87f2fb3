"""The panel's words and marks are those of the program; clicks and shares."""

from __future__ import annotations

import numpy as np
import pytest

from lipexplore.bounds import bound
from lipexplore.figures.cliques import GRAPH, TREE
from lipexplore.networks.feedforward import Network
from lipexplore.networks.generators import random_dense
from lipexplore.panels.plot import MIME
from lipexplore.panels.sparsity_panel import SparsityPanel
from lipexplore.panels.state import WorkbenchState
from tests.panels.fakes import FakeWorker

WEIGHT = np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, -1.0], [0.0, 1.0, 1.0, 0.0]])
NETWORK = Network([WEIGHT, np.array([[1.0, 2.0, 0.5]])], name="three cliques")
SEPARATE = Network([WEIGHT[:2], np.array([[1.0, 2.0]])], name="two cliques")


def figure_of(plot):
    return plot.widget.outputs[0]["data"][MIME]


def opened(network):
    made = SparsityPanel(WorkbenchState(network, FakeWorker()))
    made.state.change(degrees=(2,), methods=("lipopt-lp",))
    made.show(True)
    return made


@pytest.fixture
def panel():
    return opened(NETWORK)


def finish(panel):
    panel.state.run()
    panel.state.worker.answer(max(panel.state.worker.jobs))
    panel.state.pump()


def test_everything_is_drawn_and_the_clique_is_named(panel):
    assert "clique 1 of 3, with 3 variables (t[0, 1], s1[0])" in panel.text.value
    for plot in (panel.weights, panel.program, panel.graph, panel.tree, panel.sizes):
        assert figure_of(plot)["data"]
    assert panel.state.marked == (0, 1, 4)
    # the largest cliques meet in a chain: t0 t1 s0 - t1 t2 s2 - t2 t3 s1
    assert "Running intersection holds" in panel.text.value


def test_running_intersection_that_fails_is_told():
    ring = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    panel = opened(Network([ring, np.ones((1, 3))]))
    assert "Running intersection fails" in panel.text.value


def test_clicks_choose_cliques(panel):
    panel.click({"plot": TREE, "point": 2})
    assert panel.clique.value == 3
    assert "clique 3 of 3" in panel.text.value
    panel.click({"plot": GRAPH, "point": 1})  # t[1] is in cliques 1 and 3: the next one is 1
    assert panel.clique.value == 1
    panel.click({"plot": GRAPH, "point": 1})
    assert panel.clique.value == 3
    panel.click({"plot": "bounds", "point": 0})
    panel.click({"plot": TREE, "point": None})
    assert panel.clique.value == 3


def test_share_of_the_bound_is_that_of_a_network_in_two_parts():
    panel = opened(SEPARATE)
    assert "Run LiPopt LP at this degree" in panel.text.value
    finish(panel)
    parts = [  # each part is bounded exactly, and the bound is their sum
        bound(Network([WEIGHT[[k]], [[w]]]), "lipopt-lp", degree=2).value
        for k, w in ((0, 1.0), (1, 2.0))
    ]
    assert f"carry {parts[0] / sum(parts):.1%} of the bound" in panel.text.value
    panel.clique.value = 2
    assert f"carry {parts[1] / sum(parts):.1%} of the bound" in panel.text.value


def test_share_is_of_the_present_question_only(panel):
    finish(panel)
    assert "of the bound" in panel.text.value
    panel.state.change(norm="l2", degrees=(3,))
    assert "Run LiPopt LP at this degree" in panel.text.value
    finish(panel)
    assert "of the squared bound" in panel.text.value
    assert "less the mean" in panel.text.value


def test_marked_products_are_those_inside_the_clique(panel):
    program = panel._cached[1]
    clique = set(program.cliques.members[0].tolist())
    count = sum(
        2 ** block.shape[1]
        for block in program.relaxation.subsets
        for row in block.tolist()
        if clique.issuperset(row)
    )
    assert f"and {count:,} of the" in panel.text.value


def test_large_program_keeps_its_cliques_and_counts():
    panel = opened(random_dense((40, 30, 1), 0))
    panel.state.change(degrees=(3,))  # too many to draw, not too many to solve
    assert "The LP is not drawn" in str(panel.program.widget.outputs)
    assert figure_of(panel.tree)["data"]
    panel.state.change(degrees=(7,))  # too many for any memory
    assert "of memory, above the limit" in str(panel.program.widget.outputs)
    assert "nonzeros" in str(panel.program.widget.outputs)
    assert figure_of(panel.tree)["data"]
    assert "clique 1 of 30" in panel.text.value


def test_norm_without_one_polynomial_is_told(panel):
    panel.state.change(norm="l1")
    assert "two problems per input" in str(panel.program.widget.outputs)
    assert "Not drawn" in str(panel.tree.widget.outputs)


def test_python_call_is_the_drawn_program(panel):
    assert "degree=2" in panel.python_call()
    assert '"lipopt-lp"' in panel.python_call()


def test_marks_leave_the_network_with_the_panel(panel):
    panel.clique.value = 2
    assert panel.state.marked == (2, 3, 5)
    panel.show(False)
    assert panel.state.marked == ()


def test_share_is_covered_while_the_class_guesses(panel):
    finish(panel)
    panel.state.predictions.hide(True)
    assert "of the bound" not in panel.text.value.replace("share of the bound", "")
    panel.state.predictions.hide(False)
    assert "of the bound" in panel.text.value
