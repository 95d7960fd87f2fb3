"""The convex form of path-regularised networks, against specified values and brute force."""

from __future__ import annotations

import re
from functools import cache
from itertools import product

import numpy as np
import pytest

from lipexplore import bound
from lipexplore.errors import InvalidSetting
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.properties.path_norm import (
    lipschitz_above,
    lipschitz_from_regulariser,
    regulariser,
)
from lipexplore.properties.path_regularization import PathProblem, descend, objective, optimum
from lipexplore.properties.path_regularization.arrangements import (
    cells,
    facets,
    is_beyond,
    largest_number,
    patterns,
    sampled_patterns,
)
from lipexplore.properties.path_regularization.blocks import Blocks, blocks_of, sampled_blocks
from lipexplore.properties.path_regularization.certificate import lower_bound
from lipexplore.properties.path_regularization.columns import master, project
from lipexplore.properties.path_regularization.curve import kinks, largest_slope
from lipexplore.properties.path_regularization.problem import objective_above

# "5 path_reg P1": value and R for (layers, beta); dual = value
SPECIFIED = {
    (2, 0.01): (0.4652824, 19.5617692),
    (2, 0.1): (1.4994883, 4.2513511),
    (2, 0.5): (2.212535, 0.7496542),
    (3, 0.01): (0.3715141, 18.5411904),
    (3, 0.1): (1.224887, 6.939804),
    (3, 0.5): (2.0830163, 0.7355534),
}
CHECKSUM, ARRANGEMENTS, BLOCKS = 5.8467981, 10, 257


def data(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((5, 1)), rng.standard_normal(5)


@cache
def blocks(layers, seed=0):
    return blocks_of(PathProblem(*data(seed), 1.0).X, layers, 2)


@cache
def solved(layers, beta, seed=0):
    return optimum(PathProblem(*data(seed), beta, layers), blocks(layers, seed))


@cache
def even_blocks(layers):
    return blocks_of(PathProblem(np.linspace(-1.0, 1.0, 5), np.zeros(5), 1.0).X, layers, 2)


def signs_of_many(rows, count=200_000, seed=1):
    """Return the patterns of random directions, each as bytes."""
    directions = np.random.default_rng(seed).standard_normal((count, rows.shape[1]))
    return {row.tobytes() for row in np.unique(directions @ rows.T > 0.0, axis=0)}


def as_bytes(found):
    return {pattern.tobytes() for pattern in found}


# patterns


def test_specified_numbers_of_patterns_and_blocks():
    x, y = data()
    problem = PathProblem(x, y, 0.1)
    assert problem.X.sum() - 5.0 + y.sum() + 5.0 == pytest.approx(CHECKSUM, abs=1e-6)
    assert len(patterns(problem.X)) == largest_number(5, 2) == ARRANGEMENTS
    assert blocks(2).count == ARRANGEMENTS
    assert blocks(3).count == BLOCKS
    assert blocks(3).complete


@pytest.mark.parametrize(("n", "rank"), [(1, 1), (4, 1), (5, 2), (6, 2), (5, 3), (6, 3)])
def test_patterns_are_those_of_random_directions(n, rank):
    rows = np.random.default_rng(n).standard_normal((n, rank))
    found = patterns(rows)
    assert len(as_bytes(found)) == len(found) == largest_number(n, rank)
    assert as_bytes(found) == signs_of_many(rows)


def test_zero_and_parallel_rows_have_fewer_patterns():
    """Trap: a zero row's pattern is 0, parallel rows share a hyperplane."""
    rows = np.array([[1.0, 2.0], [0.0, 0.0], [2.0, 4.0], [-1.0, -2.0], [0.3, 0.1]])
    found = patterns(rows)
    assert len(found) == 4
    assert not any(pattern[1] for pattern in found)
    assert all(p[0] == p[2] != p[3] for p in found)
    assert as_bytes(found) == signs_of_many(rows)
    assert len(patterns(np.zeros((3, 2)))) == 1


def test_nearly_parallel_rows_keep_their_thin_cells():
    """Cells that no sampling would find are kept; one too many does no harm."""
    rows = np.array([[1.0, 0.0], [1.0, 2.0**-50], [0.0, 1.0]])
    thin = {np.array(p).tobytes() for p in ((True, False, False), (False, True, True))}
    found, sampled = as_bytes(patterns(rows)), as_bytes(sampled_patterns(rows, 5000, 0))
    assert sampled | thin <= found
    assert not sampled & thin
    exactly = np.array([[1.0, 1.0], [3.0, 3.0], [0.1, 0.1]])
    assert len(patterns(exactly)) == 2


def test_sides_are_left_out_by_exact_multipliers_only():
    cone = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert is_beyond(np.array([-1.0, -2.0]), cone)
    assert is_beyond(np.array([-1.0, 0.0]), cone)
    assert not is_beyond(np.array([-1.0, 2.0**-60]), cone)
    assert not is_beyond(np.array([1.0, -5.0]), cone)
    assert not is_beyond(np.array([1.0, 0.0]), np.zeros((0, 2)))


def test_cells_in_a_cone_and_their_closures():
    rng = np.random.default_rng(2)
    rows, cone = rng.standard_normal((5, 4)), rng.standard_normal((3, 4))
    directions = rng.standard_normal((100_000, 4))
    inside = directions[(directions @ cone.T > 0.0).all(axis=1)]
    found = cells(rows, cone)
    seen = {row.tobytes() for row in np.unique(inside @ rows.T > 0.0, axis=0)}
    assert seen <= as_bytes(cell.pattern for cell in found)
    signs = inside @ rows.T > 0.0
    for cell in found:
        own = (signs == cell.pattern).all(axis=1)
        assert np.array_equal(own, (inside @ cell.cone.T > 0.0).all(axis=1))


def test_facets_leave_out_what_follows():
    cone = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [2.0, 0.0]])
    assert {tuple(row / row.max()) for row in facets(cone)} == {(1.0, 0.0), (0.0, 1.0)}


