"""The method shor: the slope LMI's value, proofs that hold, batches, warm starts."""

import signal
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds.shor import Shor
from lipexplore.certificates.chain import ChainProver
from lipexplore.certificates.chain_proof import is_proven_gain
from lipexplore.exact.vector_bound import shor_bounds
from lipexplore.exact.vector_pass import VectorPass
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_chain import slope_chain
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.networks.splines import Splines
from lipexplore.norms import Norm
from tests.exact.vector_cases import CLASSES, maximum, random_chain
from tests.oracles import is_upper, polynomial_maximum
from tests.poisons import POISONS

SHAPES = ((4, 5, 1), (3, 4, 4, 1), (5, 4, 3, 4, 1), (3, 3, 3, 3, 3, 1), (4, 5, 4, 3), (7, 3, 4, 2))
ACTIVATIONS = ("relu", "leaky_relu:0.2", "abs", "silu", "tanh")


def deep(layers, width):
    """Return the ECLipsE authors' random network: 4 - width - .. - 1, one factor per layer."""
    rng = np.random.RandomState(7 * width + 13 * layers)
    weights = []
    for n_in, n_out in pairwise([4, *[width] * (layers - 1), 1]):
        factor = rng.uniform(0.4, 1.8)
        matrix = rng.randn(n_out, n_in)
        weights.append(factor * matrix / np.linalg.norm(matrix, 2))
    return lipexplore.Network(weights)


def normal(widths, seed=0):
    rng = np.random.default_rng(seed)
    return lipexplore.Network(
        [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(widths)]
    )


def test_the_same_value_as_the_solver(many):
    for seed in range(many(20, 200)):
        rng = np.random.default_rng(seed)
        widths = SHAPES[seed % len(SHAPES)]
        network = random_dense(widths, seed, ACTIVATIONS[seed % len(ACTIVATIONS)])
        region = lipexplore.WHOLE_SPACE
        if seed % 2:
            region = lipexplore.Ball(rng.uniform(-0.3, 0.3, widths[0]), 0.4)
        norm = "l2" if widths[-1] > 1 or seed % 3 else "linf"
        output = "all" if widths[-1] > 1 else 0
        asked = {"norm": norm, "region": region, "output": output}
        solver = lipexplore.bound(network, "slope-lmi", **asked)
        ours = lipexplore.bound(network, "shor", tolerance=1e-7, **asked)
        assert ours.status == "done"
        assert ours.value == pytest.approx(solver.value, rel=1e-6)
        assert ours.solver_value <= solver.value * (1.0 + 1e-12)
        assert ours.solver_value <= ours.value


@pytest.mark.parametrize(
    ("network", "norm", "value"),
    [
        (normal((8, 8, 8, 1)), "linf", 2.240789),
        (normal((8, 8, 8, 1)), "l2", 0.885835),
        (deep(2, 20), "l2", 0.3839808),
        (deep(5, 20), "l2", 0.5688732),
        (deep(10, 20), "l2", 0.02764081),
    ],
)
def test_values_of_other_programs(network, norm, value):
    """Optimal values found by CVXOPT from statements of the program that share no code with us."""
    answer = lipexplore.bound(network, "shor", norm)
    assert answer.value == pytest.approx(value, rel=2e-6)
    assert answer.value >= answer.solver_value


def test_deep_networks_beyond_solvers():
    """20 x 60: ECLipsE-Fast proves 2.67e-3, the best bound known is 1.3714e-4."""
    answer = lipexplore.bound(deep(20, 60), "shor", "l2", tolerance=1e-4)
    assert answer.value <= 1.3716e-4
    assert answer.value >= answer.solver_value


