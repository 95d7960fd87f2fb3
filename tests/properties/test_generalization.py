"""Bounds of unfolded networks against the specification's values, the truth, and each pitfall."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from lipexplore.errors import InvalidSetting
from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.properties.generalization import (
    Block,
    IstaClass,
    LayerwiseClass,
    all_active_norm,
    covering_log,
    frobenius_above,
    generalization_gap,
    growth_bound,
    input_lipschitz,
    joint_gap,
    perturbation_bound,
    sampled_lipschitz,
    samples_needed,
)
from lipexplore.properties.incremental_qc import lipschitz
from tests.networks.unfolded_cases import (
    all_patterns,
    random_pattern,
    random_unfolded,
    spec_arrays,
    spec_ista,
)

BALLS = {"input_radius": 2.0, "output_radius": 2.0}


def spec_class(**settings) -> IstaClass:
    A, _, _, tau = spec_arrays()
    return IstaClass(A, 8, 4, tau, 0.05 * tau, **settings)


def spec_blocks(data_norm: float) -> list[Block]:
    constant = spec_class().blocks(1.0, 1)[0].constant
    thresholds = [Block(f"threshold {i}", 1, 0.1, data_norm * math.sqrt(8)) for i in range(4)]
    return [Block("dictionary", 64, 1.0, data_norm * constant), *thresholds]


def test_specification_values():
    net, _ = spec_ista()
    family, blocks = spec_class(), spec_blocks(100.0)
    assert family.norm == pytest.approx(1.60410464, rel=1e-6)
    assert family.step == pytest.approx(0.349765621, rel=1e-6)
    assert input_lipschitz(net) == pytest.approx(2.24424262, rel=1e-6)
    assert all_active_norm(net) == pytest.approx(0.820762562, rel=1e-6)
    assert lipschitz(net).value == pytest.approx(0.839814978, rel=2e-5)
    assert family.matrix_constant == pytest.approx(5.1765312, rel=1e-6)
    assert family.blocks(1.0, 1)[0].constant == pytest.approx(10.5479403, rel=1e-6)
    alone = generalization_gap(blocks[:1], 10**4, **BALLS)
    together = generalization_gap(blocks, 10**4, **BALLS)
    assert alone.joint == pytest.approx(3.06401163, rel=1e-6)
    assert together.joint == pytest.approx(3.56012692, rel=1e-6)
    assert together.split == pytest.approx(4.50054617, rel=1e-6)
    assert 2.0 * alone.rademacher == pytest.approx(2.56687756, rel=1e-6)


def test_the_all_active_network_is_no_bound():
    net, _ = spec_ista()
    sampled = sampled_lipschitz(net, 6000)
    assert all_active_norm(net) < sampled <= lipschitz(net).value <= input_lipschitz(net)


def test_input_bounds_hold_for_every_pattern():
    for seed in range(6):
        net = random_unfolded(seed, sizes=(3, 3, 2, 3))
        most = max(np.linalg.norm(J, 2) for J in all_patterns(net))
        assert sampled_lipschitz(net, 300, seed) <= most * (1 + 1e-12)
        assert most <= lipschitz(net).value * (1 + 1e-12)
        assert lipschitz(net).value <= input_lipschitz(net) * (1 + 1e-7)


def test_clip_keeps_the_l2_bound():
    net, _ = spec_ista(clip=0.05)
    limit = lipschitz(net.unclipped).value
    assert 0.0 < sampled_lipschitz(net, 3000) <= limit


def test_growth():
    rng = np.random.default_rng(0)
    for seed in range(40):
        net = random_unfolded(seed)
        y = rng.standard_normal((6, net.n_inputs)) * 10.0 ** rng.uniform(-2, 2)
        sizes = np.linalg.norm(net.codes(y), axis=(1, 2))
        assert (sizes <= growth_bound(net, frobenius_above(y))).all()
    tight = UnfoldedNetwork([[[1.0]]], [[[1.0]]], [0.0], [[1.0]], ((0,) * 3,) * 3)
    assert growth_bound(tight, 2.0) == pytest.approx([2.0, 4.0, 6.0], rel=1e-9)
    assert np.abs(tight.codes([2.0])).ravel().tolist() == [2.0, 4.0, 6.0]


def moved(rng, net: UnfoldedNetwork, distance: float) -> UnfoldedNetwork:
    """Return a network of the same shapes and its own sharing, near the given one."""
    pattern = net.sharing
    if rng.random() < 0.3:
        pattern = [random_pattern(rng, net.n_layers) for _ in range(3)]
    groups = [
        [
            own[rng.integers(len(own))] + distance * rng.standard_normal(own[0].shape)
            for _ in range(max(use) + 1)
        ]
        if pattern is not net.sharing
        else [a + distance * rng.standard_normal(a.shape) for a in own]
        for own, use in zip((net.G, net.H, net.thresholds), pattern, strict=True)
    ]
    groups[2] = [np.maximum(theta, 0.0) for theta in groups[2]]
    Phi = net.Phi + distance * rng.standard_normal(net.Phi.shape)
    return UnfoldedNetwork(*groups, Phi, pattern, net.clip)


@pytest.mark.slow
def test_perturbation_bound_above_the_measured_one(many):
    worst = 0.0
    for seed in range(many(2000, 10_000)):
        rng = np.random.default_rng([7, seed])
        net = random_unfolded([8, seed], clip=rng.uniform(0.5, 3) if seed % 3 == 0 else np.inf)
        other = moved(rng, net, 10.0 ** rng.uniform(-6, 0.5))
        y = rng.standard_normal((rng.integers(1, 6), net.n_inputs)) * 10.0 ** rng.uniform(-1, 1)
        measured = np.linalg.norm(net(y) - other(y))
        proven = perturbation_bound(net, other, frobenius_above(y), len(y))
        assert measured <= proven + 1e-12 * (1.0 + proven), seed
        worst = max(worst, measured / proven)
    assert 0.3 < worst <= 1.0  # else the pairs would test nothing


def drawn_ista(rng, family: IstaClass):
    """Return random parameters of a class and their network."""
    signal = family.measurements.shape[1]
    dictionaries = []
    for _ in range(max(family.dictionary_of) + 1):
        left, _, right = np.linalg.svd(rng.standard_normal((signal, family.n_codes)), False)
        sizes = np.minimum(1.0, rng.uniform(0.5, 1.5, min(signal, family.n_codes))) * (1 - 1e-12)
        dictionaries.append((left * sizes) @ right)
    steps, thresholds = (
        rng.uniform(center - radius, center + radius, max(pattern) + 1)
        for center, radius, pattern in (
            (family.step, family.step_radius, family.step_of),
            (family.threshold, family.threshold_radius, family.threshold_of),
        )
    )
    return dictionaries, steps, thresholds


def ista_network(family: IstaClass, parameters) -> UnfoldedNetwork:
    return UnfoldedNetwork.ista(
        family.measurements,
        parameters[0],
        family.layers,
        parameters[1],
        parameters[2],
        dictionary_of=family.dictionary_of,
        step_of=family.step_of,
        threshold_of=family.threshold_of,
    )


def random_family(seed: int, largest_step: float = 2.5) -> IstaClass:
    """Return a class; steps beyond 2 / |A|^2 are among them, where g is above 1."""
    rng = np.random.default_rng([9, seed])
    n, N, layers = rng.integers(1, 6, 3).tolist()
    A = rng.standard_normal((n, N)) / np.sqrt(n)
    step = rng.uniform(0.1, largest_step) / np.linalg.norm(A, 2) ** 2
    patterns = [random_pattern(rng, layers) for _ in range(3)]
    threshold = rng.uniform(0.0, 0.2)
    return IstaClass(
        A,
        N,
        layers,
        step,
        threshold,
        step * rng.uniform(0.0, 0.3),
        threshold * rng.uniform(0.0, 1.0),
        *patterns,
    )


def blockwise_bound(family, first, second, y) -> float:
    """Return sum_j K_j |p_j - p_j'| with the constants of the class."""
    constants = {b.name: b.constant for b in family.blocks(frobenius_above(y), len(y))}
    total = 0.0
    for kind, one, two in zip(("dictionary", "step", "threshold"), first, second, strict=True):
        for number, (p, q) in enumerate(zip(one, two, strict=True), 1):
            name = kind if len(one) == 1 else f"{kind} {number}"
            change = np.linalg.norm(np.atleast_2d(p) - np.atleast_2d(q), 2)
            total += constants.get(name, 0.0) * change
    return total


