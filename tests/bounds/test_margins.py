"""The table of margins against single questions."""

import numpy as np
import pytest

import lipexplore
from lipexplore.networks.generators import random_dense

NETWORK = random_dense((4, 5, 4), 2)


@pytest.mark.parametrize("method", ["path", "lipopt-lp", "vertex-search"])
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_table_equals_single_questions(method, norm):
    table = lipexplore.margins(NETWORK, method, norm)
    for i in range(4):
        for j in range(4):
            minus = None if i == j else j
            single = lipexplore.bound(NETWORK, method, norm, output=i, minus=minus)
            assert table.value[i, j] == pytest.approx(single.value, rel=1e-7)
            assert table.lower[i, j] == pytest.approx(single.lower, rel=1e-6)
    assert set(table.bounds) == {(i, j) for i in range(4) for j in range(i, 4)}


def test_margin_is_at_most_the_sum_of_its_outputs():
    table = lipexplore.margins(NETWORK, "lipopt-lp", degree=2)
    alone = np.diag(table.value)
    assert (table.value <= alone[:, None] + alone[None, :] + 1e-9).all()


def test_progress_and_time_limit():
    seen = []
    table = lipexplore.margins(NETWORK, "lipopt-lp", time_limit=1e-3, on_progress=seen.append)
    assert seen == [{"done": k, "total": 10} for k in range(1, 11)]
    full = lipexplore.margins(NETWORK, "lipopt-lp")
    assert np.isfinite(table.value).all()
    assert (table.value >= full.lower).all()


def test_equal_outputs_have_margin_zero_and_a_dead_one_counts_as_zero():
    row = NETWORK.weights[1][0]
    network = lipexplore.Network([NETWORK.weights[0], np.array([row, row, 0 * row])])
    table = lipexplore.margins(network, "path")
    assert table.value[0, 1] == 0.0
    assert table.value[2, 2] == 0.0
    assert table.value[0, 2] == table.value[0, 0]
    assert lipexplore.bound(network, "path", output="all").value == table.value[0, 0]


def test_shows_itself_as_a_table():
    assert "<table>" in lipexplore.margins(NETWORK, "path")._repr_html_()
