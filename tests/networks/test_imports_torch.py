"""PyTorch modules, state dicts and files: the network computes what PyTorch computes."""

from __future__ import annotations

import copy
import itertools
import math
import pickle

import numpy as np
import pytest

from lipexplore import Network, bound, import_torch, load_network
from lipexplore.errors import InvalidNetwork
from lipexplore.networks.layers import AveragePool, Convolution, Dense, Scaling

torch = pytest.importorskip("torch")
nn = torch.nn


def moved(module, seed=0):
    """Return the module in evaluation mode, with batch statistics that are not the neutral ones."""
    draw = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.normal_(generator=draw)
            part.running_var.uniform_(0.5, 2.0, generator=draw)
            if part.affine:
                part.weight.data.normal_(generator=draw)
                part.bias.data.normal_(generator=draw)
    return module.eval()


def agrees(module, network, shape, cut=None, tight=1e-12):
    """Compare a network with a module in single and in double precision."""
    points = np.random.default_rng(7).standard_normal((5, math.prod(shape)))
    points = points.astype(np.float32).astype(np.float64)
    values = torch.tensor(points).reshape(5, *shape)
    with torch.no_grad():
        single = module(values.float()).double().numpy().reshape(5, -1)
        double = copy.deepcopy(module).double()(values).numpy().reshape(5, -1)
    ours = network(points)
    if cut is not None:
        ours = cut(torch.tensor(ours), dim=1).numpy()
    scale = np.abs(double).max()
    assert np.abs(ours - double).max() <= tight * scale
    assert np.abs(ours - single).max() <= 1e-5 * scale


DENSE = [
    (activation, norm, bias)
    for activation, norm, bias in itertools.product(
        (
            nn.ReLU(), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.CELU(0.5), nn.SELU(), nn.GELU(),
            nn.GELU("tanh"), nn.SiLU(), nn.Sigmoid(), nn.Tanh(), nn.PReLU(), nn.RReLU(),
            nn.Softplus(), nn.Softplus(beta=2.0), nn.Identity(),
        ),
        ("no", "before", "after"),
        (True, False),
    )
]  # fmt: skip


@pytest.mark.sweep
@pytest.mark.parametrize(("activation", "norm", "bias"), DENSE, ids=str)
def test_dense_modules(activation, norm, bias):
    torch.manual_seed(1)
    norms = {"no": [], norm: [nn.BatchNorm1d(6)]}
    module = moved(
        nn.Sequential(
            nn.Linear(5, 6, bias=bias),
            *norms.get("before", []),
            nn.Sequential(activation, nn.Dropout(0.3)),
            *norms.get("after", []),
            nn.Linear(6, 3, bias=bias),
        )
    )
    imported = import_torch(module)
    assert imported.largest_difference < 1e-12
    assert imported.output_factor == 1.0
    assert all(isinstance(layer, Dense | Scaling) for layer in imported.network.layers)
    agrees(module, imported.network, (5,))


CONVOLUTIONS = [
    (stride, padding, mode, dilation, groups)
    for stride, padding, mode, dilation, groups in itertools.product(
        (1, 2),
        (0, 1, (2, 1), "same"),
        ("zeros", "circular", "reflect", "replicate"),
        (1, 2),
        (1, 2),
    )
    if not (padding == "same" and stride != 1)
]


@pytest.mark.sweep
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
@pytest.mark.parametrize(("stride", "padding", "mode", "dilation", "groups"), CONVOLUTIONS)
def test_convolutions(stride, padding, mode, dilation, groups):
    torch.manual_seed(2)
    convolution = nn.Conv2d(
        2, 4, (3, 2), stride, padding, dilation, groups, padding_mode=mode, bias=groups == 1
    )
    module = moved(
        nn.Sequential(
            nn.BatchNorm2d(2),
            convolution,
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
        )
    )
    imported = import_torch(module, (2, 7, 8))
    assert imported.largest_difference < 1e-12
    agrees(module, imported.network, (2, 7, 8))
    wanted = [Convolution, AveragePool]
    if mode == "zeros" and padding != 0:
        wanted.insert(0, Scaling)  # zeros are added after the normalisation
    assert [type(layer) for layer in imported.network.layers] == wanted


