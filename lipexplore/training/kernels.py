"""Gradients of a layer's own numbers."""

from __future__ import annotations

import numpy as np

from lipexplore.networks.layers import Convolution, Dense, Layer
from lipexplore.networks.unrolling import windows
from lipexplore.rounding import Array


def parameter_gradient(layer: Layer, error: Array, inputs: Array) -> tuple[Array, ...]:
    """Return the gradients of weights and bias summed over the images; none for a fixed layer.

    Parameters
    ----------
    error, inputs
        Derivatives by the layer's outputs (count, n_out) and its inputs (count, n_in).
    """
    if isinstance(layer, Dense):
        return error.T @ inputs, error.sum(axis=0)
    if isinstance(layer, Convolution):
        channels = error.reshape(len(error), len(layer.kernel), -1)
        return _kernel_gradient(layer, error, inputs), channels.sum(axis=(0, 2))
    return ()


def _kernel_gradient(layer: Convolution, error: Array, inputs: Array) -> Array:
    """Sum over all outputs: the error of an output times what it reads through the tap."""
    rows, columns = layer.axes
    count, per_group = len(error), len(layer.kernel) // layer.groups
    images = inputs.reshape(count, layer.groups, layer.kernel.shape[1], rows.size, columns.size)
    errors = error.reshape(count, layer.groups, per_group, rows.n_outputs, columns.n_outputs)
    read = windows(images, rows.through_taps, columns.through_taps)
    gradient = np.einsum("ngoij,ngcaibj->gocab", errors, read, optimize=True)
    return np.ascontiguousarray(gradient).reshape(layer.kernel.shape)