def test_every_random_sub_network_lies_in_a_block():
    X = PathProblem(*data(), 1.0).X
    rng = np.random.default_rng(3)
    for _ in range(300):
        z, s = rng.standard_normal((2, 2)), sorted(rng.choice((-1, 1), 2), reverse=True)
        output = np.maximum(sum(s[j] * np.maximum(X @ z[j], 0.0) for j in (0, 1)), 0.0)
        if not output.any():
            continue
        own = [
            block
            for block in blocks(3).blocks
            if block.signs == tuple(s)
            for order in ((0, 1), (1, 0))
            if s[0] == s[1] or order == (0, 1)
            if (block.cone @ z[list(order)].ravel() >= -1e-12).all()
            and np.allclose(block.operator @ z[list(order)].ravel(), output)
        ]
        assert own


# optima


@pytest.mark.parametrize(("layers", "beta"), SPECIFIED)
def test_specified_values(layers, beta):
    value, path = SPECIFIED[layers, beta]
    found = solved(layers, beta)
    assert found.value == pytest.approx(value, rel=1e-6)
    assert found.lower == pytest.approx(value, rel=1e-6)
    # R is flat at the optimum: 4.2513511 stands for a point 1.3e-6 away, see the next test
    assert found.path_norm == pytest.approx(path, rel=2e-6 if (layers, beta) == (2, 0.1) else 1e-6)
    assert found.lower <= found.upper
    assert found.gap < 1e-8
    assert found.complete


def test_the_regulariser_at_the_optimum_is_proven():
    """beta R = optimum - |v|^2/2, and the dual variable is unique: |v - v*|^2 <= 2 gap."""
    found = solved(2, 0.1)
    v = found.problem.targets - found.predictions
    away = np.sqrt(2.0 * found.gap)
    error = found.gap + np.linalg.norm(v) * away + away**2
    middle = (found.value - 0.5 * float(v @ v)) / 0.1
    assert error / 0.1 < 1e-5
    assert abs(found.path_norm - middle) < 1e-9
    assert abs(4.2513511 - middle) < 1e-5