def test_class_constants_bound_every_change_of_parameters(many):
    worst = 0.0
    for seed in range(many(300, 5000)):
        rng, family = np.random.default_rng([10, seed]), random_family(seed)
        first, second = drawn_ista(rng, family), drawn_ista(rng, family)
        near = 10.0 ** rng.uniform(-4, 0)  # the class is convex: points between stay in it
        second = tuple(
            [p + near * (q - p) for p, q in zip(one, two, strict=True)]
            for one, two in zip(first, second, strict=True)
        )
        assert family.contains(*first)
        y = rng.standard_normal((3, len(family.measurements))) * 10.0 ** rng.uniform(-1, 1)
        change = ista_network(family, first)(y) - ista_network(family, second)(y)
        measured, proven = np.linalg.norm(change), blockwise_bound(family, first, second, y)
        assert measured <= proven * (1 + 1e-9) + 1e-9, seed
        worst = max(worst, measured / max(proven, 1e-300))
    assert 0.2 < worst <= 1.0


def test_layerwise_constants_bound_every_change_of_parameters():
    for seed in range(60):
        rng, center = np.random.default_rng([11, seed]), random_unfolded(seed)
        family = LayerwiseClass(center, 0.3, 0.2, 0.1, 0.15)
        pair = []
        for _ in range(2):
            groups = [
                [a + radius * unit(rng, a.shape) for a in own]
                for own, radius in zip(
                    (center.G, center.H, center.thresholds, (center.Phi,)),
                    family.radii,
                    strict=True,
                )
            ]
            groups[2] = [np.maximum(theta, 0.0) for theta in groups[2]]
            pair.append(UnfoldedNetwork(*groups[:3], groups[3][0], center.sharing))
        assert all(family.contains(net) for net in pair)
        y = rng.standard_normal((4, center.n_inputs))
        constants = {b.name: b.constant for b in family.blocks(frobenius_above(y), 4)}
        proven = 0.0
        for kind in ("G", "H", "thresholds", "Phi"):
            own = [getattr(net, kind) for net in pair]
            one, two = ([a] if kind == "Phi" else a for a in own)
            title = kind.removesuffix("s")
            for number, (a, b) in enumerate(zip(one, two, strict=True), 1):
                name = title if len(one) == 1 else f"{title} {number}"
                proven += constants.get(name, 0.0) * np.linalg.norm(a - b, 2)
        assert np.linalg.norm(pair[0](y) - pair[1](y)) <= proven * (1 + 1e-9)
    outside = UnfoldedNetwork(
        [G + 0.31 * np.eye(len(G)) for G in center.G], *(
            getattr(center, key) for key in ("H", "thresholds", "Phi", "sharing")
        )
    )  # fmt: skip
    assert not family.contains(outside)


