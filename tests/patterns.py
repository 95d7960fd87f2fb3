"""Exact constants of tiny networks by enumeration; shares no code with the package.

``pattern_maximum`` is P*: all ends of given slope ranges, in rationals. ``true_constant`` is L of a
ReLU network with one hidden layer: all activation patterns that some open set of inputs takes.
"""

from fractions import Fraction
from itertools import combinations, pairwise, product

import numpy as np
from scipy.optimize import linprog


def matrices(network):
    return [[[Fraction(a) for a in row] for row in weight.tolist()] for weight in network.weights]


def gradient(weights, row, slopes):
    """Return row D_d W_d ... D_1 W_1 in rationals; ``slopes`` holds one list per hidden layer."""
    for weight, slope in zip(reversed(weights[:-1]), reversed(slopes), strict=True):
        scaled = [r * s for r, s in zip(row, slope, strict=True)]
        row = [sum(c * weight[j][i] for j, c in enumerate(scaled)) for i in range(len(weight[0]))]
    return row


def power(vector, norm):
    """Return the dual norm of a gradient; for l2 its square."""
    if norm == "linf":
        return sum(abs(v) for v in vector)
    if norm == "l1":
        return max(abs(v) for v in vector)
    return sum(v * v for v in vector)


def pattern_maximum(network, lower, upper, norm, output=0, minus=None):
    """Return P* as a rational (for l2: its square) over all ends of the slope ranges."""
    weights = matrices(network)
    row = list(weights[-1][output])
    if minus is not None:
        row = [a - b for a, b in zip(row, weights[-1][minus], strict=True)]
    choices = [
        sorted({Fraction(low), Fraction(high)})
        for layer_low, layer_high in zip(lower, upper, strict=True)
        for low, high in zip(layer_low.tolist(), layer_high.tolist(), strict=True)
    ]
    ends = np.cumsum([0, *network.widths[1:-1]])
    best = Fraction(0)
    for vertex in product(*choices):
        slopes = [vertex[a:b] for a, b in pairwise(ends)]
        best = max(best, power(gradient(weights, row, slopes), norm))
    return best


def at_least(value, maximum, norm):
    """Tell exactly whether a float is not below the constant whose power was enumerated."""
    if np.isinf(value):
        return value > 0
    return Fraction(value) ** (2 if norm == "l2" else 1) >= maximum and value >= 0


def at_most(value, maximum, norm):
    """Tell exactly whether a float is not above the constant whose power was enumerated."""
    return Fraction(value) ** (2 if norm == "l2" else 1) <= maximum


def true_constant(network, norm, box=None, margin=1e-7):
    """Return L of a one-hidden-layer ReLU network: patterns whose cell has an interior."""
    (first, last), bias = network.weights, network.biases[0]
    best = 0.0
    for pattern in product((0.0, 1.0), repeat=len(first)):
        sign = np.where(np.array(pattern) > 0, 1.0, -1.0)
        # sign_j (a_j x + b_j) >= r ||a_j||_1, maximise the cell's inner radius r
        rows = np.column_stack([-sign[:, None] * first, np.abs(first).sum(axis=1)])
        bounds = [(None, None)] * first.shape[1]
        if box is not None:
            bounds = list(zip(*box, strict=True))
        cell = linprog(
            [*np.zeros(first.shape[1]), -1.0], rows, sign * bias, bounds=[*bounds, (0.0, 1.0)]
        )
        if cell.status == 0 and -cell.fun > margin:
            vector = (last[0] * pattern) @ first
            best = max(
                best, float(np.linalg.norm(vector, {"linf": 1, "l2": 2, "l1": np.inf}[norm]))
            )
    return best


def cell_constant(network, lower, upper):
    """Return L over a box for the l_inf norm: one hidden ReLU layer in general position.

    Every cell of the arrangement of the units' hyperplanes in the box has a vertex, where as many
    hyperplanes or faces meet as there are inputs; the units that meet there take both signs.
    """
    (first, last), bias = network.weights, network.biases[0]
    n_0, units = first.shape[1], len(first)
    planes = np.vstack([first, np.eye(n_0), np.eye(n_0)])
    levels = np.concatenate([-bias, lower, upper])
    best = 0.0
    for chosen in combinations(range(len(planes)), n_0):
        matrix = planes[list(chosen)]
        if abs(np.linalg.det(matrix)) < 1e-12:
            continue
        vertex = np.linalg.solve(matrix, levels[list(chosen)])
        if (vertex < lower - 1e-12).any() or (vertex > upper + 1e-12).any():
            continue
        active = first @ vertex + bias > 0.0
        met = [j for j in chosen if j < units]
        for signs in product((False, True), repeat=len(met)):
            active[met] = signs
            best = max(best, float(np.abs((last[0] * active) @ first).sum()))
    return best