@pytest.mark.parametrize(("layers", "beta"), SPECIFIED)
def test_the_network_is_the_solution(layers, beta):
    found = solved(layers, beta)
    values = found.network(found.problem.points)[:, 0]
    assert np.abs(values - found.predictions).max() < 1e-6
    assert abs(objective(found.problem, found.network) - found.convex_value) < 1e-11
    assert all(len(part) == layers for part in found.network.subnetworks)
    assert len(found.network.subnetworks) <= len(found.predictions) + 1
    for part in found.network.subnetworks:
        if layers == 3:
            lengths = np.linalg.norm(part[0], axis=1)
            assert ((np.abs(lengths - 1.0) < 1e-12) | (lengths == 0.0)).all()


@pytest.mark.parametrize("beta", [0.01, 0.1, 0.5])
def test_two_layers_agree_with_a_direct_cone_program(beta):
    found = solved(2, beta)
    direct = optimum(found.problem, blocks(2), method="picos")
    assert direct.value == pytest.approx(found.value, rel=1e-7)
    assert direct.value >= found.lower
    assert direct.predictions == pytest.approx(found.predictions, abs=1e-4)


@pytest.mark.slow
def test_three_layers_agree_with_a_direct_cone_program():
    direct = optimum(solved(3, 0.1).problem, blocks(3), method="picos")
    assert direct.value == pytest.approx(SPECIFIED[3, 0.1][0], rel=1e-5)
    assert direct.value >= solved(3, 0.1).lower


def test_three_layers_are_never_worse_than_two():
    for beta in (0.01, 0.1, 0.5):
        assert solved(3, beta).lower <= solved(2, beta).upper
        assert solved(3, beta).upper < solved(2, beta).lower


def test_one_point_in_closed_form():
    """min 1/2 (r - y)^2 + beta |r| / |x|: soft thresholding."""
    for y, beta in ((3.0, 0.5), (-3.0, 0.5), (0.2, 5.0)):
        found = optimum(PathProblem([[2.0]], [y], beta, layers=2, constant=False))
        r = np.sign(y) * max(abs(y) - beta / 2.0, 0.0)
        assert found.value == pytest.approx(0.5 * (r - y) ** 2 + beta * abs(r) / 2.0, abs=1e-12)
        assert found.network([[2.0]])[0, 0] == pytest.approx(r, abs=1e-9)


def test_large_beta_leaves_no_sub_network():
    x, y = data()
    found = optimum(PathProblem(x, y, 100.0), blocks(3))
    assert found.path_norm == 0.0
    assert not found.network(x).any()
    assert found.value == found.convex_value == pytest.approx(0.5 * float(y @ y))
    assert found.lower <= found.value <= found.upper


@pytest.mark.parametrize("width", [1, 2])
def test_degenerate_data(width):
    """Equal, parallel and zero rows of X: still proven optima."""
    points = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [-1.0, -1.0], [1.0, 1.0]])
    targets = np.array([1.0, 1.0, -1.0, 2.0, 0.5])
    found = optimum(PathProblem(points, targets, 0.1, width=width, constant=False))
    assert found.gap < 1e-8
    assert found.value >= 0.5  # nothing moves f(0) = 0 away from its target 1
    values = found.network(points)[:, 0]
    assert values == pytest.approx(found.predictions, abs=1e-9)


@pytest.mark.parametrize("case", range(3))
def test_evenly_spaced_data_at_small_weights(case):
    """Many multipliers are not unique there, and least-squares routines stop short."""
    x = np.linspace(-1.0, 1.0, 5)
    y = (1.0 - np.abs(x), np.abs(x), (x > 0.0) * 1.0)[case]
    for beta in (0.003, 0.1):
        for layers in (2, 3):
            found = optimum(PathProblem(x, y, beta, layers), even_blocks(layers))
            assert found.gap < 1e-8
            assert found.network(x[:, None])[:, 0] == pytest.approx(found.predictions, abs=1e-6)