@pytest.mark.parametrize(
    ("pool", "out"),
    [
        (nn.AvgPool2d(2), 12),
        (nn.AvgPool2d(3, 2, 1), 12),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), 12),
        (nn.AvgPool2d((2, 3), divisor_override=5), 8),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False, divisor_override=4), 12),
        (nn.AvgPool2d(2, ceil_mode=True), 12),
        (nn.AdaptiveAvgPool2d(1), 2),
        (nn.AdaptiveAvgPool2d((2, None)), 24),
    ],
    ids=str,
)
def test_average_pools(pool, out):
    torch.manual_seed(3)
    module = nn.Sequential(nn.Conv2d(1, 2, 1), pool, nn.Flatten(), nn.Linear(out, 2)).eval()
    shape = (1, 4, 6)
    agrees(module, import_torch(module, shape).network, shape)


def test_signals_and_shapes():
    torch.manual_seed(4)
    module = moved(
        nn.Sequential(
            nn.Unflatten(1, (2, -1)),
            nn.Conv1d(2, 3, 3, padding=1, stride=2),
            nn.BatchNorm1d(3),
            nn.Tanh(),
            nn.AvgPool1d(2),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Linear(3, 2),
        )
    )
    agrees(module, import_torch(module, (16,)).network, (16,))


def test_pads_become_part_of_the_convolution():
    torch.manual_seed(4)
    for pad in (nn.ZeroPad2d((1, 2, 0, 1)), nn.CircularPad2d(1), nn.ReflectionPad2d(1)):
        module = nn.Sequential(pad, nn.Conv2d(1, 2, 3), nn.ReLU(), nn.ZeroPad2d(1), nn.AvgPool2d(2))
        network = import_torch(module, (1, 5, 6)).network
        assert [type(layer) for layer in network.layers] == [Convolution, AveragePool]
        agrees(module, network, (1, 5, 6))


class Normalise(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1, 0.2]))
        self.register_buffer("std", torch.tensor([0.3, 0.4]))

    def forward(self, x):
        return (x - self.mean[:, None, None]) / self.std[:, None, None]


def test_input_normalisation_is_a_layer_and_other_scalings_fold():
    torch.manual_seed(5)
    module = nn.Sequential(Normalise(), nn.Conv2d(2, 3, 2), nn.ReLU(), nn.Conv2d(3, 1, 2)).eval()
    imported = import_torch(module, (2, 4, 4))
    first, *others = imported.network.layers
    assert isinstance(first, Scaling)
    assert first.input_shape == (2, 4, 4)
    assert all(isinstance(layer, Convolution) for layer in others)
    agrees(module, imported.network, (2, 4, 4))


@pytest.mark.parametrize(
    ("tail", "factor", "cut"),
    [
        (nn.Softmax(dim=1), 0.5, torch.softmax),
        (nn.LogSoftmax(dim=-1), math.sqrt(10.0), torch.log_softmax),
    ],
)
def test_softmax_is_cut_and_its_factor_told(tail, factor, cut):
    torch.manual_seed(6)
    body = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 10))
    module = nn.Sequential(body, tail)
    imported = import_torch(module, name="m")
    assert imported.network.name.startswith("m before ")
    assert any("cut" in note for note in imported.notes)
    assert factor <= imported.output_factor <= factor * (1 + 1e-15)
    agrees(module, imported.network, (4,), cut)
    bare = import_torch(body).network
    assert imported.network.content_hash == bare.content_hash
    points = torch.tensor(np.random.default_rng(0).standard_normal((200, 10)) * 30.0)
    rows = [torch.autograd.functional.jacobian(lambda x: cut(x, dim=-1), x) for x in points]
    norms = np.linalg.norm(np.array(rows), 2, axis=(1, 2))
    assert 0.4 * factor <= norms.max() <= imported.output_factor


def test_activations_at_the_ends_and_side_by_side():
    torch.manual_seed(7)
    module = nn.Sequential(nn.Tanh(), nn.Linear(3, 4), nn.ReLU(), nn.Sigmoid())
    network = import_torch(module, (3,)).network
    assert [type(layer) for layer in network.layers] == [Scaling, Dense, Scaling, Scaling]
    agrees(module, network, (3,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weights_are_the_exact_numbers(dtype):
    torch.manual_seed(8)
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(dtype)
    network = import_torch(module).network
    for layer, part in zip(network.layers, (module[0], module[2]), strict=True):
        assert torch.equal(torch.tensor(layer.dense).to(dtype), part.weight)
        assert torch.equal(part.weight.double(), torch.tensor(layer.dense))


def test_bound_is_that_of_the_same_arrays():
    torch.manual_seed(9)
    module = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3))
    linears = [part for part in module if isinstance(part, nn.Linear)]
    same = Network(
        [part.weight.detach().numpy() for part in linears],
        [part.bias.detach().numpy() for part in linears],
        ["relu", "tanh"],
    )
    imported = import_torch(module).network
    assert imported.content_hash == same.content_hash
    assert bound(imported, "path").value == bound(same, "path").value