def unit(rng, shape):
    """Return a random array of spectral (vectors: Euclidean) norm just below 1."""
    drawn = rng.standard_normal(shape)
    return drawn * (rng.uniform(0.5, 0.999) / np.linalg.norm(drawn, 2))


def test_covering_number_of_an_interval_is_enough():
    # one parameter p in [-r, r] and output K p: a cover by balls of eps needs r K / eps points
    block = Block("p", 1, 3.0, 2.0)
    for eps in (0.01, 0.5, 4.0):
        assert covering_log([block], eps) >= math.log(max(1.0, 3.0 * 2.0 / eps))
    two = [block, replace(block, name="q")]
    expected = 2.0 * math.log1p(2 * 3.0 * 2 * 2.0 / 0.5)
    assert covering_log(two, 0.5) == pytest.approx(expected, rel=1e-12)
    assert covering_log([replace(block, radius=0.0)], 0.5) == 0.0


def test_rademacher_integral_is_above_a_fine_quadrature():
    from scipy.integrate import quad

    for blocks in (spec_blocks(100.0)[:1], spec_blocks(100.0), spec_blocks(1e-3)):
        free = len(blocks)

        def root(t, blocks=blocks, free=free):
            return math.sqrt(
                sum(b.dimension * math.log1p(2 * free * b.radius * b.constant / t) for b in blocks)
            )

        exact = quad(lambda s: root(s * s) * 2 * s, 0.0, math.sqrt(10.0), epsrel=1e-12, limit=200)[
            0
        ]
        found = generalization_gap(blocks, 100, **BALLS).rademacher
        assert 8.0 / 100 * exact * (1 - 1e-11) <= found <= 8.0 / 100 * exact * (1 + 1e-6)