def test_problem_says_what_is_wrong():
    for arguments, message in (
        (([1.0], [1.0, 2.0], 0.1), "as many targets"),
        (([np.nan], [1.0], 0.1), "numbers up to"),
        (([1.0], [1.0], 0.0), "beta"),
        (([1.0], [1.0], np.nan), "beta"),
        (([1.0], [1.0], 0.1, 4), "2 or 3 layers"),
    ):
        with pytest.raises(InvalidSetting, match=message):
            PathProblem(*arguments)
    with pytest.raises(InvalidSetting, match="too many to enumerate"):
        optimum(PathProblem(np.arange(7.0), np.zeros(7), 0.1))
    with pytest.raises(InvalidSetting, match="unknown method"):
        optimum(PathProblem([1.0], [1.0], 0.1), method="guess")
    with pytest.raises(InvalidSetting, match=re.escape("at most 8 points")):
        patterns(np.ones((9, 2)))


# certificates


def test_sub_networks_never_violate_the_dual_constraint():
    """Against the definition: |v^T f(X)| <= beta R(f) for random f, v the dual variable."""
    X, rng = PathProblem(*data(), 1.0).X, np.random.default_rng(5)
    for beta in (0.01, 0.1, 0.5):
        found = solved(3, beta)
        v = found.problem.targets - found.predictions
        z = rng.standard_normal((100_000, 2, 2))
        z /= np.linalg.norm(z, axis=(1, 2))[:, None, None]
        first = np.maximum(np.einsum("nd,kjd->knj", X, z), 0.0)
        for signs in ((1, 1), (1, -1)):
            outputs = np.maximum(first @ np.array(signs, dtype=float), 0.0)
            assert np.abs(outputs @ v).max() <= beta * (1.0 + 1e-9)


def test_any_dual_variable_gives_a_lower_bound():
    _x, y = data()
    for layers in (2, 3):
        value = SPECIFIED[layers, 0.1][0]
        found = solved(layers, 0.1)
        v = y - found.predictions
        rng = np.random.default_rng(6)
        for size in (0.0, 1e-6, 1e-3, 0.1, 10.0):
            for _ in range(2):
                other = v + size * rng.standard_normal(5)
                assert lower_bound(blocks(layers).blocks, y, 0.1, other) <= value * (1.0 + 1e-7)
        assert lower_bound(blocks(layers).blocks, y, 0.1, v) > value * (1.0 - 1e-7)
        for poison in (np.nan, np.inf, 1e308, 1e200):
            broken = v.copy()
            broken[2] = poison
            assert 0.0 <= lower_bound(blocks(layers).blocks, y, 0.1, broken) <= value * (1 + 1e-7)


def test_overflow_proves_nothing(monkeypatch):
    """One block whose length is not a number must not be passed over."""
    _, y = data()
    v = y - solved(2, 0.1).predictions
    turns = iter(range(1000))

    def once(cone, g):
        z, t = project(cone, g)
        return (z, np.full(len(t), np.inf)) if next(turns) == 5 else (z, t)

    monkeypatch.setattr("lipexplore.properties.path_regularization.certificate.project", once)
    assert lower_bound(blocks(2).blocks, y, 0.1, v) == 0.0
    zero_row = blocks_of(np.array([[0.0, 0.0], [1.0, 2.0]]), 2, 1)
    far = np.array([1e200, 0.1])
    assert lower_bound(zero_row.blocks, np.ones(2), 0.1, far) == 0.0
    assert lower_bound(blocks(2).blocks, y, 0.1, np.full(5, 1.7e308)) == 0.0
    huge = ParallelNetwork([([[1e100, 0.0]], [[1e100]], [[1e100]], [[1e100]])], constant=True)
    assert objective_above(PathProblem([1.0], [1.0], 0.1), huge) == np.inf


