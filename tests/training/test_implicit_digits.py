"""The shipped implicit networks are what data/README.md says, and the stories they tell hold."""

import hashlib
import importlib.util

import numpy as np
import pytest

from lipexplore.networks.gallery import data_folder, digits, gallery_model, gallery_names
from lipexplore.properties.implicit.robustness import is_certified
from lipexplore.training import Recipe
from lipexplore.training.implicit import train_implicit
from lipexplore.training.implicit_loss import ImplicitLoss, lipschitz_and_gradient
from lipexplore.training.implicit_moons import two_moons
from lipexplore.training.implicit_parameters import initial_parameters

DATA = data_folder()
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in (DATA / "README.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| `implicit-")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_implicit", DATA / "make_implicit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def certified(network, images, labels, radius):
    """Return the share of points proven to keep their label."""
    return float(is_certified(network, images, labels, radius, clip=None).mean())


def test_gallery_holds_what_the_readme_lists(script):
    assert set(gallery_names("implicit")) == set(ROWS) == set(script.PLANS)
    assert len(ROWS) == 3


@pytest.mark.parametrize("name", ROWS)
def test_readme_line_is_true(name):
    measure, right, *proven, bound, _, checksum = ROWS[name]
    network, (images, labels) = gallery_model(name), digits()
    assert network.contraction.measure <= float(measure) <= 0.5
    assert int(right.split()[0]) == (network(images).argmax(axis=1) == labels).sum()
    counts = [int(cell.split()[0]) for cell in proven]
    for radius, count in zip((0.02, 0.05, 0.1), counts, strict=True):
        assert count == round(360 * certified(network, images, labels, radius))
    walks = np.zeros(network.n_states)
    for _ in range(2000):
        outer = np.abs(network.A) @ walks - np.abs(np.diag(network.A)) * walks
        walks = (outer + np.abs(network.B).sum(axis=1)) / (1.0 - np.diag(network.A))
    assert float(bound) == pytest.approx((np.abs(network.C) @ walks).max(), rel=1e-3)
    assert float(bound) >= (np.abs(network.C) @ walks).max()
    content = (DATA / "networks" / f"{name}.npz").read_bytes()
    assert f"`{hashlib.sha256(content).hexdigest()}`" == checksum


@pytest.mark.slow
@pytest.mark.parametrize("name", ["implicit-digits-64-40-10-lipschitz"])
def test_training_again_gives_the_shipped_network(script, name):
    assert script.differences(name) == []


def test_no_sampled_change_moves_a_certified_image():
    network, (images, labels) = gallery_model("implicit-digits-64-40-10-robust"), digits()
    sure = np.flatnonzero(is_certified(network, images[:60], labels[:60], 0.05, clip=None))
    assert len(sure) > 40
    rng = np.random.default_rng(0)
    slopes = np.sign(network.jacobian(images[sure]))
    ways = [-slopes[np.arange(len(sure)), labels[sure]] + slopes[:, j] for j in range(10)]
    ways += [rng.choice([-1.0, 1.0], size=(len(sure), 64)) for _ in range(20)]
    for way in ways:
        answers = network(images[sure] + 0.05 * np.clip(way, -1.0, 1.0)).argmax(axis=1)
        assert (answers == labels[sure]).all()


def test_two_moons_robust_training_certifies_more_while_the_global_bound_goes_up():
    train, test = two_moons(80, 0.1, 0), two_moons(300, 0.1, 100)
    recipe = Recipe(epochs=150, batch=80, step=0.03, decay=0.0)
    shares, bounds = [], []
    for kappa in (0.0, 0.5):
        found = train_implicit(
            initial_parameters(2, 12, 2), *train, recipe, ImplicitLoss(kappa, 0.1)
        )
        network = found.network()
        shares.append([certified(network, *test, radius) for radius in (0.0, 0.1)])
        bounds.append(lipschitz_and_gradient(found)[0])
    assert min(shares[0][0], shares[1][0]) >= 0.97
    assert shares[1][1] >= shares[0][1] + 0.05
    assert bounds[1] > 1.3 * bounds[0]
