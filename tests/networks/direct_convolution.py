"""Convolutions and average pools by direct loops; imports no lipexplore."""

import numpy as np

NUMPY_MODES = {"zeros": "constant", "circular": "wrap", "replicate": "edge", "reflect": "reflect"}


def convolve(x, kernel, bias, stride, padding, dilation, groups, mode):
    """Return y (c_out, H', W') of one image x (c_in, H, W); all settings are one per axis."""
    padded = np.pad(x, ((0, 0), *padding), mode=NUMPY_MODES[mode])
    height, width = (
        (size - d * (taps - 1) - 1) // s + 1
        for size, d, taps, s in zip(
            padded.shape[1:], dilation, kernel.shape[2:], stride, strict=True
        )
    )
    y = np.empty((len(kernel), height, width))
    for o, i, j in np.ndindex(*y.shape):
        first = o // (len(kernel) // groups) * kernel.shape[1]
        y[o, i, j] = bias[o]
        for c, a, b in np.ndindex(*kernel.shape[1:]):
            row, column = stride[0] * i + dilation[0] * a, stride[1] * j + dilation[1] * b
            y[o, i, j] += kernel[o, c, a, b] * padded[first + c, row, column]
    return y


def average(x, window, stride, padding, count_padding):
    """Return the means over windows of each channel of x (c, H, W)."""
    padded, real = (
        np.pad(array, ((0, 0), *padding)) for array in (x, np.ones_like(x, dtype=float))
    )
    height, width = (
        (size - w) // s + 1 for size, w, s in zip(padded.shape[1:], window, stride, strict=True)
    )
    y = np.empty((len(x), height, width))
    for c, i, j in np.ndindex(*y.shape):
        places = (
            c,
            slice(stride[0] * i, stride[0] * i + window[0]),
            slice(stride[1] * j, stride[1] * j + window[1]),
        )
        y[c, i, j] = padded[places].sum() / (
            window[0] * window[1] if count_padding else real[places].sum()
        )
    return y
