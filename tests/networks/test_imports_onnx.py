"""ONNX models: the network computes what ONNX's runtime and reference implementation compute."""

from __future__ import annotations

import io
import itertools
import math

import numpy as np
import pytest

from lipexplore import Network, bound, import_onnx, import_torch, load_network
from lipexplore.cli import main
from lipexplore.errors import InvalidNetwork
from lipexplore.networks.layers import AveragePool, Convolution, Dense, Scaling

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

ERF = 1e-7
"""The reference implementation computes erf, and gelu as one node, in single precision."""


def build(nodes, weights, shape, opset=17, double=False, **changes):
    """Return the bytes of a model: nodes as (operator, inputs, output, attributes), x to y."""
    kind = np.float64 if double else np.float32
    real = TensorProto.DOUBLE if double else TensorProto.FLOAT
    tensors = [
        numpy_helper.from_array(
            array.astype(kind) if np.asarray(array).dtype.kind == "f" else array, name
        )
        for name, array in weights.items()
    ]
    graph = helper.make_graph(
        [
            helper.make_node(operator, inputs, [output], name=f"n{i}", **attributes)
            for i, (operator, inputs, output, attributes) in enumerate(nodes)
        ],
        "graph",
        [helper.make_tensor_value_info("x", real, shape)],
        [helper.make_tensor_value_info(changes.get("output", "y"), real, None)],
        tensors,
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("other", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def agrees(nodes, weights, shape, opset=17, tail=None, tight=1e-12, runtime=True):
    """Import a model; compare it in single precision (ONNX Runtime) and in double (reference)."""
    points = np.random.default_rng(7).standard_normal((4, math.prod(shape))).astype(np.float32)
    imported = {}
    for double in (True, False)[: 1 + runtime]:
        content = build(nodes, weights, shape, opset, double)
        imported[double] = import_onnx(content)
        network = imported[double].network
        if double:
            session = ReferenceEvaluator(content)
        else:
            session = pytest.importorskip("onnxruntime").InferenceSession(
                content, providers=["CPUExecutionProvider"]
            )
        for point in points:
            given = point.astype(np.float64 if double else np.float32).reshape(shape)
            (theirs,) = session.run(None, {"x": given})
            ours = network(point.astype(np.float64))
            ours = tail(ours) if tail else ours
            scale = np.abs(theirs).max()
            assert ours.shape == (theirs.size,)
            tolerance = tight if double else 1e-5
            assert np.abs(ours - theirs.ravel()).max() <= tolerance * scale
    return imported[not runtime]


def draws(seed, **shapes):
    draw = np.random.default_rng(seed)
    return {name: draw.standard_normal(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("trans_a", "trans_b", "alpha", "beta", "first"),
    [(*flags, *scales) for flags in itertools.product((0, 1), repeat=2)
     for scales in ((1.0, 1.0, True), (0.5, 2.0, True), (1.5, 0.0, False))],
)  # fmt: skip
def test_gemm(trans_a, trans_b, alpha, beta, first):
    shape = ((3, 1) if trans_a else (1, 3)) if first else ((1, 3) if trans_b else (3, 1))
    wide = ((4, 3) if trans_b else (3, 4)) if first else ((3, 4) if trans_a else (4, 3))
    weights = draws(1, w=wide, b=(1, 4) if first else (4, 1), v=(2, 4) if first else (4, 2))
    attributes = {"transA": trans_a, "transB": trans_b, "alpha": alpha, "beta": beta}
    names = ["x", "w", "b"] if first else ["w", "x", "b"]
    last = (
        ("Gemm", ["r", "v"], "y", {"transB": 1})
        if first
        else ("Gemm", ["v", "r"], "y", {"transA": 1})
    )
    nodes = [("Gemm", names, "h", attributes), ("Relu", ["h"], "r", {}), last]
    agrees(nodes, weights, shape)


def test_matmul_and_add():
    weights = draws(2, w=(3, 4), b=(4,), v=(5, 4), c=(5, 1))
    nodes = [
        ("MatMul", ["x", "w"], "h", {}), ("Add", ["b", "h"], "p", {}), ("Tanh", ["p"], "r", {}),
        ("Transpose", ["r"], "t", {"perm": [1, 0]}), ("MatMul", ["v", "t"], "q", {}),
        ("Add", ["q", "c"], "y", {}),
    ]  # fmt: skip
    imported = agrees(nodes, weights, (1, 3))
    assert imported.notes == ()
    assert [type(layer) for layer in imported.network.layers] == [Dense, Dense]
    single = {name: array.astype(np.float32) for name, array in weights.items()}
    same = Network([single["w"].T, single["v"]], [single["b"], single["c"][:, 0]], "tanh")
    assert imported.network.content_hash == same.content_hash
    assert bound(imported.network, "path").value == bound(same, "path").value


ACTIVATIONS = {
    "relu": ("Relu", {}), "tanh": ("Tanh", {}), "sigmoid": ("Sigmoid", {}),
    "softplus": ("Softplus", {}), "abs": ("Abs", {}), "leaky": ("LeakyRelu", {}),
    "leaky a": ("LeakyRelu", {"alpha": 0.25}), "elu": ("Elu", {"alpha": 0.5}),
    "celu": ("Celu", {"alpha": 0.5}), "gelu": ("Gelu", {}),
    "gelu tanh": ("Gelu", {"approximate": "tanh"}), "identity": ("Identity", {}),
    "dropout": ("Dropout", {}), "neg": ("Neg", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    operator, attributes = ACTIVATIONS[name]
    weights = draws(3, w=(3, 5), b=(5,), v=(5, 2))
    nodes = [
        ("Gemm", ["x", "w", "b"], "h", {}), (operator, ["h"], "r", attributes),
        ("MatMul", ["r", "v"], "y", {}),
    ]  # fmt: skip
    if operator == "Gelu":
        agrees(nodes, weights, (1, 3), 20, tight=ERF)
    else:
        agrees(nodes, weights, (1, 3))


def test_prelu_selu_and_clip():
    weights = draws(3, w=(3, 5), v=(5, 2)) | {
        "a": np.full(5, 0.25), "low": np.array(0.0), "u": np.eye(2),
    }  # fmt: skip
    nodes = [
        ("MatMul", ["x", "w"], "h", {}), ("PRelu", ["h", "a"], "r", {}),
        ("MatMul", ["r", "v"], "s", {}), ("Clip", ["s", "low"], "t", {}),
        ("MatMul", ["t", "u"], "y", {}),
    ]  # fmt: skip
    agrees(nodes, weights, (1, 3))
    (selu,) = import_onnx(build([
        ("MatMul", ["x", "w"], "h", {}), ("Selu", ["h"], "r", {}), ("MatMul", ["r", "v"], "y", {}),
    ], weights, (1, 3))).network.activations  # fmt: skip
    assert selu.name == "selu"


PADDINGS = {
    "none": {}, "pads": {"pads": [1, 0, 2, 1]}, "upper": {"auto_pad": "SAME_UPPER"},
    "lower": {"auto_pad": "SAME_LOWER"}, "valid": {"auto_pad": "VALID"},
}  # fmt: skip


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("padding", "stride", "dilation", "group"),
    list(itertools.product(PADDINGS, ([1, 1], [2, 3]), ([1, 1], [2, 1]), (1, 2))),
)
def test_convolutions(padding, stride, dilation, group):
    weights = draws(4, k=(4, 2 // group, 3, 2), b=(4,))
    attributes = {"strides": stride, "dilations": dilation, "group": group, **PADDINGS[padding]}
    nodes = [
        ("Conv", ["x", "k", "b"], "h", attributes), ("Relu", ["h"], "r", {}),
        ("Flatten", ["r"], "y", {}),
    ]  # fmt: skip
    known = dilation == [1, 1] or padding not in ("upper", "lower")  # to the runtime
    imported = agrees(nodes, weights, (1, 2, 7, 8), runtime=known)
    assert isinstance(imported.network.layers[0], Convolution)


@pytest.mark.parametrize("included", [0, 1])
def test_average_pools(included):
    attributes = {
        "kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1],
        "count_include_pad": included,
    }  # fmt: skip
    nodes = [("AveragePool", ["x"], "h", attributes), ("GlobalAveragePool", ["h"], "y", {})]
    imported = agrees(nodes, {}, (1, 2, 7, 8))
    assert all(isinstance(layer, AveragePool) for layer in imported.network.layers)


def test_mean_over_an_image_is_a_pool():
    for opset, given in ((17, {"axes": [2, 3], "keepdims": 0}), (18, {"keepdims": 0})):
        names = ["x"] if opset == 17 else ["x", "axes"]
        nodes = [("ReduceMean", names, "h", given), ("MatMul", ["h", "w"], "y", {})]
        weights = {"axes": np.array([-2, -1]), **draws(5, w=(2, 3))}
        agrees(nodes, weights, (1, 2, 4, 5), opset)


def test_pads_reshapes_and_shapes_worked_out():
    weights = draws(6, k=(2, 1, 3, 3), w=(50, 3)) | {
        "pads": np.array([0, 0, 1, 0, 0, 0, 0, 2]), "zero": np.array(0), "minus": np.array([-1]),
        "axis": np.array([0]),
    }  # fmt: skip
    nodes = [
        ("Pad", ["x", "pads"], "p", {"mode": "reflect"}), ("Conv", ["p", "k"], "h", {}),
        ("Relu", ["h"], "r", {}), ("Shape", ["r"], "s", {}), ("Gather", ["s", "zero"], "n", {}),
        ("Unsqueeze", ["n", "axis"], "u", {}), ("Concat", ["u", "minus"], "t", {"axis": 0}),
        ("Reshape", ["r", "t"], "f", {}), ("MatMul", ["f", "w"], "y", {}),
    ]  # fmt: skip
    imported = agrees(nodes, weights, (1, 1, 6, 5))
    assert imported.network.layers[0].padding_mode == "reflect"
    free = onnx.load_from_string(build(nodes, weights, (1, 1, 6, 5)))
    free.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    again = import_onnx(free.SerializeToString())
    assert again.network.content_hash == imported.network.content_hash
    for dim in free.graph.input[0].type.tensor_type.shape.dim:
        dim.dim_param = "open"
    with pytest.raises(InvalidNetwork, match="give input_shape"):
        import_onnx(free.SerializeToString())
    again = import_onnx(free.SerializeToString(), (1, 6, 5))
    assert again.network.content_hash == imported.network.content_hash


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("opset", "place"), list(itertools.product((9, 13, 15), ("after", "before")))
)
@pytest.mark.parametrize("padded", [0, 1])
def test_batch_normalisation_folds_where_it_can(opset, place, padded):
    weights = draws(7, k=(3, 2, 2, 2), b=(3,)) | draws(8, g=3 if place == "after" else 2)
    size = len(weights["g"])
    weights |= draws(9, o=size, m=size)
    weights["v"] = np.random.default_rng(1).uniform(0.5, 2.0, size)
    conv = {"pads": [padded] * 4}
    norm = ["g", "o", "m", "v"]
    if place == "after":
        nodes = [
            ("Conv", ["x", "k", "b"], "h", conv),
            ("BatchNormalization", ["h", *norm], "n", {"epsilon": 1e-3}),
            ("Relu", ["n"], "y", {}),
        ]
    else:
        nodes = [
            ("Relu", ["x"], "r", {}),
            ("BatchNormalization", ["r", *norm], "h", {}),
            ("Conv", ["h", "k", "b"], "y", conv),
        ]
    network = import_onnx(build(nodes, weights, (1, 2, 4, 5), opset)).network
    scalings = sum(isinstance(layer, Scaling) for layer in network.layers)
    assert scalings == 1 + (place == "before" and padded)  # one is the identity beside the relu
    if opset == 15:  # the reference implementation takes batch statistics before
        agrees(nodes, weights, (1, 2, 4, 5), opset)
    points = np.random.default_rng(3).standard_normal((3, 40))
    single = {name: a.astype(np.float32).astype(np.float64) for name, a in weights.items()}
    epsilon = float(np.float32(1e-3 if place == "after" else 1e-5))
    factor = single["g"] / np.sqrt(single["v"] + epsilon)
    for point in points:
        image = point.reshape(2, 4, 5)
        if place == "after":
            image = correlate(image, single["k"], single["b"], padded)
        else:
            image = np.maximum(image, 0.0)
        image = (image - single["m"][:, None, None]) * factor[:, None, None]
        image = image + single["o"][:, None, None]
        if place == "after":
            image = np.maximum(image, 0.0)
        else:
            image = correlate(image, single["k"], single["b"], padded)
        np.testing.assert_allclose(network(point), image.ravel(), rtol=1e-12, atol=1e-12)


def correlate(image, kernel, bias, padded):
    image = np.pad(image, ((0, 0), (padded, padded), (padded, padded)))
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape[2:], axis=(1, 2))
    return np.einsum("chwab,ocab->ohw", windows, kernel) + bias[:, None, None]


@pytest.mark.parametrize("image", [True, False])
def test_input_normalisation_is_a_layer(image):
    shape, size = ((1, 2, 3, 3), (2, 1, 1)) if image else ((1, 4), (4,))
    weights = draws(10, m=size, c=size, w=(18 if image else 4, 3)) | {"s": np.full(size, 0.7)}
    nodes = [
        ("Sub", ["x", "m"], "a", {}), ("Div", ["a", "s"], "b", {}), ("Mul", ["b", "s"], "c0", {}),
        ("Add", ["c", "c0"], "d", {}), ("Sub", ["c", "d"], "e", {}), ("Flatten", ["e"], "f", {}),
        ("MatMul", ["f", "w"], "y", {}),
    ]  # fmt: skip
    imported = agrees(nodes, weights, shape)
    assert [type(layer) for layer in imported.network.layers] == [Scaling, Dense]


def softmax(values):
    return np.exp(values - values.max()) / np.exp(values - values.max()).sum()


@pytest.mark.parametrize("opset", [11, 13, 17])
def test_softmax_is_cut(opset):
    weights = draws(11, w=(3, 5))
    for operator, factor, tail in (
        ("Softmax", 0.5, softmax), ("LogSoftmax", math.sqrt(5.0), lambda z: np.log(softmax(z))),
    ):  # fmt: skip
        nodes = [("MatMul", ["x", "w"], "h", {}), (operator, ["h"], "y", {"axis": 1})]
        imported = agrees(nodes, weights, (1, 3), opset, tail)
        assert factor <= imported.output_factor <= factor * (1 + 1e-15)
        assert "before" in imported.network.name
        assert any("cut" in note for note in imported.notes)


def gelu_forms():
    erf = [("Div", ["h", "root"], "a", {}), ("Erf", ["a"], "e", {}), ("Add", ["e", "one"], "f", {})]
    tanh = [
        ("Mul", ["h", "h"], "q", {}), ("Mul", ["q", "h"], "c", {}),
        ("Mul", ["c", "cubic"], "d", {}),
        ("Add", ["h", "d"], "i", {}), ("Mul", ["rate", "i"], "a", {}), ("Tanh", ["a"], "e", {}),
        ("Add", ["one", "e"], "f", {}),
    ]  # fmt: skip
    for name, bell in (("gelu:exact", erf), ("gelu:tanh", tanh)):
        yield name, [*bell, ("Mul", ["h", "f"], "g", {}), ("Mul", ["g", "half"], "r", {})]
        yield name, [*bell, ("Mul", ["half", "h"], "g", {}), ("Mul", ["g", "f"], "r", {})]
        yield name, [*bell, ("Mul", ["half", "f"], "g", {}), ("Mul", ["h", "g"], "r", {})]
    yield "silu", [("Sigmoid", ["h"], "f", {}), ("Mul", ["h", "f"], "r", {})]
    yield "silu", [("Sigmoid", ["h"], "f", {}), ("Mul", ["f", "h"], "r", {})]


@pytest.mark.parametrize(("name", "nodes"), list(gelu_forms()))
def test_activations_of_several_nodes(name, nodes):
    weights = draws(12, w=(3, 4), v=(4, 2)) | {
        "half": np.array(0.5), "root": np.array(math.sqrt(2.0)), "one": np.array(1.0),
        "cubic": np.array(0.044715), "rate": np.array([math.sqrt(2.0 / math.pi)]),
        "two": np.array(2.0),
    }  # fmt: skip
    nodes = [("MatMul", ["x", "w"], "h", {}), *nodes, ("MatMul", ["r", "v"], "y", {})]
    imported = agrees(nodes, weights, (1, 3), tight=ERF)
    assert [act.name for act in imported.network.activations] == [name]
    for i, (operator, inputs, output, attributes) in enumerate(nodes):
        for wrong in ("half", "one", "root", "cubic", "rate"):
            if wrong in inputs:
                others = ["two" if item == wrong else item for item in inputs]
                changed = [*nodes[:i], (operator, others, output, attributes), *nodes[i + 1 :]]
                with pytest.raises(InvalidNetwork, match=r"node 'n\d"):
                    import_onnx(build(changed, weights, (1, 3)))


NAMED = [
    ([("MaxPool", ["x"], "y", {"kernel_shape": [2, 2]})], "'n0' .MaxPool.*average pooling"),
    ([("GlobalMaxPool", ["x"], "y", {})], "average pooling"),
    ([("Relu", ["x"], "h", {}), ("Add", ["x", "h"], "y", {})], "'n1' .Add.*two branches"),
    ([("Relu", ["x"], "h", {}), ("Relu", ["x"], "y", {})], None),
    ([("Mul", ["x", "x"], "y", {})], "two branches"),
    ([("Relu", ["x"], "y", {"slope": 3})], "attribute slope = 3 is not understood"),
    ([("HardSwish", ["x"], "y", {})], "HardSwish is not supported"),
    ([("Clip", ["x", "g", "g"], "y", {})], "only a clip to"),
    ([("Div", ["g", "x"], "y", {})], "'n0' .Div.*division"),
    ([("Softmax", ["x"], "h", {"axis": 1}), ("Relu", ["h"], "y", {})], "'n0' .Softmax"),
    ([("Flatten", ["x"], "f", {}), ("Softmax", ["f"], "h", {}), ("Relu", ["h"], "y", {})],
     "'n2' .Relu.*after a softmax"),
    ([("Dropout", ["x", "g", "true"], "y", {})], "training mode"),
    ([("BatchNormalization", ["x", "o", "o", "o", "o"], "y", {"training_mode": 1})], "batch"),
    ([("BatchNormalization", ["x", "o", "o", "o", "m"], "y", {})], "not positive"),
    ([("Transpose", ["x"], "y", {"perm": [0, 2, 3, 1]})], "channels first"),
    ([("Add", ["x", "big"], "y", {})], "do not fit"),
    ([("Cast", ["x"], "y", {"to": 10})], "rounds"),
    ([("AveragePool", ["x"], "y", {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1})],
     "ceil_mode"),
    ([("AveragePool", ["x"], "y", {"kernel_shape": [9, 9]})], "'n0' .AveragePool"),
    ([("Conv", ["x", "k"], "y", {"pads": [2**40] * 4})], "'n0' .Conv"),
    ([("Reshape", ["x", "shape"], "y", {})], "do not fill"),
    ([("LSTM", ["x", "k", "k"], "y", {"hidden_size": 3})], "recurrences"),
    ([("Relu", ["missing"], "y", {})], "'n0' .Relu"),
    ([("Relu", ["x"], "z", {})], None),
    ([("Identity", ["g"], "y", {})], "does not depend"),
    ([("Mul", ["x", "nan"], "y", {})], "NaN|finite"),
    ([("Relu", ["x"], "y", {"domain": "other"})], "operators of 'other'"),
    ([("MatMul", ["x", "square"], "y", {})], "several vectors"),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "words"), NAMED, ids=str)
def test_unsupported_nodes_are_named(nodes, words):
    weights = {
        "g": np.array(2.0), "true": np.array(True), "o": np.ones(2), "m": -np.ones(2),
        "big": np.ones((5, 2, 4, 4)), "k": np.ones((1, 2, 2, 2)), "shape": np.array([7, -1]),
        "nan": np.array(math.nan), "square": np.ones((4, 4)),
    }  # fmt: skip
    content = build(nodes, weights, (1, 2, 4, 4))
    if words is None:  # a node without use, or without an output
        content = build(nodes, weights, (1, 2, 4, 4), output=nodes[-1][2])
        assert import_onnx(content).network.depth == 1
        return
    with pytest.raises(InvalidNetwork, match=words):
        import_onnx(content)


def simple(seed=0):
    nodes = [("Gemm", ["x", "w", "b"], "h", {}), ("Relu", ["h"], "r", {}),
             ("Gemm", ["r", "v"], "y", {})]  # fmt: skip
    return build(nodes, draws(seed, w=(3, 4), b=(4,), v=(4, 2)), (1, 3))


def test_old_models_several_inputs_and_outputs():
    for change, words in (
        (lambda m: setattr(m.opset_import[0], "version", 6), "opset 7"),
        (lambda m: m.graph.input.add(name="more"), "one input"),
        (lambda m: m.graph.output.add(name="h"), "one output"),
        (lambda m: m.graph.input[0].type.Clear(), "no tensor"),
        (lambda m: m.graph.initializer[0].dims.append(10**9), "'w'"),
        (lambda m: setattr(m.graph.initializer[0], "data_type", 8), "real numbers"),
    ):
        model = onnx.load_from_string(simple())
        change(model)
        with pytest.raises(InvalidNetwork, match=words):
            import_onnx(model.SerializeToString())


def test_damaged_models_are_one_sentence(many):
    good, draw, told = simple(), np.random.default_rng(0), []
    for trial in range(many(300, 20_000)):
        bad = bytearray(good)
        for place in draw.integers(len(bad), size=1 + trial % 3):
            bad[place] ^= 1 << draw.integers(8)
        try:
            network = import_onnx(bytes(bad[: draw.integers(len(bad))] if trial % 7 == 0 else bad))
            assert network.largest_difference <= 1e-6
        except InvalidNetwork as problem:
            told.append(str(problem))
    assert len(told) > trial / 2
    assert all(text.isprintable() and len(text) < 600 for text in told)
    for content in (b"", b"\x00" * 1000, bytes(range(256))):
        with pytest.raises(InvalidNetwork, match="no ONNX model"):
            import_onnx(content)


def test_weights_in_a_second_file(tmp_path):
    model = onnx.load_from_string(simple())
    wanted = import_onnx(simple()).network.content_hash
    onnx.save_model(
        model, tmp_path / "net.onnx", save_as_external_data=True, location="net.data",
        size_threshold=0,
    )  # fmt: skip
    assert load_network(tmp_path / "net.onnx").content_hash == wanted
    with pytest.raises(InvalidNetwork, match="one file"):
        import_onnx((tmp_path / "net.onnx").read_bytes())
    (tmp_path / "net.data").rename(tmp_path / "gone.data")
    with pytest.raises(InvalidNetwork, match="missing"):
        load_network(tmp_path / "net.onnx")
    (tmp_path / "deep").mkdir()
    outside = (tmp_path / "net.onnx").read_bytes().replace(b"net.data", b"../g.dat")
    (tmp_path / "g.dat").write_bytes((tmp_path / "gone.data").read_bytes())
    (tmp_path / "deep" / "net.onnx").write_bytes(outside)
    with pytest.raises(InvalidNetwork, match="beside the model"):
        load_network(tmp_path / "deep" / "net.onnx")


@pytest.mark.parametrize("place", ["", "..", "hard.data"])
def test_odd_places_of_weights_are_one_sentence(tmp_path, place):
    weight = TensorProto(name="w", dims=[3, 2], data_type=TensorProto.FLOAT)
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=place)
    (tmp_path / "net.data").write_bytes(np.ones(6, np.float32).tobytes())
    (tmp_path / "hard.data").hardlink_to(tmp_path / "net.data")
    model = onnx.load_from_string(
        build([("MatMul", ["x", "w"], "y", {})], draws(0, w=(3, 2)), (1, 3))
    )
    model.graph.initializer[0].CopyFrom(weight)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InvalidNetwork, match="'w'"):
        load_network(tmp_path / "net.onnx")


def test_nested_powers_and_odd_shapes_are_refused_at_once():
    names = ["x", *(f"p{i}" for i in range(40))]
    nodes = [("Pow", [a, "three"], b, {}) for a, b in itertools.pairwise(names)]
    nodes += [("Mul", [names[-1], names[-1]], f"m{i}", {}) for i in range(200)]
    nodes.append(("Mul", [names[-1], "m0"], "y", {}))
    with pytest.raises(InvalidNetwork, match="Pow"):
        import_onnx(build(nodes, {"three": np.array(3.0)}, (1, 2)))
    with pytest.raises(InvalidNetwork, match="whole numbers"):
        import_onnx(simple(), input_shape=(math.inf,))


def test_rounding_up_of_padded_pools_cannot_be_checked():
    pool = {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER", "ceil_mode": 1}
    with pytest.raises(InvalidNetwork, match="ceil_mode"):
        import_onnx(build([("AveragePool", ["x"], "y", pool)], {}, (1, 1, 3, 3)))


def test_huge_files_are_refused(tmp_path):
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(InvalidNetwork, match="more than"):
        load_network(tmp_path / "huge.onnx")


def test_command_line(tmp_path, capsys):
    path = tmp_path / "net.onnx"
    nodes = [("Conv", ["x", "k"], "h", {}), ("Relu", ["h"], "r", {}), ("Flatten", ["r"], "f", {}),
             ("Softmax", ["f"], "y", {"axis": 1})]  # fmt: skip
    path.write_bytes(build(nodes, draws(1, k=(2, 1, 2, 2)), (1, 1, 4, 4)))
    assert main(["show", str(path)]) == 0
    shown = capsys.readouterr()
    assert "net before softmax: 16-18-18" in shown.out
    assert "Convolution 1x4x4 to 2x3x3" in shown.out
    assert "note: the final softmax is cut" in shown.err
    assert main(["bound", str(path), "--method", "path", "--json"]) == 0
    printed = capsys.readouterr().out
    assert f'"value": {bound(load_network(path), "path").value}' in printed
    path.write_bytes(b"nothing")
    assert main(["show", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["show", str(tmp_path / "missing.onnx")]) == 2
    assert "there is no such file" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("opset", [11, 17, 20])
def test_models_that_pytorch_exports(opset):
    torch = pytest.importorskip("torch")
    from torch import nn

    torch.manual_seed(1)
    module = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, stride=2), nn.BatchNorm2d(4),
        nn.SiLU(), nn.AvgPool2d(2, padding=1), nn.BatchNorm2d(4), nn.GELU(),
        nn.Conv2d(4, 2, 2, groups=2), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(8, 6),
        nn.GELU("tanh"), nn.Dropout(), nn.Linear(6, 3), nn.LogSoftmax(dim=1),
    ).eval()  # fmt: skip
    module[1].running_mean.normal_()
    module[4].running_var.uniform_(0.5, 2.0)
    content = io.BytesIO()
    torch.onnx.export(
        module, torch.zeros(2, 2, 8, 8), content, dynamo=False, opset_version=opset,
        input_names=["x"], dynamic_axes={"x": {0: "batch"}},
    )  # fmt: skip
    exported = import_onnx(content.getvalue())
    direct = import_torch(module, (2, 8, 8))
    assert exported.output_factor == direct.output_factor
    points = np.random.default_rng(2).standard_normal((5, 128))
    wanted = direct.network(points)
    assert np.abs(exported.network(points) - wanted).max() <= 1e-5 * np.abs(wanted).max()
