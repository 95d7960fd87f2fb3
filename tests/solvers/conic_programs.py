"""Small conic programs with answers worked out by hand."""

import numpy as np
import picos

from tests.solvers.programs import Known

ROOT2, ROOT5 = np.sqrt(2), np.sqrt(5)


def stated(direction, objective, *constraints):
    problem = picos.Problem()
    problem.set_objective(direction, objective)
    problem.add_list_of_constraints(constraints)
    return problem


def unit_ball_min():
    x = picos.RealVariable("x", 2)
    return stated("min", 3 * x[0] + 4 * x[1] + 1, abs(x) <= 1)


def unit_ball_max():
    x = picos.RealVariable("x", 2)
    return stated("max", 3 * x[0] + 4 * x[1] + 1, abs(x) <= 1)


def distance_to_a_line():
    x, t = picos.RealVariable("x", 2), picos.RealVariable("t")
    return stated("min", t, abs(x - picos.Constant([2.0, 2.0])) <= t, x[0] + x[1] == 1)


def enclosing_circle():
    x, r = picos.RealVariable("x", 2), picos.RealVariable("r")
    return stated("min", r, abs(x) <= r, abs(x - picos.Constant([4.0, 3.0])) <= r)


def hyperbola():
    x, y = picos.RealVariable("x"), picos.RealVariable("y")
    return stated("min", 4 * x + y, (x // y // 1) << picos.rsoc())


def largest_eigenvalue():
    t = picos.RealVariable("t")
    return stated("min", t, t * picos.I(2) - picos.Constant([[2.0, 1.0], [1.0, 2.0]]) >> 0)


def smallest_eigenvalues():
    s, t = picos.RealVariable("s"), picos.RealVariable("t")
    return stated(
        "max",
        s + t,
        s * picos.I(2) << picos.Constant([[2.0, 1.0], [1.0, 2.0]]),
        t * picos.I(2) << picos.Constant([[0.0, 0.0], [0.0, -3.0]]),
    )


def theta_of_the_pentagon():
    matrix = picos.SymmetricVariable("X", 5)
    on_edges = [matrix[i, (i + 1) % 5] == 0 for i in range(5)]
    return stated("max", picos.sum(matrix), matrix >> 0, picos.trace(matrix) == 1, *on_edges)


def pentagon_optimum():
    """The circulant solution: the mean over the symmetries of the pentagon of any optimum."""
    row = np.array([1 / 5, 0, (ROOT5 - 1) / 10, (ROOT5 - 1) / 10, 0])
    return np.array([np.roll(row, shift) for shift in range(5)])


def exponential():
    t, x = picos.RealVariable("t"), picos.RealVariable("x")
    return stated("min", t, (t // 1 // x) << picos.expcone(), x == 1)


CONIC = {
    "unit_ball_min": Known(unit_ball_min, -4, {"x": [-0.6, -0.8]}, ([5, 3, 4],)),
    "unit_ball_max": Known(unit_ball_max, 6, {"x": [0.6, 0.8]}, ([5, -3, -4],)),
    "distance_to_a_line": Known(
        distance_to_a_line,
        3 / ROOT2,
        {"x": [0.5, 0.5], "t": [3 / ROOT2]},
        ([1, 1 / ROOT2, 1 / ROOT2], [-1 / ROOT2]),
    ),
    "enclosing_circle": Known(
        enclosing_circle,
        2.5,
        {"x": [2, 1.5], "r": [2.5]},
        ([0.5, -0.4, -0.3], [0.5, 0.4, 0.3]),
    ),
    "hyperbola": Known(hyperbola, 4, {"x": [0.5], "y": [2]}, ([4, 1, -4],)),
    "largest_eigenvalue": Known(largest_eigenvalue, 3, {"t": [3]}, ([0.5, 0.5, 0.5, 0.5],)),
    "smallest_eigenvalues": Known(
        smallest_eigenvalues,
        -2,
        {"s": [1], "t": [-3]},
        ([0.5, -0.5, -0.5, 0.5], [0, 0, 0, 1]),
    ),
    "theta_of_the_pentagon": Known(
        theta_of_the_pentagon,
        ROOT5,
        {"X": pentagon_optimum()},
        (None, [-ROOT5], *[None] * 5),
    ),
}

EXPONENTIAL = Known(exponential, np.e, {"t": [np.e], "x": [1]}, ([1, 0, -np.e], [np.e]))
