"""Small programs with answers worked out by hand, and random ones of the Krivine kind."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

import cvxopt
import numpy as np
import picos
from picos.expressions import AffineExpression


@dataclass(frozen=True)
class Known:
    """A program and its answer; a dual that is not unique is None."""

    state: Callable[[], picos.Problem]
    value: float
    primal: dict[str, list] = field(default_factory=dict)
    duals: tuple[list | None, ...] = ()


def min_greater():
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.minimize = x[0] + 2 * x[1]
    problem.add_list_of_constraints([x[0] + x[1] >= 1, x >= 0])
    return problem


def max_less():
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.maximize = 3 * x[0] + 2 * x[1]
    problem.add_list_of_constraints([x[0] + x[1] <= 4, x[0] + 3 * x[1] <= 7, x[0] <= 3])
    return problem


def min_equal():
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.minimize = 2 * x[0] + 3 * x[1]
    problem.add_list_of_constraints([x[0] + x[1] == 2, x[0] <= 1.5, x[1] >= 0])
    return problem


def max_equal():
    problem, x = picos.Problem(), picos.RealVariable("x", 2)
    problem.maximize = x[0] - x[1]
    problem.add_list_of_constraints([x[0] + x[1] == 2, x[0] <= 1.5, x[1] >= 0])
    return problem


def min_constant_on_the_left():
    problem, x = picos.Problem(), picos.RealVariable("x", 1)
    problem.minimize = 3 * x + 5
    problem.add_constraint(picos.Constant(1.0) <= x)
    return problem


def max_with_constant():
    problem, x = picos.Problem(), picos.RealVariable("x", 1)
    problem.maximize = 7 - 2 * x
    problem.add_constraint(x >= 2)
    return problem


def bounded_variables():
    problem, x = picos.Problem(), picos.RealVariable("x", 2, lower=0, upper=[1, 2])
    problem.maximize = 2 * x[0] + x[1]
    problem.add_constraint(x[0] + x[1] <= 2.5)
    return problem


def two_matrices():
    problem = picos.Problem()
    x, y = picos.RealVariable("x", (2, 2)), picos.RealVariable("y", 3)
    weights = picos.Constant([[1.0, 2.0], [3.0, 4.0]])
    problem.minimize = (weights | x) + 5 * picos.sum(y)
    problem.add_constraint(x >= picos.Constant([[10.0, 20.0], [30.0, 40.0]]))
    problem.add_constraint(y >= picos.Constant([1.0, 2.0, 3.0]))
    return problem


def symmetric():
    problem, x = picos.Problem(), picos.SymmetricVariable("x", 2)
    problem.minimize = picos.sum(x)
    problem.add_constraint(x >= picos.Constant([[1.0, 2.0], [2.0, 5.0]]))
    return problem


LINEAR = {
    "min_greater": Known(min_greater, 1, {"x": [1, 0]}, ([1], [0, 1])),
    "max_less": Known(max_less, 11, {"x": [3, 1]}, ([2], [0], [1])),
    "min_equal": Known(min_equal, 4.5, {"x": [1.5, 0.5]}, ([3], [1], [0])),
    "max_equal": Known(max_equal, 1, {"x": [1.5, 0.5]}, ([1], [2], [0])),
    "min_constant_on_the_left": Known(min_constant_on_the_left, 8, {"x": [1]}, ([3],)),
    "max_with_constant": Known(max_with_constant, 3, {"x": [2]}, ([2],)),
    "bounded_variables": Known(bounded_variables, 3.5, {"x": [1, 1.5]}, ([1],)),
    "two_matrices": Known(
        two_matrices,
        330,
        {"x": [[10, 20], [30, 40]], "y": [1, 2, 3]},
        ([1, 3, 2, 4], [5, 5, 5]),
    ),
    "symmetric": Known(symmetric, 10, {"x": [[1, 2], [2, 5]]}, (None,)),
}


@dataclass(frozen=True)
class Moments:
    """max p.y + constant  s.t.  A y + a >= 0, every y_M in [0, 1] at a feasible point."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    a: np.ndarray
    p: np.ndarray
    constant: float

    @property
    def shape(self):
        return len(self.a), len(self.p)

    def state(self) -> picos.Problem:
        y = picos.RealVariable("y", len(self.p))
        triplets = (cvxopt.matrix(part) for part in (self.values, self.rows, self.columns))
        matrix = cvxopt.spmatrix(*triplets, self.shape)
        products = AffineExpression(
            "L(y)", (len(self.a), 1), {y: matrix, (): cvxopt.matrix(self.a)}
        )
        objective = AffineExpression("p.y", (1, 1), {y: cvxopt.matrix(self.p).T, (): self.constant})
        problem = picos.Problem()
        problem.set_objective("max", objective)
        problem.add_constraint(products >= 0)
        return problem

    def repaired(self, multipliers: np.ndarray) -> float:
        """A bound that any multipliers prove: residuals cost their absolute value."""
        c = multipliers.clip(0)
        residual = self.p.copy()
        np.add.at(residual, self.columns, self.values * c[self.rows])
        return float(self.constant + c @ self.a + np.abs(residual).sum())


def moments(inputs: int, units: int, seed: int) -> Moments:
    """Degree-3 products over all triples, for a random bilinear objective."""
    generator = np.random.default_rng(seed)
    size = inputs + units
    weights = generator.uniform(-1, 1, (inputs, units))
    triples = np.array(list(combinations(range(size), 3)))
    keys = np.zeros((len(triples), 8), dtype=np.int64)
    for mask in range(8):
        for position in range(3):
            if mask >> position & 1:
                keys[:, mask] = keys[:, mask] * (size + 1) + triples[:, position] + 1
    names, ids = np.unique(keys, return_inverse=True)
    ids = ids.reshape(keys.shape)
    parts = [
        (np.arange(len(triples)) * 8 + inside, ids[:, mask], (-1.0) ** (mask ^ inside).bit_count())
        for inside in range(8)
        for mask in range(8)
        if mask & inside == inside
    ]
    rows = np.concatenate([part[0] for part in parts])
    columns = np.concatenate([part[1] for part in parts])
    values = np.concatenate([np.full(len(triples), part[2]) for part in parts])
    a = np.zeros(8 * len(triples))
    a[rows[columns == 0]] = values[columns == 0]
    p = np.zeros(len(names))
    left, right = np.indices(weights.shape).reshape(2, -1)
    pairs = (left + 1) * (size + 1) + inputs + right + 1
    p[np.searchsorted(names, pairs)] = weights.ravel()
    kept = columns > 0
    return Moments(rows[kept], columns[kept] - 1, values[kept], a, p[1:], 0.25)