def test_wrong_multipliers_still_prove_a_lower_bound(monkeypatch):
    """Weak duality holds for any multipliers, so a failing solver costs tightness only."""
    _, y = data()
    v = y - solved(2, 0.1).predictions
    rng = np.random.default_rng(7)
    for spoil in (
        lambda t: 0.0 * t,
        lambda t: -t,
        lambda t: t + rng.random(len(t)),
        lambda t: np.full(len(t), np.nan),
        lambda t: np.full(len(t), np.inf),
    ):
        monkeypatch.setattr(
            "lipexplore.properties.path_regularization.certificate.project",
            lambda cone, g, spoil=spoil: (g, spoil(project(cone, g)[1])),
        )
        assert 0.0 <= lower_bound(blocks(2).blocks, y, 0.1, v) <= SPECIFIED[2, 0.1][0] * (1 + 1e-7)


def test_skipped_patterns_invalidate_the_dual_certificate():
    """Trap: with blocks left out the dual value may exceed the optimum; it is then not claimed."""
    found = solved(3, 0.1)
    few = Blocks(blocks(3).blocks[::9], complete=False)
    part = optimum(found.problem, few)
    naive = lower_bound(
        few.blocks, found.problem.targets, 0.1, part.problem.targets - part.predictions
    )
    assert naive > found.upper  # what would have been claimed is wrong
    assert part.lower == 0.0
    assert not part.complete
    assert part.upper >= found.lower


@pytest.mark.parametrize("layers", [2, 3])
def test_sampled_patterns_give_an_upper_bound(layers):
    """Trap: a sampled optimum lies above the optimum and is labelled."""
    problem = solved(layers, 0.1).problem
    for count in (1, 5, 50):
        sample = sampled_blocks(problem.X, layers, 2, count, seed=1)
        found = optimum(problem, sample)
        assert not found.complete
        assert found.lower == 0.0
        assert found.upper >= solved(layers, 0.1).lower
        assert found.network(problem.points)[:, 0] == pytest.approx(found.predictions, abs=1e-9)
    many = optimum(problem, sampled_blocks(problem.X, layers, 2, 4000, seed=1))
    assert many.value == pytest.approx(SPECIFIED[layers, 0.1][0], rel=1e-3)


def test_the_constant_is_regularised():
    """Trap: a constant function costs beta times its size."""
    x, y = data()
    target = np.full(5, 2.0)
    found = optimum(PathProblem(x, target, 0.3, layers=2))
    constant = ParallelNetwork([([[0.0, 1.0]], [[2.0]])], constant=True)
    assert objective(PathProblem(x, target, 0.3, layers=2), constant) == pytest.approx(0.6)
    assert found.value <= 0.6
    assert found.path_norm > 1.0
    del y


def test_objective_above_is_the_exact_objective():
    found = solved(3, 0.5)
    above = objective_above(found.problem, found.network)
    assert 0.0 <= above - found.value < 1e-14
    integers = ParallelNetwork([([[1.0, 0.0]], [[3.0]])], constant=True)
    problem = PathProblem([1.0, 2.0], [1.0, 1.0], 0.5, layers=2)
    assert objective_above(problem, integers) == pytest.approx(0.5 * (4.0 + 25.0) + 1.5, rel=1e-15)
    assert objective_above(problem, integers) >= 16.0


def test_projection_by_brute_force_over_faces():
    rng = np.random.default_rng(8)
    for _ in range(60):
        m, k = int(rng.integers(1, 4)), int(rng.integers(0, 5))
        cone, g = rng.integers(-2, 3, (k, m)).astype(float), rng.standard_normal(m)
        z, t = project(cone, g)
        assert (t >= 0.0).all()
        assert (cone @ z >= -1e-9).all()
        best = np.inf
        for face in product((False, True), repeat=k):
            rows = cone[list(face)] if k else cone
            point = g - np.linalg.pinv(rows) @ (rows @ g) if len(rows) else g
            if (cone @ point >= -1e-10).all():
                best = min(best, float(np.linalg.norm(g - point)))
        assert np.linalg.norm(g - z) == pytest.approx(best, abs=1e-8)


def test_master_satisfies_its_optimality_conditions():
    rng = np.random.default_rng(9)
    for _ in range(30):
        columns, y = rng.standard_normal((4, 7)), rng.standard_normal(4)
        w = master(columns, y, 0.2)
        slope = columns.T @ (columns @ w - y) + 0.2
        assert (w >= 0.0).all()
        assert (slope >= -1e-10).all()
        assert np.abs(slope * w).max() < 1e-10


