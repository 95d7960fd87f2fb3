"""Lipschitz bounds of implicit networks against the specification, brute force and each other."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from lipexplore.errors import (
    InvalidRegion,
    InvalidSetting,
    NoContraction,
    RelaxationTooLarge,
    UnsupportedQuestion,
)
from lipexplore.networks.contraction import contraction
from lipexplore.networks.feedforward import Network
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.norms import Norm
from lipexplore.properties.implicit.bounds import (
    IMPLICIT_METHODS,
    implicit_bound,
    implicit_bounds,
    slopes_over,
)
from lipexplore.properties.implicit.forms import optimal_weights, weighted_bound
from lipexplore.properties.implicit.gain import (
    SlopeBox,
    all_slopes,
    box_norm_above,
    box_norm_below,
    closed_gain,
    jacobian_box,
    operator_norm_above,
    states_above,
)
from lipexplore.properties.implicit.programs import is_well_posed, transposed
from lipexplore.regions import WHOLE_SPACE, Ball
from tests.networks.implicit_cases import (
    LBEN_50,
    NEMON_10,
    NEMON_11,
    brute_force,
    contracting,
    lben,
    nemon,
    random_certified,
    solve,
)

SPECIFIED = pytest.mark.parametrize("values", [NEMON_10, NEMON_11], ids=["nemon_10", "nemon_11"])
UPPER = [method.name for method in IMPLICIT_METHODS if method.side == "upper"]
ORDER = ("patterns", "slope-lmi", "closed-form", "row", "sharp", "paper")


def feedforward(seed, widths):
    """The specification's recipe without biases."""
    rng = np.random.default_rng(seed)
    pairs = itertools.pairwise(widths)
    return Network([rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairs])


@SPECIFIED
@pytest.mark.parametrize("method", ORDER)
def test_values_of_the_specification(values, method):
    case = nemon(*values["args"])
    found = implicit_bound(case.network, method, weights=case.weights)
    rel = 2e-5 if method == "slope-lmi" else 1e-6
    assert found.value == pytest.approx(values[method], rel=rel)
    assert found.verified
    assert found.of == "P*"
    assert found.settings["source"]


def test_lipschitz_bounded_equilibrium_network_of_the_specification():
    network, psi = lben(*LBEN_50["args"])
    W, multiplier = network.A, 1.0 / psi
    assert W[0, 0] == pytest.approx(LBEN_50["W00"], rel=1e-6)
    G, U, gamma = network.C, network.B, LBEN_50["args"][-1]
    weighted = multiplier[:, None] * U
    form = 2 * np.diag(multiplier) - multiplier[:, None] * W - W.T * multiplier
    design = form - (G.T @ G + weighted @ weighted.T) / gamma
    assert np.linalg.eigvalsh(design).min() == pytest.approx(LBEN_50["lmi_min_eig"], rel=1e-6)
    found = implicit_bound(network, "slope-lmi", "l2")
    assert found.value == pytest.approx(LBEN_50["analysis"], rel=2e-5)
    exact = implicit_bound(network, "patterns", "l2")
    assert exact.value == pytest.approx(LBEN_50["formal"], rel=1e-6)
    assert exact.lower <= brute_force(network, "l2") <= exact.value
    # the order that the theory proves
    assert exact.value <= found.value <= LBEN_50["from_design_T"] * (1 + 1e-7) <= gamma
    assert is_well_posed(network)
    with pytest.raises(NoContraction):
        implicit_bound(network, "closed-form")


def test_nothing_is_claimed_where_nothing_is_well_posed():
    network = ImplicitNetwork([[1.5]], [[1.0]], None, [[1.0]])
    assert not is_well_posed(network)
    for method in ("closed-form", "patterns", "paper", "sampled"):
        with pytest.raises(NoContraction):
            implicit_bound(network, method)
    found = implicit_bound(network, "slope-lmi")
    assert math.isinf(found.value)
    assert not found.verified


