"""Hypothesis strategies: small networks with nasty numbers, regions, outputs."""

from itertools import pairwise

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from lipexplore import WHOLE_SPACE, Ball, Box, Network

PIECEWISE_LINEAR = {
    "relu": (0.0, 1.0),
    "leaky_relu:0.01": (0.01, 1.0),
    "leaky_relu:-0.3": (-0.3, 1.0),
    "leaky_relu:2.5": (2.5, 1.0),
    "abs": (-1.0, 1.0),
    "identity": (1.0, 1.0),
}
"""Names of piecewise linear activations with their slopes left and right of zero."""

SMOOTH = (
    "elu:1.0",
    "elu:0.3",
    "elu:2.5",
    "selu",
    "softplus",
    "tanh",
    "sigmoid",
    "silu",
    "gelu:exact",
    "gelu:tanh",
)
ACTIVATIONS = (*PIECEWISE_LINEAR, *SMOOTH)

half_integers = st.integers(-6, 6).map(lambda k: k / 2)
ordinary = st.floats(-2.0, 2.0, allow_subnormal=False)
sizes = st.builds(
    lambda sign, mantissa, power: sign * mantissa * 10.0**power,
    st.sampled_from((-1.0, 1.0)),
    st.floats(1.0, 9.75),
    st.integers(-6, 5),
)
tiny = st.sampled_from((0.0, -0.0, 5e-324, -5e-324, 1e-310, -2.2250738585072014e-308, 1e-200))
numbers = st.one_of(half_integers, ordinary, sizes, tiny)
"""Half-integers, ordinary numbers, sizes from 1e-6 to 1e6, zeros and denormals."""

tame_numbers = st.one_of(half_integers, ordinary)
"""Numbers for tests whose tolerance is relative to ordinary sizes."""


def examples(ordinary):
    """Return the hypothesis settings of so many examples: a fifth in quick runs, 1000 in nightly.

    The profiles are those of ``conftest.py``.
    """
    profile = settings.default.max_examples
    return settings(max_examples=profile if profile > 100 else ordinary * profile // 100)


def vectors(length, elements=numbers):
    return st.lists(elements, min_size=length, max_size=length).map(np.array)


def matrices(rows, columns, elements=numbers):
    return st.lists(
        st.lists(elements, min_size=columns, max_size=columns), min_size=rows, max_size=rows
    ).map(np.array)


@st.composite
def networks(
    draw,
    activations=ACTIVATIONS,
    elements=numbers,
    max_width=4,
    max_depth=3,
    max_units=8,
    n_inputs=None,
    n_outputs=None,
):
    """Draw a network with at most ``max_units`` hidden units, so 2^max_units slope vertices."""
    depth = draw(st.integers(0, max_depth))
    widths = [n_inputs or draw(st.integers(1, max_width))]
    left = max_units
    for layer in range(depth):
        widths.append(draw(st.integers(1, max(1, min(max_width, left - (depth - 1 - layer))))))
        left -= widths[-1]
    widths.append(n_outputs or draw(st.integers(1, 3)))
    weights = [draw(matrices(b, a, elements)) for a, b in pairwise(widths)]
    biases = [draw(vectors(b, elements)) for b in widths[1:]]
    return Network(weights, biases, [draw(st.sampled_from(activations)) for _ in range(depth)])


@st.composite
def balls(draw, dimension, elements=numbers, norms=("l1", "l2", "linf")):
    radius = draw(
        st.one_of(
            st.floats(1e-3, 3.0),
            st.sampled_from((5e-324, 1e-300, 1e-12, 0.5, 1.0, 1e6)),
        )
    )
    return Ball(draw(vectors(dimension, elements)), radius, draw(st.sampled_from(norms)))


@st.composite
def boxes(draw, dimension, elements=numbers):
    ends = [draw(vectors(dimension, elements)) for _ in range(2)]
    lower, upper = np.minimum(*ends), np.maximum(*ends)
    return Box(lower, np.where(lower < upper, upper, np.nextafter(lower, np.inf)))


def bounded_regions(dimension, elements=numbers):
    return st.one_of(balls(dimension, elements), boxes(dimension, elements))


def regions(dimension, elements=numbers):
    return st.one_of(st.just(WHOLE_SPACE), bounded_regions(dimension, elements))


@st.composite
def outputs(draw, network):
    """Draw an output, or two different ones whose margin is asked for."""
    output = draw(st.integers(0, network.n_outputs - 1))
    others = [j for j in range(network.n_outputs) if j != output]
    return output, draw(st.sampled_from([None, *others]))