# gradient descent, slopes


@pytest.mark.parametrize(("layers", "beta"), SPECIFIED)
def test_gradient_descent_never_goes_below(layers, beta):
    found = solved(layers, beta)
    run = descend(found.problem, starts=8, steps=400, seed=layers)
    assert run.traces.min() >= found.lower * (1.0 - 1e-12)
    assert run.value >= found.lower * (1.0 - 1e-12)
    assert run.value <= run.traces.min() * (1.0 + 1e-12)
    assert objective(found.problem, run.network) == run.value
    assert len(run.steps) == len(run.traces)


def test_gradient_descent_comes_close_with_two_layers():
    run = descend(solved(2, 0.1).problem, starts=30, steps=2000)
    assert run.value == pytest.approx(SPECIFIED[2, 0.1][0], rel=1e-4)


def test_gradients_of_the_descent_are_differences():
    from lipexplore.properties.path_regularization.descent import _objective

    rng = np.random.default_rng(10)
    for layers, shapes in ((2, [(1, 2), ()]), (3, [(2, 2), (2,), ()])):
        problem = PathProblem(*data(), 0.3, layers)
        weights = [rng.standard_normal((1, 3, *shape)) for shape in shapes]
        _, gradients = _objective(problem, problem.X, weights)
        for weight, gradient in zip(weights, gradients, strict=True):
            for place in np.ndindex(weight.shape):
                ends = []
                for step in (1e-6, -1e-6):
                    moved = [w.copy() for w in weights]
                    moved[[w is weight for w in weights].index(True)][place] += step
                    ends.append(_objective(problem, problem.X, moved)[0][0])
                assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)


def test_specified_slopes_and_bounds():
    """R = 0.735553 lies below the slope 0.906063: R is no Lipschitz bound."""
    found = solved(3, 0.5).network
    assert regulariser(found) == pytest.approx(0.735553, abs=1e-6)
    assert largest_slope(found) == pytest.approx(0.906063, abs=1e-6)
    assert regulariser(found) < largest_slope(found)
    assert lipschitz_from_regulariser(found) == pytest.approx(1.040230, abs=1e-6)
    other = solved(3, 0.1).network
    assert regulariser(other) == pytest.approx(6.939804, abs=1e-5)
    assert largest_slope(other) == pytest.approx(4.445505, abs=1e-4)
    assert lipschitz_above(other) == pytest.approx(9.205983, abs=1e-4)
    assert lipschitz_from_regulariser(other) == pytest.approx(9.814365, abs=1e-5)


@pytest.mark.parametrize(("layers", "beta"), SPECIFIED)
def test_slopes_lie_between_differences_and_proven_bounds(layers, beta):
    network = solved(layers, beta).network
    slope = largest_slope(network)
    grid = np.linspace(-3.0, 3.0, 20001)[:, None]
    differences = np.abs(np.diff(network(grid)[:, 0]) / np.diff(grid[:, 0]))
    assert differences.max() <= slope * (1.0 + 1e-6)
    assert differences.max() >= slope * (1.0 - 1e-2)
    for method in ("path", "norm-product", "interval-jacobian"):
        assert slope <= bound(network.to_network(), method, norm="linf").value * (1.0 + 1e-12)
    assert slope <= lipschitz_above(network) * (1.0 + 1e-12)
    assert slope <= lipschitz_from_regulariser(network) * (1.0 + 1e-12)


def test_kinks_of_a_tent():
    tent = ParallelNetwork(
        [([[1.0, 1.0]], [[1.0]]), ([[1.0, 0.0]], [[-2.0]]), ([[1.0, -1.0]], [[1.0]])], constant=True
    )
    assert kinks(tent.to_network()).tolist() == [-1.0, 0.0, 1.0]
    assert largest_slope(tent) == 1.0
    with pytest.raises(InvalidSetting, match="one input"):
        kinks(ParallelNetwork([([[1.0, 1.0]], [[1.0]])]).to_network())
