"""The vector pass: monotone, between brute force and certificates, batches, operators."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator

from lipexplore.exact.vector_pass import VectorPass, slope_patterns
from lipexplore.exact.vector_state import Vectors
from lipexplore.norms import Norm
from tests.exact.vector_cases import CLASSES, maximum, random_chain, relaxed

BOTH = (Norm.L2, Norm.LINF)
SHAPES = ((3, 4, 1), (4, 3, 3, 1), (2, 3, 2, 3, 2), (3, 2))


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("norm", list(Norm), ids=lambda norm: norm.value)
def test_no_sweep_lowers_the_value(kind, norm):
    rng = np.random.default_rng(1)
    for widths in (*SHAPES, (3, 4, 4, 4, 4, 4, 4, 4, 1)):
        problem = VectorPass(random_chain(kind, widths, rng), norm)
        vectors, value = problem.start(rank=3, seed=int(rng.integers(100))), 0.0
        for _ in range(30):
            swept = problem.sweep(vectors)
            assert (swept.values >= value * (1.0 - 1e-13)).all()
            vectors, value = swept.vectors, swept.values


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("norm", BOTH, ids=lambda norm: norm.value)
def test_between_brute_force_and_the_certificate(kind, norm):
    rng = np.random.default_rng(2)
    for widths in SHAPES:
        chain = random_chain(kind, widths, rng)
        problem = VectorPass(chain, norm)
        ascent = problem.run(problem.start(rank=8), 150)
        value = float(ascent.best[0])
        bound = relaxed(chain, norm.value, *problem.multipliers(ascent.last).of(0))
        if widths[-1] == 1 or norm is Norm.L2:
            assert value <= bound * (1.0 + 1e-7)  # no proof, ordinary rounding
            assert bound <= value * (1.0 + 1e-4)
        if widths[-1] == 1:
            assert value >= maximum(chain, norm.value) * (1.0 - 1e-4)
            assert bound >= maximum(chain, norm.value) * (1.0 - 1e-9)


def test_the_value_is_attained_by_admissible_vectors():
    """z lies in every ball [alpha g, beta g], and the output has the claimed length."""
    rng = np.random.default_rng(3)
    chain = random_chain("mixed", (4, 5, 5, 1), rng)
    problem = VectorPass(chain, Norm.LINF)
    vectors = problem.run(problem.start(rank=6), 50).vectors
    inputs, *units = (layer[:, 0].T for layer in vectors.layers)
    np.testing.assert_allclose(np.linalg.norm(inputs, axis=1), 1.0, rtol=1e-14)
    z = inputs
    for weight, low, high, v in zip(chain.weights, chain.lower, chain.upper, units, strict=False):
        g = weight @ z
        z = (low + high)[:, None] / 2 * g
        z += ((high - low) / 2 * np.linalg.norm(g, axis=1))[:, None] * v
        inside = ((z - low[:, None] * g) * (z - high[:, None] * g)).sum(axis=1)
        assert np.abs(inside).max() < 1e-13
    assert np.linalg.norm(chain.weights[-1] @ z) == pytest.approx(problem.sweep(vectors).values[0])


def test_one_input_is_the_network_behind_that_input():
    rng = np.random.default_rng(4)
    chain = random_chain("mixed", (4, 3, 3, 1), rng)
    problem = VectorPass(chain, Norm.L1)
    ascent = problem.run(problem.start(), 150)
    exact = maximum(chain, "l1", np.arange(4))
    assert ascent.best.shape == (4,)
    multipliers = problem.multipliers(ascent.last)
    for column in range(4):
        narrow = replace(chain, weights=(chain.weights[0][:, [column]], *chain.weights[1:]))
        alone = VectorPass(narrow, BOTH[column % 2])
        assert alone.run(alone.start(), 150).best[0] == pytest.approx(ascent.best[column], 1e-6)
        bound = relaxed(chain, "l1", *multipliers.of(column), column)
        assert bound == pytest.approx(ascent.best[column], rel=1e-4)
        assert bound >= exact[column] * (1.0 - 1e-9)
    two = VectorPass(chain, Norm.L1, columns=[3, 1])
    np.testing.assert_allclose(two.run(two.start(), 150).best, ascent.best[[3, 1]], rtol=1e-6)


@pytest.mark.parametrize("norm", BOTH, ids=lambda norm: norm.value)
def test_problems_of_a_batch_do_not_touch_each_other(norm):
    """Each problem with slope ranges and an output row of its own goes as it would alone."""
    rng = np.random.default_rng(5)
    chain = random_chain("across zero", (4, 5, 5, 1), rng)
    rows = rng.standard_normal((3, 5))
    lower = [np.where(rng.random((3, 5)) < 0.4, high, low)
             for low, high in zip(chain.lower, chain.upper, strict=True)]  # fmt: skip
    batch = VectorPass(chain, norm, lower=lower, outputs=rows)
    together = batch.run(batch.start(rank=5), 40)
    order = [2, 0]
    taken = VectorPass(chain, norm, lower=[low[order] for low in lower], outputs=rows[order])
    subset = taken.run(batch.run(batch.start(rank=5), 25).take(order), 15)
    np.testing.assert_allclose(subset.best, together.best[order], rtol=1e-12)
    for b in range(3):
        own = replace(chain, weights=(*chain.weights[:-1], rows[b : b + 1]))
        single = VectorPass(own, norm, lower=[low[b] for low in lower])
        alone = single.run(batch.start(rank=5).take([b]), 40)
        np.testing.assert_allclose(alone.best, together.best[b], rtol=1e-12)
        ours = single.multipliers(alone.last).of(0)
        theirs = batch.multipliers(together.last).of(b)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
        np.testing.assert_allclose(
            single.scores(alone.last)[0][0], batch.scores(together.last)[0][b], rtol=1e-5, atol=1e-9
        )


def test_dead_units_and_inputs():
    rng = np.random.default_rng(6)
    chain = random_chain("relu", (5, 6, 6, 1), rng)
    first, second, last = (weight.copy() for weight in chain.weights)
    first[[0, 3]] = 0.0
    first[:, 1] = 0.0
    second[:, 2] = 0.0
    last[:, 4] = 0.0
    chain = replace(chain, weights=(first, second, last))
    for norm in BOTH:
        problem = VectorPass(chain, norm)
        ascent = problem.run(problem.start(), 400)
        mu, taus = problem.multipliers(ascent.last).of(0)
        assert all((tau > 0.0).all() and np.isfinite(tau).all() for tau in (mu, *taus))
        assert relaxed(chain, norm.value, mu, taus) == pytest.approx(ascent.best[0], rel=1e-5)
    silent = VectorPass(replace(chain, weights=(first, second, 0.0 * last)), Norm.LINF)
    ascent = silent.run(silent.start(), 5)
    assert ascent.best[0] == 0.0
    assert np.isfinite(ascent.point.rows).all()


@pytest.mark.parametrize("norm", list(Norm), ids=lambda norm: norm.value)
def test_wide_inputs_and_no_hidden_layers(norm):
    rng = np.random.default_rng(7)
    weight = rng.standard_normal((2, 9))
    chain = random_chain("relu", (9, 2), rng)
    chain = replace(chain, weights=(weight,))
    exact = {
        Norm.L1: np.linalg.norm(weight, axis=0),
        Norm.L2: np.linalg.norm(weight, 2),
        Norm.LINF: np.linalg.norm(weight[0] + 1j * weight[1], 1),  # only an upper bound here
    }[norm]
    problem = VectorPass(chain, norm)
    best = problem.run(problem.start(), 100).best
    if norm is Norm.LINF:
        assert np.abs(weight).sum(axis=1).max() * (1 - 1e-9) <= best[0]
        assert best[0] <= np.linalg.norm(weight, 2) * 3.0 * (1 + 1e-12)
    else:
        np.testing.assert_allclose(best, exact, rtol=1e-9)
    single = VectorPass(chain, norm, outputs=weight[:1], columns=[3])
    value = float(np.linalg.norm(weight[0], {Norm.L2: 2, Norm.LINF: 1}.get(norm, 1)))
    value = abs(float(weight[0, 3])) if norm is Norm.L1 else value
    assert single.run(single.start(), 5).best[0] == pytest.approx(value, rel=1e-12)


def circulant(kernel, size):
    """Return a 1-D circular convolution as an operator and as a matrix."""
    matrix = sum(w * np.roll(np.eye(size), shift, axis=1) for shift, w in enumerate(kernel))
    operator = LinearOperator(
        (size, size),
        matvec=lambda x: sum(w * np.roll(x, -s, axis=0) for s, w in enumerate(kernel)),
        rmatvec=lambda y: sum(w * np.roll(y, s, axis=0) for s, w in enumerate(kernel)),
        matmat=lambda x: sum(w * np.roll(x, -s, axis=0) for s, w in enumerate(kernel)),
        rmatmat=lambda y: sum(w * np.roll(y, s, axis=0) for s, w in enumerate(kernel)),
        dtype=np.float64,
    )
    return operator, matrix


@pytest.mark.parametrize("norm", list(Norm), ids=lambda norm: norm.value)
def test_operators_and_sparse_weights(norm):
    rng = np.random.default_rng(8)
    operator, matrix = circulant([0.7, -0.4, 0.3], 12)
    np.testing.assert_allclose(operator @ np.eye(12), matrix)
    chain = random_chain("relu", (12, 12, 12, 1), rng)
    dense = replace(chain, weights=(matrix, matrix, chain.weights[2]))
    for weight in (operator, csr_array(matrix)):
        lazy = replace(dense, weights=(weight, weight, chain.weights[2]))
        assert lazy.widths == (12, 12, 12, 1)
        one, two = (VectorPass(item, norm) for item in (dense, lazy))
        start = one.start(rank=4)
        np.testing.assert_allclose(two.run(start, 30).best, one.run(start, 30).best, rtol=1e-12)


def test_patterns_come_from_the_vectors_and_reach_p_star():
    rng = np.random.default_rng(9)
    chain = random_chain("relu", (5, 6, 6, 1), rng)
    problem = VectorPass(chain, Norm.LINF)
    ascent = problem.run(problem.start(), 100)
    patterns = slope_patterns(ascent.last, 0, rng.standard_normal((20, ascent.vectors.rank)))
    assert [pattern.shape for pattern in patterns] == [(21, 6), (21, 6)]
    first, second, last = chain.weights
    gradients = ((last[0] * patterns[1]) @ second * patterns[0]) @ first
    found = np.abs(gradients).sum(axis=1).max()
    exact = maximum(chain, "linf")
    assert 0.9 * exact <= found <= exact * (1 + 1e-12)
    scores = problem.scores(ascent.last)
    assert all((score >= 0.0).all() for score in scores)


def test_vectors_are_reproducible_and_sliced():
    one, two = (Vectors.random((3, 4), 5, 2, seed) for seed in (1, 1))
    np.testing.assert_array_equal(one.rows, two.rows)
    assert one.problems == 2
    assert one.rank == 5
    assert [layer.shape for layer in one.layers] == [(5, 2, 3), (5, 2, 4)]
    assert one.take([1, 1, 0]).problems == 3