def test_terms_sum_up_and_forms_are_ordered():
    for data_norm in (1e-3, 1.0, 1e5):
        bound = generalization_gap(spec_blocks(data_norm), 500, **BALLS)
        assert sum(t.value for t in bound.terms) == pytest.approx(bound.joint, rel=1e-12)
        assert sum(t.alone for t in bound.terms) == pytest.approx(bound.split, rel=1e-12)
        assert bound.integral <= bound.joint * (1 + 1e-9) <= bound.split * (1 + 1e-9)
        assert bound.value == min(bound.integral, bound.joint, bound.split)
        assert [t.name for t in bound.terms][-1] == "confidence"


def test_squared_loss():
    plain = generalization_gap(spec_blocks(100.0), 10**4, **BALLS)
    squared = generalization_gap(spec_blocks(100.0), 10**4, **BALLS, loss="squared")
    assert squared.trivial == 16.0
    assert squared.terms[0].value == pytest.approx(8.0 * plain.terms[0].value)
    assert squared.terms[-1].value == pytest.approx(4.0 * plain.terms[-1].value)


# --- pitfalls ------------------------------------------------------------------------------------


def test_constants_are_suprema_over_the_class_and_not_those_of_trained_weights():
    # a class around G = 0: at its centre the first layers' parameters do not reach the output
    center = UnfoldedNetwork([[[0.0]]] * 2, [[[0.0]]] * 2, [0.0], [[1.0]], ((0, 1), (0, 1), (0, 0)))
    family = LayerwiseClass(center, 1.0, 1.0)
    far = UnfoldedNetwork([[[1.0]]] * 2, [[[1.0]]] * 2, [0.0], [[1.0]], center.sharing)
    constants = {b.name: b.constant for b in family.blocks(1.0, 1)}
    assert constants == pytest.approx({"G 2": 1.0, "H 1": 1.0, "H 2": 1.0}, rel=1e-9)
    proven = constants["G 2"] + constants["H 1"] + constants["H 2"]
    assert far([1.0]).item() == 2.0 <= proven
    assert "dictionary" in {b.name for b in spec_class().blocks(1.0, 1)}


def test_unbounded_signals_or_outputs_have_no_theorem():
    for key in BALLS:
        with pytest.raises(InvalidSetting, match="bounded signals and a clipped output"):
            generalization_gap(spec_blocks(1.0), 10, **{**BALLS, key: math.inf})


def test_thresholds_and_steps_of_a_class_never_reach_below_zero():
    with pytest.raises(InvalidSetting, match="below 0"):
        spec_class(threshold_radius=1.0)
    with pytest.raises(InvalidSetting, match="below 0"):
        spec_class(step_radius=10.0)


def test_steps_beyond_two_over_the_norm_make_layers_expand():
    A, step = np.eye(2), 3.0
    family = IstaClass(A, 2, 5, step, 0.0, dictionary_of=(0,) * 5)
    assert float(family.gain) == pytest.approx(2.0, rel=1e-12)
    rotation = np.array([[0.0, 1.0], [-1.0, 0.0]])
    for Phi in (np.eye(2), rotation):
        net = UnfoldedNetwork.ista(A, Phi, 5, step, 0.0)
        y = np.array([[1.0, 0.5]])
        growth = float(family.growth[-1]) * np.linalg.norm(y)
        assert np.linalg.norm(net(y)) <= growth
    # with g = 1 the bound would be 5 tau s = 15; the all-active network reaches 33
    unsafe = 5 * step * np.linalg.norm(y)
    assert np.linalg.norm(net(y)) > 0.5 * unsafe
    first = UnfoldedNetwork.ista(A, np.eye(2), 5, step, 0.0)
    second = UnfoldedNetwork.ista(A, 0.999 * np.eye(2), 5, step, 0.0)
    change = np.linalg.norm(first(y) - second(y))
    honest = family.blocks(frobenius_above(y), 1)[0].constant * 1e-3
    naive = (step * 5 * (1 + 4 * step) + 5 * step) * np.linalg.norm(y) * 1e-3
    assert naive < change <= honest


