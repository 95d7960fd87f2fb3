"""A method of the user's own, which METHODS does not list, in a sweep."""

from dataclasses import dataclass

from lipexplore.bounds.norm_product import NormProduct
from lipexplore.experiments.sweep import sweep
from lipexplore.networks.generators import random_dense

NETWORK = random_dense((3, 4, 1), 0)


@dataclass(frozen=True)
class MyBound(NormProduct):
    """The product of norms under another name."""

    name = "my-bound"
    label = "my bound"


def test_in_this_process_it_answers_like_any_other():
    table = sweep(NETWORK, [MyBound(), NormProduct()]).set_index("method")
    assert table.loc["my-bound", "label"] == "my bound"
    assert table.loc["my-bound", "value"] == table.loc["norm-product", "value"]
    assert table.loc["my-bound", "run"] != table.loc["norm-product", "run"]


def test_in_a_worker_which_does_not_know_it_its_run_is_a_failure_with_the_reason():
    table = sweep(NETWORK, [MyBound(), NormProduct()], executor=1).set_index("method")
    assert table.loc["my-bound", "failed"]
    assert "unknown method 'my-bound'" in table.loc["my-bound", "status"]
    assert table.loc["norm-product", "verified"]