def test_every_weighted_certificate_is_an_l2_certificate(many):
    """Lambda = diag(zeta / eta) gives Lambda (I - A) + (I - A)^T Lambda > 0."""
    rng = np.random.default_rng(1)
    for _ in range(many(20, 150)):
        network = random_certified(rng)
        M = np.abs(network.A)
        np.fill_diagonal(M, np.diagonal(network.A))
        ones, matrix = np.ones(len(M)), np.eye(len(M)) - M
        weights = np.linalg.solve(matrix.T, ones) / np.linalg.solve(matrix, ones)
        form = weights[:, None] * (np.eye(len(M)) - network.A)
        assert np.linalg.eigvalsh(form + form.T).min() > 0.0
        assert math.isfinite(implicit_bound(network, "slope-lmi", "l2").value)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_bounds_hold_for_all_patterns_and_keep_their_order(seed, norm):
    rng = np.random.default_rng(seed)
    activation = ("relu", "leaky_relu:0.1", "tanh", "elu:2.0")[seed % 4]
    network = random_certified(rng, activation, largest=6)
    low, high = network.activation.slope_bounds
    exact = brute_force(network, norm, low, high)
    found = {bound.method: bound for bound in implicit_bounds(network, norm)}
    for bound in found.values():
        if bound.side != "lower":
            assert bound.value >= exact * (1 - 1e-12), bound.method
    assert found["patterns"].value == pytest.approx(exact, rel=1e-9)
    assert found["patterns"].lower <= exact * (1 + 1e-12)
    assert found["sampled"].lower <= exact * (1 + 1e-9)
    order = [name for name in ORDER if name in found]
    for tight, loose in itertools.pairwise(order):
        assert found[tight].value <= found[loose].value * (1 + 1e-7), (tight, loose)
    assert found["midpoint"].value >= found["patterns"].lower


@pytest.mark.parametrize("seed", range(8))
def test_secant_slopes_stay_below_every_bound(seed):
    rng = np.random.default_rng(seed)
    network = random_certified(rng, ("relu", "sigmoid")[seed % 2], largest=6)
    x = 3.0 * rng.standard_normal((200, network.n_inputs))
    y = x + 0.1 * rng.standard_normal(x.shape)
    for norm, exponent in (("l1", 1), ("l2", 2), ("linf", np.inf)):
        change = np.linalg.norm(network(x) - network(y), exponent, axis=1)
        slope = (change / np.linalg.norm(x - y, exponent, axis=1)).max()
        for bound in implicit_bounds(network, norm, methods=["closed-form", "midpoint"]):
            assert slope <= bound.value * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_closed_form_is_an_upper_bound_in_rationals(seed):
    """X >= (I - M)^-1 |B| exactly, so K >= |C| (I - M)^-1 |B| + |D|."""
    network = nemon(seed, 6, 2, 2, 0.9).network
    n = network.n_states
    M = [
        [Fraction(v) if i == j else abs(Fraction(v)) for j, v in enumerate(row)]
        for i, row in enumerate(network.A.tolist())
    ]
    matrix = [[Fraction(i == j) - M[i][j] for j in range(n)] for i in range(n)]
    gain = closed_gain(network, all_slopes(network))
    for k in range(network.n_inputs):
        states = solve(matrix, [abs(Fraction(v)) for v in network.B[:, k].tolist()])
        for i in range(network.n_outputs):
            exact = sum(
                abs(Fraction(c)) * z for c, z in zip(network.C[i].tolist(), states, strict=True)
            ) + abs(Fraction(network.D[i, k]))
            assert Fraction(gain[i, k]) >= exact
            assert gain[i, k] == pytest.approx(float(exact), rel=1e-9)


def test_a_wrong_linear_solver_changes_no_soundness(monkeypatch):
    """The proof is the residual in the weighted norm, whatever the solver returned."""
    network = nemon(3, 6, 3, 2, 0.5).network
    proof = network.contraction  # computed by the honest solver
    right = np.abs(network.B)
    truth = states_above(network, np.ones(6), right)
    honest = np.linalg.solve
    for spoilt in (
        lambda a, b: 0.5 * honest(a, b),
        lambda a, b: np.full_like(b, np.nan),
        lambda a, b: -honest(a, b),
    ):
        monkeypatch.setattr(np.linalg, "solve", spoilt)
        found = states_above(network, np.ones(6), right)
        assert (found >= truth * (1 - 1e-9)).all()
        assert proof.measure < 1.0


