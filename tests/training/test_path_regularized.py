"""Training with path regularisation: gradients, exact zeros, and what data/README.md says."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from lipexplore import bound
from lipexplore.errors import InvalidSetting
from lipexplore.networks.gallery import data_folder, digits, gallery_model, gallery_names
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.properties.path_norm import path_norms, regulariser
from lipexplore.training import Recipe
from lipexplore.training.path_regularized import (
    Stack,
    initial_stack,
    loss_and_gradient,
    shrunk,
    train_stack,
)

LINES = (data_folder() / "README.md").read_text(encoding="utf-8").splitlines()
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in LINES
    if line.startswith("| `parallel-")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}


def small_task(seed=0):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((60, 3))
    labels = (images[:, 0] > 0).astype(np.int64) + (images[:, 1] > 0.5)
    return images, labels


def test_gradients_are_differences():
    images, labels = small_task()
    stack = initial_stack(3, 4, 2, 3, 0)
    _, gradients = loss_and_gradient(stack, images, labels, 0.2)
    arrays = [stack.first, stack.second, stack.last]
    for number, gradient in enumerate(gradients):
        for place in np.ndindex(gradient.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [a.copy() for a in arrays]
                moved[number][place] += step
                ends.append(loss_and_gradient(Stack(*moved), images, labels, 0.2)[0])
            assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)


def test_path_norms_are_those_of_the_network():
    stack = initial_stack(3, 4, 2, 3, 1)
    network = ParallelNetwork(
        [
            [w, u[None], v[:, None]]
            for w, u, v in zip(stack.first, stack.second, stack.last, strict=True)
        ],
        constant=True,
    )
    assert path_norms(network) == pytest.approx(stack.path_norms)
    rounded = stack.network()
    points = np.random.default_rng(0).standard_normal((9, 3))
    assert rounded(points) == pytest.approx(network(points), abs=1e-4)
    assert all((part[0] * 2.0**20 % 1.0 == 0.0).all() for part in rounded.subnetworks)


def test_proximal_map_minimises_its_objective():
    rows, amounts = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]), np.array([1.0, 1.0, 1.0])
    found = shrunk(rows, amounts)
    assert found.tolist() == [[3.0 * 0.8, 4.0 * 0.8], [0.0, 0.0], [0.0, 0.0]]

    def value(x):
        return 0.5 * np.square(x - rows).sum(axis=1) + amounts * np.linalg.norm(x, axis=1)

    rng = np.random.default_rng(0)
    for _ in range(200):
        assert (value(found + 0.1 * rng.standard_normal(rows.shape)) >= value(found)).all()


def test_larger_weights_leave_fewer_sub_networks_and_smaller_norms():
    images, labels = small_task()
    recipe = Recipe(epochs=60, batch=20, step=0.02)
    counts, sizes = [], []
    for beta in (0.0, 0.03, 0.1, 10.0):
        stack = train_stack(initial_stack(3, 8, 2, 3, 0), images, labels, recipe, beta)
        counts.append(int((stack.path_norms > 0.0).sum()))
        sizes.append(float(stack.path_norms.sum()))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[2] > counts[3] == 0
    assert sizes == sorted(sizes, reverse=True)
    assert len(stack.network().subnetworks) == 1


def test_wrong_calls_say_so():
    images, labels = small_task()
    stack = initial_stack(3, 2, 2, 3, 0)
    with pytest.raises(InvalidSetting, match="shape"):
        train_stack(stack, images[:, :2], labels, Recipe(), 0.1)
    with pytest.raises(InvalidSetting, match="labels"):
        train_stack(stack, images, labels + 5, Recipe(), 0.1)
    with pytest.raises(InvalidSetting, match="beta"):
        train_stack(stack, images, labels, Recipe(), -0.1)


def test_shipped_networks_are_those_of_the_readme():
    assert set(gallery_names("parallel")) == set(ROWS)
    assert len(ROWS) == 5


@pytest.mark.parametrize("name", ROWS)
def test_readme_line_is_true(name):
    beta, left, right, size, path, shor, _, checksum = ROWS[name]
    file = data_folder() / "networks" / f"{name}.npz"
    assert checksum == f"`{hashlib.sha256(file.read_bytes()).hexdigest()}`"
    network = gallery_model(name)
    images, labels = digits()
    assert left == f"{len(network.subnetworks)} of 24"
    count = int((network(images).argmax(axis=1) == labels).sum())
    assert right == f"{count} ({100 * count / 360:.1f} %)"
    assert regulariser(network) == pytest.approx(float(size), rel=1e-3)
    whole = network.to_network()
    assert whole(images) == pytest.approx(network(images), abs=1e-9)
    heads = [whole.head(output) for output in range(10)]
    values = [bound(head, "path", norm="linf").value for head in heads]
    assert max(values) <= float(path) <= 1.001 * max(values)
    assert float(shor) < float(path)
    assert float(beta) >= 0.0


def test_what_the_table_says_of_growing_weights():
    rows = sorted(ROWS.values(), key=lambda cells: float(cells[0]))
    for column in (3, 4, 5):
        values = [float(cells[column]) for cells in rows]
        assert values == sorted(values, reverse=True)
    lefts = [int(cells[1].split()[0]) for cells in rows]
    assert lefts == sorted(lefts, reverse=True)


@pytest.mark.slow
def test_training_again_gives_the_shipped_network():
    images, labels = digits("train")
    stack = train_stack(initial_stack(64, 24, 3, 10, 0), images, labels, Recipe(epochs=40), 0.1)
    shipped = gallery_model("parallel-digits-beta1e-1")
    again = stack.network()
    assert len(again.subnetworks) == len(shipped.subnetworks)
    for new, old in zip(again.subnetworks, shipped.subnetworks, strict=True):
        for a, b in zip(new, old, strict=True):
            assert np.abs(a - b).max() < 1e-6