@pytest.mark.parametrize("kind", CLASSES)
def test_no_certificate_lies(kind, many):
    """Whatever the multipliers: not below brute force; from a pass: not below its own value."""
    rng = np.random.default_rng(11)
    shapes = ((2, 3, 1), (3, 2, 3, 1), (2, 2, 2, 2, 1), (5, 2, 1))
    for case in range(many(500, 20_000) // (2 * len(CLASSES))):
        chain = random_chain(kind, shapes[case % len(shapes)], rng)
        norm = (Norm.LINF, Norm.L2)[case // len(shapes) % 2]
        exact = maximum(chain, norm.value)
        problem = VectorPass(chain, norm)
        sweep = problem.run(problem.start(rank=4, seed=case), int(rng.integers(1, 60)))
        mu, taus = problem.multipliers(sweep.last).of(0)
        prover, value = ChainProver(chain, norm), float(sweep.best[0])
        honest = prover.prove(mu, taus).value
        assert honest >= max(value * (1.0 - 1e-13), exact * (1.0 - 1e-13))
        poison = list(POISONS.values())[case % len(POISONS)]
        garbage = [poison(part, rng) for part in (mu, *taus)]
        if all(part is not None and part.shape == whole.shape
               for part, whole in zip(garbage, (mu, *taus), strict=True)):  # fmt: skip
            assert prover.prove(garbage[0], garbage[1:]).value >= exact * (1.0 - 1e-13)


def test_a_pruned_network_starts_from_the_vectors_of_the_whole():
    network = normal((30, 40, 40, 1), 3)
    pruned = lipexplore.Network(
        [np.where(np.abs(w) < np.quantile(np.abs(w), 0.01), 0.0, w) for w in network.weights]
    )
    for norm in (Norm.L2, Norm.LINF):
        problems = []
        for item in (network, pruned):
            chain = slope_chain(item, slope_ranges(item, lipexplore.WHOLE_SPACE))
            problems.append((VectorPass(chain, norm), [chain]))
        first = shor_bounds(*problems[0])
        cold = shor_bounds(*problems[1], tolerance=1e-4, first_block=1)
        warm = shor_bounds(*problems[1], start=first.vectors, tolerance=1e-4, first_block=1)
        assert warm.sweeps <= cold.sweeps / 5
        assert warm.bounds[0].value == pytest.approx(cold.bounds[0].value, rel=2e-4)


@pytest.mark.parametrize("norm", list(Norm), ids=lambda norm: norm.value)
def test_margins_as_one_batch(norm):
    network = random_dense((4, 6, 5, 4), 12)
    region = lipexplore.Ball(np.zeros(4), 1.0)
    table = lipexplore.margins(network, "shor", norm, region)
    assert len(table.bounds) == 10
    for (i, j), answer in table.bounds.items():
        alone = Shor()(network.head(i, None if i == j else j), region, norm)
        assert answer.verified
        assert answer.network_hash == network.content_hash
        assert answer.value == pytest.approx(alone.value, rel=3e-6)
        assert answer.value >= answer.solver_value


@pytest.mark.parametrize("density", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_units_without_a_path_do_not_loosen_the_bound(norm, density):
    network = lipexplore.load_network("digits-64-20-10-relu").prune(density)
    solver = lipexplore.bound(network, "slope-lmi", norm=norm, output=3)
    ours = lipexplore.bound(network, "shor", norm=norm, output=3)
    assert ours.status == "done"
    assert ours.value == pytest.approx(solver.value, rel=3e-6)


def test_margins_with_units_that_only_some_outputs_use():
    network = lipexplore.load_network("digits-64-20-10-relu").prune(0.1)
    table = lipexplore.margins(network, "shor", norm="linf")
    for i, j in ((0, 1), (3, 8), (9, 2)):
        single = lipexplore.bound(network, "shor", norm="linf", output=i, minus=j)
        assert table.value[i, j] == pytest.approx(single.value, rel=3e-6)


def test_every_input_of_l1_has_its_certificate():
    network = random_dense((5, 6, 6, 1), 13)
    answer = lipexplore.bound(network, "shor", "l1")
    assert len(answer.certificate) == 5
    assert max(part.value for part in answer.certificate) == answer.value
    chain = slope_chain(network, slope_ranges(network, lipexplore.WHOLE_SPACE))
    for column, part in enumerate(answer.certificate):
        narrow = replace(chain, weights=(chain.weights[0][:, [column]], *chain.weights[1:]))
        assert is_proven_gain(narrow, part.inputs, part.outer, part.units)
        assert np.sqrt(part.outer * part.inputs[0]) * 2.0**chain.exponent <= part.value


def test_a_closed_form():
    """|w1 v1| + |w2 v2| for two units that read one input each, l_inf; slopes [-1, 1]."""
    network = lipexplore.Network([[[2.0, 0.0], [0.0, -3.0]], [[5.0, 7.0]]], activations="abs")
    answer = lipexplore.bound(network, "shor", "linf")
    assert 31.0 <= answer.value <= 31.0 * (1.0 + 1e-6)
    wide = lipexplore.bound(network, "shor", "l2")
    assert np.hypot(10.0, 21.0) <= wide.value <= np.hypot(10.0, 21.0) * (1.0 + 1e-6)
    assert 21.0 <= lipexplore.bound(network, "shor", "l1").value <= 21.0 * (1.0 + 1e-6)


def test_too_small_a_rank_is_noticed():
    """In one dimension the ascent is a mere vertex search and sticks."""
    network = normal((12, 12, 12, 1), 5)
    answer = lipexplore.bound(network, "shor", "linf", rank=1)
    full = lipexplore.bound(network, "shor", "linf")
    assert answer.size["rank"] > 1
    assert answer.value == pytest.approx(full.value, rel=3e-6)


def test_progress_and_limits():
    network = normal((40, 40, 40, 40, 40, 1))
    seen = []
    answer = lipexplore.bound(network, "shor", "linf", on_progress=seen.append)
    assert [item["iteration"] for item in seen][-1] == answer.size["sweeps"]
    uppers = [item["upper"] for item in seen]
    assert uppers == sorted(uppers, reverse=True)
    assert uppers[-1] == answer.value
    short = lipexplore.bound(network, "shor", "linf", max_sweeps=5)
    assert short.status == "sweep limit"
    assert answer.solver_value <= short.value < np.inf
    with pytest.raises(KeyboardInterrupt):
        lipexplore.bound(network, "shor", "linf", on_progress=interrupt)
    assert lipexplore.bound(network, "shor", time_limit=0.0).status == "time limit"


def interrupt(progress):
    raise KeyboardInterrupt


@pytest.mark.parametrize("tolerance", [0.0, 1e-300, 1e6])
def test_any_tolerance_ends_with_a_bound(tolerance):
    network = normal((3, 4, 1))
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("the search for multipliers hangs"))
    signal.alarm(300)
    try:
        answer = lipexplore.bound(network, "shor", "linf", tolerance=tolerance, max_sweeps=50)
    finally:
        signal.alarm(0)
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "linf")
    assert is_upper(answer.value, truth, "linf")
    assert answer.verified


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_slopes_that_only_rounding_leaves_open_do_not_loosen_the_others(norm):
    rows = [-1.0, 0.0, 1.0], [0.0, 3.0, np.nan]  # |x| and x / 3, whose slope is no float
    units = Splines(rows, [[1.0, 0.0, 1.0], [0.0, 1.0, np.nan]])
    network = lipexplore.Network([[[1.0], [1.0]], [[1.0, 1.0]]], activations=units)
    found = lipexplore.bound(network, "shor", norm, max_sweeps=2000)
    assert 4.0 / 3.0 <= found.value <= 4.0 / 3.0 * (1.0 + 1e-6)