def test_state_dict_with_a_list_of_layers():
    torch.manual_seed(10)
    module = moved(
        nn.Sequential(
            nn.Conv2d(1, 2, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(2),
            nn.LeakyReLU(0.2), nn.AvgPool2d(2), nn.Flatten(), nn.PReLU(),
            nn.Linear(8, 3), nn.LogSoftmax(1),
        )
    )  # fmt: skip
    layers = [
        "conv2d:stride=2,padding=1", "batch_norm2d", "leaky_relu:0.2", "avg_pool2d:2", "flatten",
        "prelu", "linear", "log_softmax",
    ]  # fmt: skip
    imported = import_torch(module.state_dict(), (1, 8, 8), layers)
    assert imported.network.content_hash == import_torch(module, (1, 8, 8)).network.content_hash
    layers[0] = nn.Conv2d(1, 2, 3, stride=2, padding=1, bias=False)
    again = import_torch(module.state_dict(), (1, 8, 8), layers)
    assert again.network.content_hash == imported.network.content_hash


class Wrapped(nn.Module):
    def __init__(self, twice=False):
        super().__init__()
        self.body, self.twice = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 3)), twice

    def forward(self, x):
        return self.body(self.body(x)) if self.twice else self.body(x)


def test_single_child_is_taken_for_the_module_if_it_computes_the_same():
    network = import_torch(Wrapped()).network
    assert network.widths == (3, 2, 3)
    with pytest.raises(InvalidNetwork, match="does something that its layers do not show"):
        import_torch(Wrapped(twice=True))


def test_modules_used_twice_are_read_twice():
    linear, bend = nn.Linear(3, 3), nn.Tanh()
    module = nn.Sequential(linear, bend, linear, bend, nn.Linear(3, 2))
    imported = import_torch(module)
    assert imported.network.depth == 2
    agrees(module, imported.network, (3,))


def test_what_clips_far_out_is_noticed():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    module[0].register_forward_pre_hook(lambda _, inputs: (inputs[0].clamp(-9.0, 9.0),))
    with pytest.raises(InvalidNetwork, match="differ"):
        import_torch(module)


def test_pruned_modules_keep_their_computed_weights():
    from torch.nn.utils import prune

    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    prune.l1_unstructured(module[0], "weight", 0.5)
    imported = import_torch(module)
    assert np.count_nonzero(imported.network.weights[0]) == 6
    np.testing.assert_array_equal(imported.network.weights[0], module[0].weight.detach().numpy())


def test_odd_shapes_and_titles(tmp_path):
    for shape in ((math.inf,), (3.0,)):
        with pytest.raises(InvalidNetwork, match="whole numbers"):
            import_torch(nn.Linear(3, 2), shape)
    content = {"state_dict": nn.Linear(3, 2).state_dict(), "layers": ["linear"]}
    torch.save({**content, "name": torch.ones(3)}, tmp_path / "net.pt")
    assert load_network(tmp_path / "net.pt").name == "net"


def test_parametrised_weights_are_taken_as_computed():
    torch.manual_seed(11)
    plain = nn.Linear(3, 3)
    module = nn.Sequential(
        nn.utils.parametrizations.spectral_norm(plain), nn.ReLU(), nn.Linear(3, 1)
    )
    module.eval()
    agrees(module, import_torch(module).network, (3,), tight=1e-6)  # its weights are float32


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        return x + self.b(torch.relu(self.a(x)))


def uneven():
    slopes = nn.PReLU(3)
    slopes.weight.data = torch.tensor([0.1, 0.2, 0.3])
    return slopes


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (nn.MaxPool1d(2), r"module 1 \(MaxPool1d\).*average pooling"),
        (nn.BatchNorm1d(3), "training mode.*model.eval"),
        (nn.BatchNorm1d(3, track_running_stats=False).eval(), "training mode"),
        (nn.LayerNorm(3), "depend on the input"),
        (nn.ReLU6(), "no such activation"),
        (nn.LSTM(3, 3), "recurrences"),
        (nn.MultiheadAttention(3, 1), "attention"),
        (nn.Sequential(nn.Softmax(1), nn.ReLU()), r"module 1.1 \(ReLU\).*softmax"),
        (Residual(), r"module 1 \(Residual\).*no nn.Sequential"),
        (uneven(), "different slopes"),
        (nn.Linear(4, 3), "cannot be applied"),
        (nn.Flatten(0), "inputs of a batch"),
        (nn.Hardswish(), "not supported"),
        (nn.Conv2d(3, 1, 1), "channels, height, width"),
        (nn.ConvTranspose2d(3, 1, 1), "not supported"),
        (nn.Bilinear(3, 3, 3), "not supported"),
    ],
    ids=lambda item: type(item).__name__ if isinstance(item, nn.Module) else "",
)
def test_unsupported_modules_are_named(part, words):
    with pytest.raises(InvalidNetwork, match=words):
        import_torch(nn.Sequential(nn.Linear(2, 3), part))


