"""The programs that are measured, and HiGHS called directly on the same matrices."""

from pathlib import Path

import highspy
import numpy as np

import lipexplore
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.sparsity import clique_family
from lipexplore.relaxations.krivine import KrivineRelaxation, krivine_relaxation

REFERENCE = Path(__file__).parents[1] / "tests" / "reference"


def relaxation(network: lipexplore.Network, degree: int) -> KrivineRelaxation:
    """Return the program with output cliques over the whole space."""
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    problem = norm_gradient_problem(network, slopes, Norm.LINF)
    return krivine_relaxation(problem, clique_family(problem, network, slopes, "output"), degree)


def solve_directly(program: KrivineRelaxation) -> tuple[float, np.ndarray]:
    """Pass the moment form straight to HiGHS (interior point, no crossover, one thread)."""
    matrix = program.matrix[1:].T.tocsc()
    columns = matrix.shape[1]
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_ = -program.objective[1:] / program.scale
    lp.col_lower_ = np.full(columns, -highspy.kHighsInf)
    lp.col_upper_ = np.full(columns, highspy.kHighsInf)
    lp.row_lower_ = -program.matrix[[0]].toarray().ravel().astype(float)
    lp.row_upper_ = np.full(matrix.shape[0], highspy.kHighsInf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
    lp.a_matrix_.value_ = matrix.data.astype(float)
    highs = highspy.Highs()
    for name, value in {
        "output_flag": False,
        "solver": "ipm",
        "run_crossover": "off",
        "presolve": "off",
        "threads": 1,
    }.items():
        highs.setOptionValue(name, value)
    highs.passModel(lp)
    highs.run()
    value = -highs.getObjectiveValue() + program.objective[0] / program.scale
    return value * program.scale, np.abs(highs.getSolution().row_dual)