@pytest.mark.parametrize("seed", range(6))
def test_fixed_slopes_give_the_jacobian_itself(seed):
    rng = np.random.default_rng(seed)
    network = nemon(seed, 7, 3, 2, 0.8).network
    slopes = rng.random(7)
    S = np.diag(slopes)
    truth = network.C @ np.linalg.inv(np.eye(7) - S @ network.A) @ S @ network.B + network.D
    centre, error = jacobian_box(network, SlopeBox(slopes, slopes))
    assert (np.abs(centre - truth) <= error + 1e-12).all()
    assert (error <= 1e-9).all()
    for norm, exponent in ((Norm.L1, 1), (Norm.L2, 2), (Norm.LINF, np.inf)):
        value = np.linalg.norm(truth, exponent)
        assert box_norm_below(centre, error, norm) <= value * (1 + 1e-12)
        assert box_norm_above(centre, error, norm) >= value * (1 - 1e-12)
        assert box_norm_below(centre, error, norm) == pytest.approx(value, rel=1e-7)
        assert box_norm_above(centre, error, norm) == pytest.approx(value, rel=1e-7)


@pytest.mark.parametrize("seed", range(8))
def test_local_bounds_hold_in_the_ball_and_shrink_with_it(seed):
    rng = np.random.default_rng(seed)
    network = random_certified(rng, ("relu", "tanh")[seed % 2], largest=6)
    center = rng.standard_normal(network.n_inputs)
    values = {}
    for radius in (0.01, 0.1, 1.0):
        ball = Ball(center, radius)
        slopes = slopes_over(network, ball)
        points = ball.sample(300, rng, network.n_inputs)
        inner = network.preactivations(points)
        at = network.activation.slope(inner)
        assert (at >= slopes.lower - 1e-12).all()
        assert (at <= slopes.upper + 1e-12).all()
        exact = brute_force(network, "linf", slopes.lower, slopes.upper)
        sampled = np.abs(network.jacobian(points)).sum(axis=2).max()
        for bound in implicit_bounds(network, "linf", ball):
            if bound.side == "lower":
                assert bound.lower <= exact * (1 + 1e-9)
            else:
                assert bound.value >= max(exact, sampled) * (1 - 1e-9), bound.method
            values[bound.method, radius] = bound.value
    for method in ("closed-form", "patterns", "slope-lmi"):
        assert values[method, 0.01] <= values[method, 0.1] * (1 + 1e-6)
        assert values[method, 0.1] <= values[method, 1.0] * (1 + 1e-6)


def test_weights_that_are_optimal_turn_the_row_form_into_the_closed_form():
    for seed in range(6):
        case = nemon(seed, 6, 3, 2, 0.4)
        network = ImplicitNetwork(case.network.A, case.network.B, None, case.network.C)
        for norm in ("l1", "linf"):
            best = implicit_bound(network, "row", norm, weights=optimal_weights(network, norm))
            closed = implicit_bound(network, "closed-form", norm).value
            assert best.value == pytest.approx(closed, rel=1e-6)
            for scale in (0.3, 3.0):  # no other weights do better
                other = optimal_weights(network, norm)
                other[0] *= scale
                try:
                    value = implicit_bound(network, "row", norm, weights=other).value
                except NoContraction:
                    continue
                assert value >= closed * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_weighted_norms_on_both_sides(seed):
    rng = np.random.default_rng(seed)
    network = random_certified(rng, largest=6)
    w, v = (
        np.exp(rng.standard_normal(network.n_inputs)),
        np.exp(rng.standard_normal(network.n_outputs)),
    )
    scaled = ImplicitNetwork(
        network.A, network.B * w, None, network.C / v[:, None], network.D * w / v[:, None]
    )
    value = weighted_bound(network, w, v)
    assert value >= brute_force(scaled, "linf") * (1 - 1e-12)
    assert value == pytest.approx(implicit_bound(scaled).value, rel=1e-9)
    ones = np.ones(network.n_inputs), np.ones(network.n_outputs)
    assert weighted_bound(network, *ones) == pytest.approx(implicit_bound(network).value, rel=1e-12)
    with pytest.raises(InvalidSetting, match="positive finite"):
        weighted_bound(network, -w, v)


def test_l1_is_linf_of_the_transposed_network():
    network = nemon(4, 5, 3, 2, 0.3).network
    turned = transposed(network)
    for slopes in np.random.default_rng(0).random((5, 5)):
        assert turned.jacobian_of_slopes(slopes) == pytest.approx(
            network.jacobian_of_slopes(slopes).T, rel=1e-9, abs=1e-12
        )
    assert contraction(network.A, norm="l1").measure == contraction(turned.A).measure