@pytest.mark.parametrize(
    ("state", "layers", "words"),
    [
        ({}, None, "neither"),
        (3, None, "neither"),
        ({"0.weight": torch.ones(2, 3)}, None, "give layers"),
        ({"0.weight": torch.ones(2, 3)}, "linear", "must be a list"),
        ({"0.weight": torch.ones(2, 3)}, ["wrong"], r"layer 1 \(wrong\): there is no such layer"),
        ({"0.weight": torch.ones(2, 3)}, ["conv2d"], "do not fit|does not start"),
        ({"0.weight": torch.ones(2, 3)}, ["linear", "relu", "linear"], "layer 3.*no parameters"),
        ({"0.weight": torch.ones(2, 3)}, ["relu"], "no layer takes the parameters of '0'"),
        ({"0.weight": torch.ones(2, 3)}, ["linear", "leaky_relu:x=1"], "do not fit"),
        ({"0.weight": torch.full((2, 3), math.nan)}, ["linear"], "NaN"),
        ({"0.weight": torch.ones(2, 3).long()}, ["linear"], "do not fit|real numbers"),
        ({"0.weight": torch.ones(1, 1).expand(2**14, 2**14)}, ["linear"], "too many"),
        ({"0.weight": 3}, ["linear"], "no state dict"),
    ],
)  # fmt: skip
def test_wrong_state_dicts_are_one_sentence(state, layers, words):
    with pytest.raises(InvalidNetwork, match=words):
        import_torch(state, layers=layers)


def test_files(tmp_path):
    torch.manual_seed(12)
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    layers = ["linear", "relu", "linear"]
    wanted = import_torch(module).network.content_hash
    torch.save(module.state_dict(), tmp_path / "state.pth")
    assert import_torch(tmp_path / "state.pth", layers=layers).network.content_hash == wanted
    with pytest.raises(InvalidNetwork, match=r"state.pth: .*give layers"):
        load_network(tmp_path / "state.pth")
    torch.save({"state_dict": module.state_dict(), "layers": layers}, tmp_path / "whole.pt")
    network = load_network(tmp_path / "whole.pt")
    assert (network.content_hash, network.name) == (wanted, "whole")


class Attack:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return exec, (f"open({str(self.path)!r}, 'w').write('run')",)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_files_is_not_run(tmp_path, zipped):
    trace = tmp_path / "trace"
    torch.save(
        {"state_dict": {"a": Attack(trace)}}, tmp_path / "bad.pt",
        _use_new_zipfile_serialization=zipped,
    )  # fmt: skip
    with pytest.raises(InvalidNetwork, match="code in files is not run"):
        load_network(tmp_path / "bad.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Attack(trace)))
    with pytest.raises(InvalidNetwork):
        load_network(tmp_path / "plain.pt")
    assert not trace.exists()


def test_whole_modules_in_files_are_refused(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(InvalidNetwork, match="state_dict"):
        load_network(tmp_path / "module.pt")


@pytest.mark.sweep
@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_files_are_one_sentence(tmp_path, many, zipped):
    path = tmp_path / "net.pt"
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    torch.save(
        {"state_dict": module.state_dict(), "layers": ["linear", "relu", "linear"]}, path,
        _use_new_zipfile_serialization=zipped,
    )  # fmt: skip
    good, draw, told = path.read_bytes(), np.random.default_rng(0), []
    for trial in range(many(150, 3000)):
        bad = bytearray(good)
        for place in draw.integers(len(bad), size=1 + trial % 3):
            bad[place] ^= 1 << draw.integers(8)
        path.write_bytes(bytes(bad[: draw.integers(len(bad))] if trial % 7 == 0 else bad))
        try:
            assert load_network(path).widths == (3, 4, 2)
        except InvalidNetwork as problem:
            told.append(str(problem))
    assert told
    assert all(text.isprintable() and len(text) < 600 for text in told)
    path.write_bytes(b"")
    with pytest.raises(InvalidNetwork):
        load_network(path)
