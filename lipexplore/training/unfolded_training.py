"""Training inside a class, and the generalization gap that comes of it beside its bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lipexplore.properties.generalization.classes import IstaClass
from lipexplore.properties.generalization.gap import GapBound, generalization_gap
from lipexplore.properties.generalization.layerwise import LayerwiseClass, frobenius_above
from lipexplore.rounding import Array
from lipexplore.training.unfolded_loss import loss_and_gradients, mean_loss
from lipexplore.training.unfolded_parameters import Parameters
from lipexplore.training.unfolded_problem import RecoveryProblem, Samples

TEST_SAMPLES = 4000
TRAIN_STREAM, TEST_STREAM = 1, 2


@dataclass(frozen=True)
class Plan:
    """Adam on all samples at once: number of steps and first size, which falls linearly to 0."""

    steps: int = 200
    size: float = 0.02
    batch: int = 400
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Learned:
    """One training run.

    Parameters
    ----------
    train_loss, test_loss
        Means of |h(y) - x| over the m training samples and over fresh ones: estimates of the gap's
        two ends, the first exact but for rounding.
    bound
        What the theorem says of every network of the class, for this data.
    """

    parameters: Parameters
    samples: int
    train_loss: float
    test_loss: float
    bound: GapBound

    @property
    def gap(self) -> float:
        """The measured gap L(h) - Lhat(h), an estimate."""
        return self.test_loss - self.train_loss


def train(start: Parameters, data: Samples, clip: float, plan: Plan | None = None) -> Parameters:
    """Minimise the mean of |h(y) - x|^2 over the class by projected Adam.

    Raises
    ------
    InvalidSetting
        If the data do not fit the network.
    """
    plan = plan or Plan()
    y, x = data
    rng = np.random.default_rng(plan.seed)
    current = start
    first = [np.zeros_like(a) for a in start.arrays]
    second = [np.zeros_like(a) for a in start.arrays]
    for step in range(plan.steps):
        rows = rng.permutation(len(y))[: plan.batch]
        _, by_layer = loss_and_gradients(current.network(clip), y[rows], x[rows])
        moved = []
        for i, (array, slope) in enumerate(
            zip(current.arrays, current.gradients(by_layer), strict=True)
        ):
            first[i] = 0.9 * first[i] + 0.1 * slope
            second[i] = 0.999 * second[i] + 0.001 * np.square(slope)
            mean = first[i] / (1.0 - 0.9 ** (step + 1))
            spread = np.sqrt(second[i] / (1.0 - 0.999 ** (step + 1)))
            size = plan.size * (1.0 - step / plan.steps)
            moved.append(array - size * mean / (spread + 1e-8))
        current = current.projected(moved)
    return current


def learned(
    problem: RecoveryProblem,
    start: Parameters,
    family: IstaClass | LayerwiseClass,
    samples: int,
    plan: Plan | None = None,
) -> Learned:
    """Train on m samples, measure the gap on fresh ones and bound it for the whole class."""
    plan = plan or Plan()
    data = problem.sample(samples, np.random.default_rng([plan.seed, TRAIN_STREAM]))
    found = train(start, data, problem.radius, plan)
    network = found.network(problem.radius)
    return Learned(
        found,
        samples,
        mean_loss(network, *data),
        mean_loss(network, *fresh_samples(problem, plan.seed)),
        class_bound(family, data[0], problem.radius),
    )


def class_bound(family: IstaClass | LayerwiseClass, y: Array, radius: float) -> GapBound:
    """Return the theorem's bound for observed measurements (m, n), with B_in = B_out."""
    blocks = family.blocks(frobenius_above(y), len(y))
    return generalization_gap(blocks, len(y), input_radius=radius, output_radius=radius)


def fresh_samples(problem: RecoveryProblem, seed: int = 0) -> Samples:
    """Return the samples on which losses are measured, drawn apart from those of training."""
    return problem.sample(TEST_SAMPLES, np.random.default_rng([seed, TEST_STREAM]))


def gap_curve(
    problem: RecoveryProblem,
    start: Parameters,
    family: IstaClass | LayerwiseClass,
    sizes: Sequence[int],
    plan: Plan | None = None,
    on_done: Callable[[Learned], None] | None = None,
) -> list[Learned]:
    """Train once for every number of samples."""
    found = []
    for samples in sizes:
        found.append(learned(problem, start, family, samples, plan))
        if on_done is not None:
            on_done(found[-1])
    return found


def nearby_dictionary(problem: RecoveryProblem, distance: float, seed: int = 0) -> Array:
    """Return an orthogonal matrix near the true dictionary: what training begins with."""
    rng = np.random.default_rng([seed, 3])
    size = len(problem.dictionary)
    noise = rng.standard_normal((size, size)) / np.sqrt(size)
    left, _, right = np.linalg.svd(problem.dictionary + distance * noise)
    return np.asarray(left @ right)
