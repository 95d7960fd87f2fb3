"""Training of unfolded networks: derivatives, classes, references, gaps below their bounds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.properties.generalization import IstaClass, LayerwiseClass
from lipexplore.training.unfolded_loss import loss_and_gradients, mean_loss
from lipexplore.training.unfolded_parameters import IstaParameters, LayerwiseParameters
from lipexplore.training.unfolded_problem import RecoveryProblem, layer_errors
from lipexplore.training.unfolded_training import (
    Plan,
    fresh_samples,
    learned,
    nearby_dictionary,
    train,
)
from tests.networks.unfolded_cases import random_unfolded

SHORT = Plan(steps=60, batch=100)


def small_problem() -> RecoveryProblem:
    return RecoveryProblem.random(8, 5, 2)


def ista_start(problem, own: bool) -> IstaParameters:
    step = problem.usual_step
    pattern = (0, 1, 1) if own else (0, 0, 0)
    family = IstaClass(
        problem.measurements,
        8,
        3,
        step,
        0.05 * step,
        step_radius=0.3 * step,
        threshold_radius=0.05 * step,
        dictionary_of=pattern,
        step_of=pattern[::-1] if own else pattern,
        threshold_of=(0, 1, 2),
    )
    if own:
        family = IstaClass(
            problem.measurements, 8, 3, step, 0.05 * step, 0.3 * step, 0.05 * step,
            pattern, (0, 1, 0), (0, 1, 2),
        )  # fmt: skip
    return IstaParameters.start(family, nearby_dictionary(problem, 0.3))


def lista_start(pattern=((0, 1, 1), (0, 0, 1), (0, 1, 0))) -> LayerwiseParameters:
    drawn = random_unfolded(4, sizes=(5, 8, 8, 3), pattern=pattern)
    thresholds = [theta + 0.1 for theta in drawn.thresholds]
    center = UnfoldedNetwork(drawn.G, drawn.H, thresholds, drawn.Phi, drawn.sharing)
    return LayerwiseParameters.start(LayerwiseClass(center, 0.5, 0.4, 0.3, 0.2))


@pytest.mark.parametrize("clip", [np.inf, 0.3])
@pytest.mark.parametrize(
    "start", [ista_start(small_problem(), False), ista_start(small_problem(), True), lista_start()]
)
def test_derivatives_against_differences(start, clip):
    y, x = small_problem().sample(30, np.random.default_rng(0))
    loss, by_layer = loss_and_gradients(start.network(clip), y, x)
    assert loss == pytest.approx(np.square(start.network(clip)(y) - x).sum(axis=1).mean())
    rng, step = np.random.default_rng(1), 1e-6
    for turn, found in enumerate(start.gradients(by_layer)):
        direction = rng.standard_normal(found.shape)
        ends = []
        for sign in (1.0, -1.0):
            arrays = list(start.arrays)
            arrays[turn] = arrays[turn] + sign * step * direction
            net = replaced(start, arrays).network(clip)
            ends.append(loss_and_gradients(net, y, x)[0])
        slope = (ends[0] - ends[1]) / (2.0 * step)
        assert (found * direction).sum() == pytest.approx(slope, rel=2e-5, abs=1e-8), turn


def replaced(start, arrays):
    """Return parameters with these arrays, not projected."""
    if isinstance(start, IstaParameters):
        return IstaParameters(start.family, *arrays)
    return LayerwiseParameters(start.family, list(arrays))


def test_projection_leads_into_the_class_and_keeps_what_is_inside():
    rng = np.random.default_rng(2)
    start = ista_start(small_problem(), True)
    far = start.projected([a + 3.0 * rng.standard_normal(a.shape) for a in start.arrays])
    assert far.family.contains(*far.arrays)
    assert far.thresholds.min() >= 0.0
    again = far.projected(far.arrays)
    assert all(np.allclose(a, b) for a, b in zip(far.arrays, again.arrays, strict=True))
    lista = lista_start()
    moved = lista.projected([a + 3.0 * rng.standard_normal(a.shape) for a in lista.arrays])
    assert lista.family.contains(moved.network(1.0))
    assert not lista.family.contains(replaced(lista, [a + 3.0 for a in lista.arrays]).network(1.0))


def test_problem_is_seeded_sparse_and_bounded():
    problem = small_problem()
    y, x = problem.sample(500, np.random.default_rng(5))
    again = small_problem().sample(500, np.random.default_rng(5))
    assert np.array_equal(y, again[0])
    codes = x @ problem.dictionary
    assert (np.abs(codes) > 1e-9).sum(axis=1).max() == 2
    assert np.linalg.norm(x, axis=1).max() <= problem.radius
    assert (y - x @ problem.measurements.T).std() == pytest.approx(0.01, rel=0.1)


def test_references_minimise_the_lasso():
    problem, weight = small_problem(), 0.05
    y, _ = problem.sample(20, np.random.default_rng(6))
    M, step = problem.measurements @ problem.dictionary, problem.usual_step

    def objective(z):
        return 0.5 * np.square(y - z @ M.T).sum(axis=1) + weight * np.abs(z).sum(axis=1)

    ista = [objective(z) for z in problem.ista(60, step, weight).codes(y)]
    fista = [objective(z) for z in problem.fista(y, 60, step, weight)]
    assert all((b <= a * (1 + 1e-12)).all() for a, b in pairwise(ista))
    assert fista[-1].mean() < ista[-1].mean()
    best = objective(problem.fista(y, 3000, step, weight)[-1])
    # Beck and Teboulle: theorem 4.4 and, for ISTA, theorem 3.1
    size = np.square(problem.fista(y, 3000, step, weight)[-1]).sum(axis=1)
    assert (fista[-1] - best <= 2.0 * size / (step * 61**2) + 1e-12).all()
    assert (ista[-1] - best <= size / (2.0 * step * 60) + 1e-12).all()


def test_learned_layers_beat_the_iterations_they_began_with():
    problem = small_problem()
    ista = problem.ista(5, problem.usual_step, 0.05)
    center = UnfoldedNetwork(
        ista.G * 5, ista.H * 5, ista.thresholds * 5, ista.Phi, (tuple(range(5)),) * 3
    )
    start = LayerwiseParameters.start(LayerwiseClass(center, 0.5, 0.5, 0.1))
    data = problem.sample(600, np.random.default_rng(7))
    net = train(start, data, problem.radius, Plan(steps=120)).network(problem.radius)
    y, x = fresh_samples(problem)
    errors = layer_errors(net.recovered(net.codes(y)), x)
    fista = layer_errors(ista.recovered(problem.fista(y, 5, problem.usual_step, 0.05)), x)
    assert errors[-1] < 0.6 * fista[-1]
    again = train(start, data, problem.radius, Plan(steps=120)).network(problem.radius)
    assert again.content_hash == net.content_hash


@pytest.mark.parametrize("kind", ["ista", "lista"])
def test_measured_gap_is_below_its_bound(kind):
    problem = small_problem()
    start = ista_start(problem, True) if kind == "ista" else lista_start()
    runs = [learned(problem, start, start.family, m, SHORT) for m in (20, 1000)]
    for run in runs:
        assert run.gap <= run.bound.value
        net = run.parameters.network(problem.radius)
        assert run.test_loss == mean_loss(net, *fresh_samples(problem))
        assert max(run.train_loss, run.test_loss) <= run.bound.trivial
    assert runs[0].gap > runs[1].gap  # few samples are fitted too well
    assert runs[0].bound.value > runs[1].bound.value
