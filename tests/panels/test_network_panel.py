"""The network and the question as a user changes them: controls, pictures, files, sentences."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import numpy as np
import pytest

from lipexplore.bounds import bound
from lipexplore.networks.activations import ACTIVATION_NAMES
from lipexplore.networks.files import network_bytes
from lipexplore.networks.gallery import digits, gallery_names, gallery_network
from lipexplore.networks.generators import random_banded, random_dense, random_sparse
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.panels.catalogue import Catalogue
from lipexplore.panels.network_panel import NetworkPanel
from lipexplore.panels.question_panel import QuestionPanel
from lipexplore.panels.settings import OF_NETWORK, Settings
from lipexplore.panels.sources import accuracy, resized_widths, toggled_layers
from lipexplore.panels.state import WorkbenchState
from tests.panels.fakes import FakeWorker

DEFAULT = "digits-64-20-10-relu"


@pytest.fixture
def network():
    made = NetworkPanel(WorkbenchState(worker=FakeWorker()))
    made.show(True)
    return made


@pytest.fixture
def question():
    made = QuestionPanel(WorkbenchState(worker=FakeWorker()))
    made.show(True)
    return made


def upload(panel, name, content):
    file = {
        "name": name,
        "type": "",
        "size": len(content),
        "content": memoryview(content),
        "last_modified": datetime.now(tz=UTC),
    }
    panel.upload.value = (file,)


def share_right(network):
    images, labels = digits("test")
    return sum(
        network(image).argmax() == label for image, label in zip(images, labels, strict=True)
    )


def test_hidden_panel_does_nothing():
    panel = NetworkPanel(WorkbenchState(worker=FakeWorker()))
    panel.state.change(kept=0.5)
    assert panel.drawing.html == ""
    panel.show(True)
    assert panel.kept.value == 0.5
    assert "<svg" in panel.drawing.html


def test_gallery_tells_the_accuracy(network):
    titles = {name: title for title, name in network.network.options}
    assert set(gallery_names()) < set(titles)
    assert (
        titles[DEFAULT] == f"{DEFAULT} ({share_right(gallery_network(DEFAULT)) / 3.6:.1f} % right)"
    )
    assert titles["random dense"] == "random dense"


def test_pruning_tells_what_it_costs_at_once(network):
    for kept in (0.5, 0.1):
        network.kept.value = kept
        pruned = gallery_network(DEFAULT).prune(kept)
        assert network.state.question.network.content_hash == pruned.content_hash
        assert f"{share_right(pruned) / 3.6:.1f} % of the test digits right" in network.facts.value
    assert f"{1.0 - pruned.density:.0%} of the weights are zero" in network.facts.value
    assert "prune(0.1)" in network.python_call()
    assert "0.1 of weights kept" in network.state.question.title


def test_accuracy_is_none_for_what_reads_no_digits():
    assert accuracy(random_dense((63, 10), 0)) is None
    assert accuracy(random_dense((64, 9), 0)) is None


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("random dense", lambda widths, act: random_dense(widths, 3, act)),
        ("random banded", lambda widths, act: random_banded(widths, 1, 3, act)),
        ("random sparse", lambda widths, act: random_sparse(widths, 0.5, 3, act)),
    ],
)
def test_random_networks_follow_their_controls(network, name, make):
    network.network.value = name
    controls = network.random
    controls["widths"].value = "9, 7, 5, 2"
    controls["seed"].value = 3
    controls["bandwidth"].value, controls["density"].value = 1, 0.5
    controls["activation"].value = "tanh"
    controls["depth"].value = 3
    controls["width"].value = 6
    assert network.state.settings.widths == "9, 6, 6, 6, 2"
    wanted = make((9, 6, 6, 6, 2), "tanh").content_hash
    assert network.state.question.network.content_hash == wanted
    names = {}
    exec(network.python_call(), names)
    assert names["network"].content_hash == wanted
    shown = {key for key, control in controls.items() if control.layout.display != "none"}
    extra = {"random banded": {"bandwidth"}, "random sparse": {"density"}}.get(name, set())
    assert shown == {"widths", "width", "depth", "activation", "seed"} | extra
    network.network.value = DEFAULT
    assert all(control.layout.display == "none" for control in controls.values())


def test_every_activation_can_be_chosen(network):
    network.network.value = "random dense"
    for name in ACTIVATION_NAMES:
        network.random["activation"].value = name
        assert network.state.problem == ""
        assert network.state.question.network.activations[0].name.startswith(name)


def test_layers_are_picked_in_the_drawing(network):
    network.network.value = "digits-64-32-16-10-relu"
    network.drawing.chosen = {"choice": 2, "count": 1}
    assert network.state.question.layers == (2, 2)
    assert network.layers.value == (2, 2)
    network.drawing.chosen = {"choice": 3, "count": 2}
    assert network.state.question.layers == (2, 3)
    assert re.findall(r'aria-pressed="(\w+)"', network.drawing.html) == ["false", "true", "true"]
    network.drawing.chosen = {"choice": 99, "count": 3}
    assert "do not exist" in network.state.problem or network.state.question.layers == (2, 3)


@pytest.mark.parametrize(
    ("layers", "picked", "after"),
    [
        ((1, 4), 2, (2, 2)),
        ((2, 2), 4, (2, 4)),
        ((2, 4), 3, (3, 3)),
        ((2, 4), 2, (3, 4)),
        ((2, 4), 4, (2, 3)),
        ((3, 3), 1, (1, 3)),
        ((3, 3), 3, (1, 4)),
    ],
)
def test_click_on_a_layer(layers, picked, after):
    assert toggled_layers(layers, picked, 4) == after


def test_widths_are_resized():
    assert resized_widths("5, 4, 3, 2", width=7) == "5, 7, 7, 2"
    assert resized_widths("5, 4, 3, 2", depth=4) == "5, 4, 3, 3, 3, 2"
    assert resized_widths("5, 4, 3, 2", depth=0) == "5, 2"
    assert resized_widths("5, 2", depth=2) == "5, 5, 5, 2"


def test_margin_and_marks_are_drawn(network):
    before = network.drawing.html.count("<circle")
    network.output.value, network.minus.value = 3, 5
    assert network.state.question.minus == 5
    assert network.drawing.html.count("<circle") == before + 1  # one ring was there for output 0
    network.state.mark((0, 1, 64))
    assert network.drawing.html.count('r="5.5"') == 3


def test_upload_is_asked_about_at_once(network):
    mine = random_dense((6, 5, 2), 1)
    upload(network, "mine.npz", network_bytes(mine))
    assert network.state.question.network.content_hash == mine.content_hash
    assert network.network.value == mine.name
    assert network.refused.value == ""
    assert network.upload.value == ()
    upload(network, "again.npz", network_bytes(mine))
    assert network.network.value == f"{mine.name} (2)"


def test_upload_without_a_name_is_called_after_its_file(network):
    buffer = io.BytesIO()
    np.savez(buffer, weight_1=np.ones((2, 3)), weight_2=np.ones((1, 2)), activation="relu")
    upload(network, "tiny.net.npz", buffer.getvalue())
    assert network.network.value == "tiny.net"
    assert network.state.question.network.n_inputs == 3


def test_upload_of_an_onnx_model(network):
    helper = pytest.importorskip("onnx").helper
    weights = np.array([[1.0, -2.0], [3.0, 4.0], [0.5, 0.0]], dtype=np.float32)
    tensor = helper.make_tensor("w", 1, (3, 2), weights.ravel())
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["h"]),
            helper.make_node("Softmax", ["h"], ["y"], axis=1),
        ],
        "graph",
        [helper.make_tensor_value_info("x", 1, (1, 3))],
        [helper.make_tensor_value_info("y", 1, (1, 2))],
        [tensor],
    )
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    upload(network, "tiny.onnx", model.SerializeToString())
    assert network.refused.value == ""
    assert network.network.value == "tiny before softmax"
    np.testing.assert_array_equal(network.state.question.network.weights[0], weights.T)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("bad.npz", b"nothing", "no .npz file"),
        ("empty.npz", b"", "no .npz file"),
        ("net.onnx", b"\x08\x07", "ONNX"),
        ("<b>.npz", b"nothing", "&lt;b&gt;.npz"),
    ],
)
def test_bad_file_is_one_sentence(network, name, content, words):
    before = network.state.settings
    upload(network, name, content)
    assert words in network.refused.value
    assert 'role="alert"' in network.refused.value
    assert network.state.settings == before
    assert network.upload.value == ()


def test_settings_of_the_network_are_kept_apart_from_the_rest():
    catalogue = Catalogue()
    first = catalogue.network(Settings(kept=0.5))[0]
    assert catalogue.network(Settings(kept=0.5, norm="l2", radius=0.3))[0] is first
    for name, value in {
        "network": "random dense",
        "widths": "4, 2",
        "bandwidth": 1,
        "density": 0.9,
        "seed": 5,
        "activation": "elu",
        "kept": 0.4,
    }.items():
        assert name in OF_NETWORK
        settings = Settings(**{"network": "random sparse", "kept": 0.5, name: value})
        assert catalogue.network(settings)[0] is not first


def test_digit_is_picked_from_the_strip(question):
    question.region.value = "ball around a digit"
    numbers = [int(text) for text in re.findall(r'data-choice="(\d+)"', question.strip.html)]
    assert 10 <= len(numbers) <= 13
    network, (images, labels) = gallery_network(DEFAULT), digits("test")
    told = network(images).argmax(axis=1)
    assert set(labels[numbers]) == set(range(10))
    assert sum(labels[numbers] != told[numbers]) == 2
    question.strip.chosen = {"choice": numbers[4], "count": 1}
    assert question.state.settings.digit == numbers[4]
    assert question.digit.value == numbers[4]
    words = f"Handwritten {labels[numbers[4]]}, read as {told[numbers[4]]}"
    assert words in question.picture.value
    question.digit.value = 200
    assert 'data-choice="200" aria-pressed="true"' in question.strip.html
    question.strip.chosen = {"choice": 10**6, "count": 2}
    assert question.state.settings.digit == 200


def test_radius_tells_how_many_units_are_undecided(question):
    question.region.value = "ball around a digit"
    counts = []
    for radius in (1e-6, 0.05, 0.3, 5.0):
        question.radius.value = radius
        asked = question.state.question
        counts.append(slope_ranges(asked.network, asked.region).undecided)
        assert f"{counts[-1]} of 20 hidden units are undecided" in question.picture.value
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert counts[-1] > 10
    question.radius.value = 1e9
    assert question.state.settings.radius == 1e6


def test_back_substitution_is_chosen_for_every_method(question):
    question.state.change(network="digits-64-32-16-10-relu", region="ball around a digit")
    question.state.change(parameters={"shor": {"rank": 8}})
    before = int(re.search(r"(\d+) of 48", question.picture.value)[1])
    question.slopes.value = "back-substitution"
    after = int(re.search(r"(\d+) of 48", question.picture.value)[1])
    assert after <= before
    parameters = question.state.settings.parameters
    assert parameters["shor"] == {"rank": 8, "slopes": "back-substitution"}
    assert all(own["slopes"] == "back-substitution" for own in parameters.values())
    for method, own in parameters.items():
        bound_settings = {"slopes": own["slopes"]}
        if method == "interval-jacobian":
            asked = question.state.question
            bound(asked.network, method, asked.norm, asked.region, **bound_settings)
    question.slopes.value = "interval"
    assert question.state.settings.parameters == {"shor": {"rank": 8}}


def test_question_shows_only_what_the_region_needs(question):
    hidden = {"strip", "digit", "radius", "ball", "slopes"}
    for region, shown in (
        ("whole space", set()),
        ("ball around 0", {"radius", "ball", "slopes"}),
        ("ball around a digit", hidden),
    ):
        question.region.value = region
        visible = {n for n in hidden if getattr(question, n).layout.display != "none"}
        assert visible == shown


def test_network_without_digits_is_told_what_to_do(question):
    question.state.change(network="random dense", widths="5, 4, 2", region="ball around a digit")
    assert 'role="alert"' in question.problem.value
    assert "choose the whole space or a ball around 0" in question.problem.value
