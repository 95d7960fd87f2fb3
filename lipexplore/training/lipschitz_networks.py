"""Train 1-Lipschitz networks: weights of norm 1, activations of slopes in [-1, 1], by Adam.

Several replicas, which differ in their first weights alone, are trained side by side in numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.networks.group_sort import group_sort_network
from lipexplore.norms import Norm
from lipexplore.rounding import Array
from lipexplore.training.lipschitz_families import Family
from lipexplore.training.lipschitz_weights import (
    GRID,
    Constrained,
    constrain,
    proven_weight,
    pull_back,
)

Loss = Callable[[Array], tuple[Array, Array]]
"""Takes outputs (replicas, count, m), returns the loss per replica and its derivative."""


@dataclass(frozen=True)
class Plan:
    """How to train.

    Parameters
    ----------
    norm
        Of the constraint: every weight has ||W|| <= 1 in it.
    steps
        Adam's steps over all points; the step size falls linearly from ``step`` to 0.
    replicas
        Networks trained side by side.
    smoothing
        Weight of the total variation of all splines.
    seed
        Of the first weights.
    """

    norm: Norm = Norm.L2
    steps: int = 2000
    step: float = 0.01
    replicas: int = 5
    smoothing: float = 1e-6
    seed: int = 0


@dataclass(frozen=True, eq=False)
class _Pass:
    """What a forward pass leaves behind: weights, each layer's inputs, then outputs, and more."""

    weights: list[Constrained]
    inputs: list[Array]
    known: list[object]


@dataclass(eq=False)
class LipschitzNetworks:
    """Replicas of one network whose parameters are free; its weights are made from them.

    Parameters
    ----------
    family
        Of all hidden activations.
    norm
        Of the constraint on the weights.
    free, biases
        Per layer, arrays (replicas, n_out, n_in) and (replicas, n_out).
    shapes
        Per hidden layer the parameters of the activations, (replicas, units, K).
    """

    family: Family
    norm: Norm
    free: list[Array]
    biases: list[Array]
    shapes: list[Array] = field(default_factory=list)

    @classmethod
    def initial(cls, widths: Sequence[int], family: Family, plan: Plan) -> LipschitzNetworks:
        """Return random networks with layer sizes ``widths``."""
        rng = np.random.default_rng(plan.seed)
        count = plan.replicas
        free = [2.0 * rng.random((count, b, a)) - 1.0 for a, b in pairwise(widths)]
        biases = [rng.random((count, b)) - 0.5 for b in widths[1:]]
        biases[-1] = np.zeros_like(biases[-1])
        shapes = [family.initial((count, width)) for width in widths[1:-1]]
        return cls(family, plan.norm, free, biases, shapes)

    def __call__(self, x: Array) -> Array:
        """Return the outputs (replicas, count, m) at points (count, n_0)."""
        return self._forward(x).inputs[-1]

    def gradient(
        self, x: Array, loss: Loss, smoothing: float
    ) -> tuple[Array, list[Array], list[Array], list[Array]]:
        """Return the loss per replica and its derivatives by free weights, biases and shapes."""
        found = self._forward(x)
        losses, error = loss(found.inputs[-1])
        free, biases, shapes = list(self.free), list(self.biases), list(self.shapes)
        for layer in range(len(free) - 1, -1, -1):
            by_weight = np.swapaxes(error, 1, 2) @ found.inputs[layer]
            free[layer] = pull_back(found.weights[layer], by_weight, self.norm)
            biases[layer] = error.sum(axis=1)
            if layer:
                error = error @ found.weights[layer].weight
                error, by_shape = self.family.backward(found.known[layer - 1], error)
                total, rough = self.family.penalty(self.shapes[layer - 1])
                losses = losses + smoothing * total
                shapes[layer - 1] = by_shape + smoothing * rough
        return losses, free, biases, shapes

    def _forward(self, x: Array) -> _Pass:
        weights = [constrain(free, self.norm) for free in self.free]
        inputs: list[Array] = [np.broadcast_to(x, (len(self.free[0]), *x.shape))]
        known = []
        for layer, weight in enumerate(weights):
            z = inputs[-1] @ np.swapaxes(weight.weight, 1, 2) + self.biases[layer][:, None, :]
            if layer < len(self.shapes):
                z, needed = self.family.forward(z, self.shapes[layer])
                known.append(needed)
            inputs.append(z)
        return _Pass(weights, inputs, known)

    def exported(self, replica: int, name: str = "network") -> Network:
        """Return one replica as a network on a grid whose weights have proven norms of at most 1.

        GroupSort becomes identities and absolute values between rotated weights: there the proof
        holds for the weights before the rotation.
        """
        weights = [
            proven_weight(constrain(free[replica], self.norm).weight, self.norm)
            for free in self.free
        ]
        biases = [np.round(bias[replica] / GRID) * GRID for bias in self.biases]
        acts = [self.family.exported(shape[replica]) for shape in self.shapes]
        known = [act for act in acts if act is not None]
        if len(known) < len(acts):
            return group_sort_network(weights, biases, name)
        return Network(weights, biases, known, name)


def train(
    networks: LipschitzNetworks,
    x: Array,
    loss: Loss,
    plan: Plan,
    on_step: Callable[[int, Array], None] | None = None,
) -> LipschitzNetworks:
    """Return the networks after Adam on all points x (count, n_0) in every step.

    ``on_step`` is told the step and the losses (replicas,).
    """
    parts = [*networks.free, *networks.biases, *networks.shapes]
    n_weights = len(networks.free) + len(networks.biases)
    means, squares = [np.zeros_like(p) for p in parts], [np.zeros_like(p) for p in parts]
    for step in range(plan.steps):
        losses, free, biases, shapes = networks.gradient(x, loss, plan.smoothing)
        gradients = [*free, *biases, *shapes]
        size = plan.step * (plan.steps - step) / plan.steps
        bias = (1.0 - 0.9 ** (step + 1)), (1.0 - 0.999 ** (step + 1))
        for place, gradient in enumerate(gradients):
            means[place] = 0.9 * means[place] + 0.1 * gradient
            squares[place] = 0.999 * squares[place] + 0.001 * np.square(gradient)
            move = means[place] / bias[0] / (np.sqrt(squares[place] / bias[1]) + 1e-10)
            pace = 1.0 if place < n_weights else networks.family.pace
            parts[place] = parts[place] - size * pace * move
        networks = _with_parts(networks, parts)
        if on_step is not None:
            on_step(step, losses)
    return networks


def _with_parts(networks: LipschitzNetworks, parts: Sequence[Array]) -> LipschitzNetworks:
    left: Iterator[Array] = iter(parts)
    free = [next(left) for _ in networks.free]
    biases = [next(left) for _ in networks.biases]
    shapes = [next(left) for _ in networks.shapes]
    return replace(networks, free=free, biases=biases, shapes=shapes)
