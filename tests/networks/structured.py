"""Small networks with layers of every kind."""

import numpy as np

from lipexplore import Network
from lipexplore.networks.layers import AveragePool, Convolution, Dense, Scaling


def every_kind(activation="relu", mode="zeros", seed=0):
    """Return scaling, convolution, average pool and dense layer: 18-18-8-4-2, 8 units that act."""
    rng = np.random.default_rng(seed)
    scaling = Scaling([2.0, 0.5], [0.25, -1.0], (2, 3, 3))
    kernel, bias = rng.standard_normal((2, 1, 2, 3)), rng.standard_normal(2)
    convolution = Convolution(
        kernel, bias, (2, 3, 3), padding=((0, 0), (1, 0)), groups=2, padding_mode=mode
    )
    pool = AveragePool(convolution.output_shape, (1, 2), 1)
    dense = Dense(rng.standard_normal((2, pool.n_outputs)), rng.standard_normal(2))
    layers = [scaling, convolution, pool, dense]
    return Network(layers, (), ["identity", activation, "identity"], "every kind")


def cnn(seed, padding=(0, 0), stride=(1, 1)):
    """Return the convolutional networks of the specification: channels 1, 2, 2 on 6 x 6 pixels."""
    rng = np.random.default_rng(seed)
    layers, shape = [], (1, 6, 6)
    for p, s in zip(padding, stride, strict=True):
        kernel = rng.standard_normal((2, shape[0], 3, 3)) / np.sqrt(9 * shape[0])
        layers.append(Convolution(kernel, None, shape, s, p))
        shape = layers[-1].output_shape
    flat = layers[-1].n_outputs
    layers.append(Dense(rng.standard_normal((3, flat)) / np.sqrt(flat)))
    return Network(layers, name=f"cnn({seed})")
