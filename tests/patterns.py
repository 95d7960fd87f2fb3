"""L of a ReLU network with one hidden layer in float64, in two ways; imports no lipexplore.

``true_constant`` tries all activation patterns by linear programming, ``cell_constant`` visits the
vertices of the arrangement. Both reach more units than the rational ``oracles.exact_lipschitz``,
whose l2 norm is a square while theirs is not.
"""

from itertools import combinations, product

import numpy as np
from scipy.optimize import linprog


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
