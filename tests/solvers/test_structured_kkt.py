"""The structured KKT solver against CVXOPT's own."""

import cvxopt
import numpy as np
import pytest
from cvxopt import misc

from lipexplore import WHOLE_SPACE
from lipexplore.certificates.lmi import verified_bound
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.networks.slope_system import sector_system, slope_system
from lipexplore.norms import Norm
from lipexplore.relaxations.slope_lmi import slope_lmi
from lipexplore.solvers import solve
from lipexplore.solvers.structured_kkt import DiagonalProductLMI


def lmi_of(widths=(4, 6, 5, 1), norm=Norm.LINF, act="relu"):
    network = random_dense(widths, 0, act)
    return slope_lmi(sector_system(slope_system(network, slope_ranges(network, WHOLE_SPACE))), norm)


def stated(lmi):
    """Return G, dims and A as CVXOPT gets them: bounds first, then the matrix inequality."""
    count, order = len(lmi.repeats), len(lmi.rows)
    columns = [-lmi.structure().value(unit).ravel(order="F") for unit in np.eye(count)]
    dense = np.concatenate([-np.eye(count), np.array(columns).T])
    inequalities = cvxopt.sparse(cvxopt.matrix(dense))
    return (
        inequalities,
        {"l": count, "q": [], "s": [order]},
        cvxopt.spmatrix([], [], [], (0, count)),
    )


def scaling_of(dims, rng, spread=1.0):
    order, count = dims["s"][0], dims["l"]
    di = np.exp(spread * rng.standard_normal(count))
    rti = rng.standard_normal((order, order)) * np.exp(spread * rng.standard_normal(order))
    return {
        "d": cvxopt.matrix(1 / di), "di": cvxopt.matrix(di), "v": [], "beta": [],
        "r": [cvxopt.matrix(np.linalg.inv(rti).T)], "rti": [cvxopt.matrix(rti)],
    }  # fmt: skip


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
@pytest.mark.parametrize("act", ["relu", "silu"])
def test_solves_the_same_systems(norm, act):
    lmi = lmi_of(norm=norm, act=act)
    inequalities, dims, equalities = stated(lmi)
    rng = np.random.default_rng(0)
    own = lmi.structure().kktsolver(inequalities, dims, equalities)
    stock = misc.kkt_chol(inequalities, dims, equalities)
    for spread in (0.0, 1.0, 3.0):
        scaling = scaling_of(dims, rng, spread)
        x = rng.standard_normal(dims["l"])
        z = rng.standard_normal(dims["l"] + dims["s"][0] ** 2)  # its upper triangle has no meaning
        answers = []
        for factor in (own, stock):
            ux, uz = cvxopt.matrix(x), cvxopt.matrix(z)
            factor(scaling)(ux, cvxopt.matrix(0.0, (0, 1)), uz)
            square = np.array(uz[dims["l"] :]).reshape(lmi.rows.shape, order="F")
            lower = np.tril(square)
            answers.append((np.array(ux).ravel(), np.array(uz[: dims["l"]]).ravel(), lower))
        for a, b in zip(*answers, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-7 * np.abs(b).max())


def test_both_equations_hold_when_badly_conditioned():
    """The rounding of R^T Z R must be symmetric, or the dual residual stalls at 1e-8."""
    lmi = lmi_of((10, 10, 1))
    solution = solve(lmi.problem(), structure=lmi.structure(), tolerance=1e-9)
    assert solution.status == "optimal"
    assert solution.iterations <= 25


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_same_value_as_the_default(norm):
    lmi = lmi_of((8, 12, 8, 1), norm, "leaky_relu:0.1")
    answers = [
        solve(lmi.problem(), solver="cvxopt", structure=structure)
        for structure in (lmi.structure(), None)
    ]
    values = [
        verified_bound(lmi.source, norm, *lmi.multipliers(answer.primal["c"])).value
        for answer in answers
    ]
    assert [answer.status for answer in answers] == ["optimal", "optimal"]
    assert values[0] == pytest.approx(values[1], rel=1e-7)
    assert answers[0].iterations == pytest.approx(answers[1].iterations, abs=2)


def test_refuses_another_inequality():
    lmi = lmi_of()
    structure = lmi.structure()
    other = DiagonalProductLMI(structure.rows * 1.001, structure.repeats)
    solution = solve(lmi.problem(), structure=other)
    assert solution.status.startswith("failed")
    assert "another matrix inequality" in solution.status
    inequalities, dims, equalities = stated(lmi)
    with pytest.raises(ValueError, match="one matrix inequality"):
        structure.kktsolver(inequalities, {**dims, "s": [2, 2]}, equalities)


def test_a_singular_system_is_an_arithmetic_error():
    """CVXOPT then ends with its current iterate; LinAlgError would cross it."""
    lmi = lmi_of()
    inequalities, dims, equalities = stated(lmi)
    factor = lmi.structure().kktsolver(inequalities, dims, equalities)
    scaling = scaling_of(dims, np.random.default_rng(0))
    for broken in (np.nan, 0.0):
        bad = {
            **scaling,
            "di": cvxopt.matrix(broken, scaling["di"].size),
            "rti": [cvxopt.matrix(broken, scaling["rti"][0].size)],
        }
        with pytest.raises(ArithmeticError):
            factor(bad)
