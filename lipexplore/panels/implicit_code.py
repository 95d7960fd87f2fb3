"""The Python that does what the panel of implicit networks shows."""

from __future__ import annotations

from typing import Final

from lipexplore.panels.implicit_view import Request, base_weights, network_of

_DEEP_CODE = """from lipexplore.networks.feedforward import Network

rng = np.random.default_rng(0)
shapes = ((5, 3), (4, 5), (2, 4))
deep = Network([rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes])
network = ImplicitNetwork.from_feedforward(deep)"""
_RANDOM = "from lipexplore.networks.implicit_generators import random_implicit\n"
_IMPLICIT = "from lipexplore.networks.implicit import ImplicitNetwork\n"
_GALLERY = "from lipexplore.networks.gallery import digits, gallery_model\n"
CODE: Final = {
    "random, 6 states": _RANDOM + "network = random_implicit(6, 3, 2, 0.4, 10)",
    "random, 30 states": _RANDOM + "network = random_implicit(30, 5, 3, 0.7, 1)",
    "one state, Picard cycles": (
        _IMPLICIT + "network = ImplicitNetwork([[-3.0]], [[1.0]], [1.0], [[1.0], [-1.0]])"
    ),
    "feedforward 3-5-4-2 as implicit": _IMPLICIT + _DEEP_CODE,
}
"""The Python that makes the examples."""


def python_of(request: Request) -> str:
    """Return Python that computes the box of a request, ready to run."""
    network = network_of(request.name)
    made = CODE.get(request.name, f'{_GALLERY}network = gallery_model("{request.name}")')
    lines = ["import numpy as np", made]
    if request.gamma is not None:
        weights = base_weights(request.name).tolist()
        lines += [
            "from lipexplore.networks.implicit_generators import with_measure",
            f"network = with_measure(network, {request.gamma!r}, np.array({weights}))",
        ]
    if network.n_inputs == 64:
        box = "EmbeddedNetwork, ball_box"
        x = f"digits()[0][{request.sample}]"
        call = f"EmbeddedNetwork(network).outputs(*ball_box(x, {request.radius!r}, (0.0, 1.0)))"
    else:
        box = "reachable_box"
        x = f"np.random.default_rng({request.sample}).standard_normal({network.n_inputs})"
        call = f"reachable_box(network, x, {request.radius!r})"
    found = f"from lipexplore.properties.reachability import {box}"
    return "\n".join([*lines, found, f"x = {x}", call])
