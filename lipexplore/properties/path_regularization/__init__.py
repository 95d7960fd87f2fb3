"""The convex form of path-regularised parallel ReLU networks on few points.

>>> problem = PathProblem([-1.0, 0.0, 1.0], [1.0, 0.0, 1.0], 0.1, layers=2)
>>> found = optimum(problem)
>>> found.complete and found.upper - found.lower < 1e-8
True
"""

from lipexplore.properties.path_regularization.descent import Descent, descend
from lipexplore.properties.path_regularization.problem import PathProblem, objective
from lipexplore.properties.path_regularization.solution import PathOptimum, optimum

__all__ = ["Descent", "PathOptimum", "PathProblem", "descend", "objective", "optimum"]