@pytest.mark.parametrize("widths", [(3, 5, 4, 2), (4, 6, 1)])
def test_feedforward_network_gives_its_own_bounds(widths):
    network = feedforward(0, widths)
    implicit = ImplicitNetwork.from_feedforward(network)
    path = np.eye(widths[0])
    for weight in network.weights:
        path = np.abs(weight) @ path
    for norm in Norm:
        gain = closed_gain(implicit, all_slopes(implicit))
        assert gain == pytest.approx(path, rel=1e-9)
        found = operator_norm_above(gain, norm)
        assert found == pytest.approx(np.linalg.norm(path, norm.exponent), rel=1e-9)


def test_feedforward_values_of_the_specification():
    """sdp_0: LipSDP-Neuron, GeoLIP and both exact values, through the implicit form."""
    implicit = ImplicitNetwork.from_feedforward(feedforward(0, (3, 5, 4, 2)))
    expected = {
        ("slope-lmi", "l2"): (1.3189847, 2e-5),
        ("slope-lmi", "linf"): (1.85596942, 2e-5),
        ("patterns", "l2"): (1.3189847, 1e-6),
        ("patterns", "linf"): (1.82613341, 1e-6),
        ("closed-form", "linf"): (4.1833889, 1e-6),
    }
    for (method, norm), (value, rel) in expected.items():
        assert implicit_bound(implicit, method, norm).value == pytest.approx(value, rel=rel)


def test_direct_term_counts():
    """D must not be forgotten: y = z + 5 x with z = relu(x) has slope 6."""
    network = ImplicitNetwork([[0.0]], [[1.0]], None, [[1.0]], [[5.0]])
    for norm in ("l1", "l2", "linf"):
        for bound in implicit_bounds(network, norm):
            end = bound.lower if bound.side == "lower" else bound.value
            assert end == pytest.approx(6.0, rel=1e-6), bound.method


def test_differences_of_outputs_count_their_rounding():
    base = ImplicitNetwork([[0.0]], [[1.0]], None, [[1.0], [-(2.0**-54)]])
    head = base.head(0, minus=1)  # 1 + 2^-54 rounds to 1
    assert head.C[0, 0] == 1.0
    for method in UPPER:
        value = implicit_bound(head, method).value
        assert Fraction(value) >= Fraction(1) + Fraction(2) ** -54, method


def test_sharp_form_is_below_the_paper_only_for_negative_measures():
    above = ImplicitNetwork(
        contracting(np.zeros((2, 2)), np.ones(2), 0.5), np.eye(2), None, np.eye(2)
    )
    below = ImplicitNetwork(
        contracting(np.zeros((2, 2)), np.ones(2), -1.0), np.eye(2), None, np.eye(2)
    )
    for network, ratio in ((above, 1.0), (below, 2.0)):
        paper, sharp = (implicit_bound(network, name).value for name in ("paper", "sharp"))
        assert paper / sharp == pytest.approx(ratio, rel=1e-9)
        assert sharp >= brute_force(network, "linf") * (1 - 1e-12)


def test_refusals():
    network = nemon(0, 20, 2, 2, 0.3).network
    with pytest.raises(InvalidSetting, match="unknown method"):
        implicit_bound(network, "guess")
    with pytest.raises(UnsupportedQuestion, match="l2"):
        implicit_bound(network, "paper", "l2")
    with pytest.raises(RelaxationTooLarge, match="2\\^20"):
        implicit_bound(network, "patterns")
    with pytest.raises(InvalidRegion, match="3 coordinates"):
        implicit_bound(network, region=Ball(np.zeros(3), 1.0))
    assert "patterns" not in {b.method for b in implicit_bounds(network, "linf", WHOLE_SPACE)}


@pytest.mark.parametrize("scale", [1e-90, 1e90])
@pytest.mark.parametrize("method", UPPER)
def test_huge_and_tiny_weights_scale_the_bounds(method, scale):
    network = nemon(5, 4, 2, 1, 0.3).network
    scaled = ImplicitNetwork(network.A, network.B * scale, None, network.C, network.D * scale)
    expected = implicit_bound(network, method).value * scale
    assert implicit_bound(scaled, method).value == pytest.approx(expected, rel=1e-6)


def test_numbers_that_overflow_are_no_bound():
    network = ImplicitNetwork([[0.0]], [[1e100]], None, [[1e100]])
    chained = ImplicitNetwork(
        np.diag([1e99] * 3, -1), np.eye(4) * 1e99, None, np.eye(4) * 1e99
    )  # path products of 1e495
    assert implicit_bound(network).value >= 1e200
    for method in UPPER:
        found = implicit_bound(chained, method)
        assert math.isinf(found.value), method
        assert not found.verified