def test_logarithm_has_the_root_of_m():
    m, constant = 400, 3.0
    bound = generalization_gap([Block("p", 1, 1.0, constant)], m, **BALLS)
    expected = 1.0 + math.log1p(4 * constant / (math.sqrt(m) * 2.0))
    assert bound.terms[0].logarithm == pytest.approx(expected, rel=1e-12)


def test_shared_parameters_are_counted_once():
    A, _, _, tau = spec_arrays()
    shared = IstaClass(A, 8, 4, tau, 0.05 * tau)
    own = IstaClass(A, 8, 4, tau, 0.05 * tau, dictionary_of=(0, 1, 2, 3))
    blocks = shared.blocks(1.0, 1), own.blocks(1.0, 1)
    assert [len(b) for b in blocks] == [1, 4]
    assert sum(b.dimension for b in blocks[0]) == 64
    # moving all dictionaries together is what moving the shared one does
    assert sum(b.constant for b in blocks[1]) == pytest.approx(blocks[0][0].constant)
    lista = random_unfolded(0, sizes=(3, 4, 2, 4), pattern=[(0, 0, 1, 1)] * 3)
    family = LayerwiseClass(lista, 0.1, 0.1)
    assert [b.name for b in family.blocks(1.0, 1)] == ["G 1", "G 2", "H 1", "H 2"]


def test_small_samples_are_shown_as_vacuous():
    bound = generalization_gap(spec_blocks(10.0)[:1], 100, **BALLS)
    assert bound.joint == pytest.approx(30.6, abs=0.05)
    assert bound.vacuous
    assert bound.trivial == 4.0
    assert not generalization_gap(spec_blocks(1e3)[:1], 10**6, **BALLS).vacuous


def test_overflow_and_nonsense_prove_nothing():
    assert generalization_gap([Block("p", 3, 1.0, math.inf)], 10, **BALLS).value == math.inf
    A = 1e100 * np.eye(2)
    blocks = IstaClass(A, 2, 8, 1.0, 0.0).blocks(1.0, 1)
    assert generalization_gap(blocks, 10, **BALLS).value == math.inf
    for bad in (math.nan, -1.0):
        with pytest.raises(InvalidSetting):
            Block("p", 1, 1.0, bad)
    for settings in ({"delta": 1.0}, {"loss": "hinge"}, {"input_radius": math.nan}):
        with pytest.raises(InvalidSetting):
            generalization_gap([], 10, **{**BALLS, **settings})
    with pytest.raises(InvalidSetting, match="leave none out"):
        spec_class(dictionary_of=(0, 2, 2, 2))


# --- scaling -------------------------------------------------------------------------------------


def test_scaling_in_depth_is_logarithmic_when_shared_and_linear_when_not():
    A, _, _, tau = spec_arrays()

    def square(layers, own):
        pattern = tuple(range(layers)) if own else (0,) * layers
        family = IstaClass(A, 8, layers, tau, 0.05 * tau, dictionary_of=pattern)
        blocks = family.blocks(1e6, 10**4)
        return sum(t.dimension * t.logarithm for t in gap(blocks).terms[:-1])

    def gap(blocks):
        return generalization_gap(blocks, 10**4, **BALLS, cells=0)

    # shared: K grows like L^2, so the sum grows by 64 log 4 when L doubles
    steps = [square(2 * n, own=False) - square(n, own=False) for n in (32, 64)]
    assert steps == pytest.approx([64 * math.log(4.0)] * 2, rel=0.02)
    # own dictionaries: the sum is L times a logarithm of L
    ratio = square(64, own=True) / square(32, own=True)
    assert 2.0 < ratio < 2.3


def test_samples_needed_grow_with_the_number_of_parameters():
    def needed(n):
        net = random_unfolded(3, sizes=(n, 6, 6, 3), pattern=[(0, 0, 0)] * 3)
        family = LayerwiseClass(net, 0.0, 0.5)
        return samples_needed(joint_gap(family, 1.0, 1.0), 0.1)

    few, more = needed(20), needed(80)
    assert 3.0 < more / few < 5.0  # four times the parameters of H
    gap_of = joint_gap(spec_class(), 1.0, 1.0)
    count = samples_needed(gap_of, 0.5)
    assert gap_of(count).joint <= 0.5 < gap_of(count - 1).joint
