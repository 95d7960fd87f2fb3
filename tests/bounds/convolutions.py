"""Convolutions by loops, and values that independent code computed for them."""

from itertools import pairwise

import numpy as np

NAMES = (
    "exact",
    "outputs_raw",
    "inputs_raw",
    "outputs",
    "inputs",
    "symbol",
    "symbol_grid512",
    "unfolding",
    "circular",
    "torus",
    "polyphase",
)

B3 = {
    # (c_out, c_in, k, n, padding, stride): checksum of the kernel, then NAMES; None: not stated
    (1, 1, 3, 8, 1, 1): (
        2.1122196,
        *(2.9938488, 3.1109597, 3.1109597, 3.4393925, 3.4393925, 3.4393925, 3.2243138, 5.4577538),
        *(3.1667727, 3.1330676, 3.1109597),
    ),
    (4, 3, 3, 8, 1, 1): (
        7.8640037,
        *(9.0654591, 15.1516852, 13.7765642, 16.7512911, 15.2309948, 10.3056196, 9.4292648),
        *(15.8760883, 9.3240999, 9.4155436, 9.3215205),
    ),
    (4, 3, 3, 8, 0, 1): (
        7.8640037,
        *(8.9349241, 15.1516852, 13.7765642, 16.7512911, 15.2309948, 10.3056196, 9.4292648),
        *(15.8760883, 9.3240999, 9.3240999, 9.3240999),
    ),
    (4, 3, 3, 8, 2, 1): (
        7.8640037,
        *(9.1087328, 15.1516852, 13.7765642, 16.7512911, 15.2309948, 10.3056196, 9.4292648),
        *(15.8760883, 9.3240999, 9.3215205, 9.3898663),
    ),
    (3, 4, 5, 9, 2, 1): (
        -10.7450764,
        *(17.8343095, 27.32351, 27.531832, 41.7466085, 42.0648962, 31.0705413, 20.3359333),
        *(37.336823, 18.7831775, 19.1207551, 19.0179532),
    ),
    (4, 3, 3, 8, 1, 2): (
        7.8640037,
        *(6.9385196, 15.1516852, 13.7765642, 16.7512911, 15.2309948, 10.3056196, 9.4292648),
        *(15.8760883, None, None, 7.3104685),
    ),
    (4, 3, 4, 9, 1, 2): (
        2.4108321,
        *(9.5895514, 20.8944453, 18.1182638, 26.3189815, 22.8220582, 18.5121117, 15.0944801),
        *(26.4133457, None, None, 9.8663211),
    ),
    (1, 6, 3, 12, 1, 1): (
        6.2509061,
        *(10.6480111, 10.9136345, 12.0940243, 12.0658175, 13.3708244, 12.0658175, 10.9136345),
        *(14.256904, 10.9136345, 10.9136345, 10.9136345),
    ),
}

B2 = (
    # seed, padding, stride, checksum, layer norms, product, LipBound product, symbol product
    (0, 0, 1, 1.4421677, (2.0633045, 1.2930473, 1.3245222), 3.5337595, 7.1329479, 6.1975884),
    (1, 1, 2, -1.4092542, (0.7995145, 1.1665554, 0.8961686), 0.8358367, 2.6907707, 2.3632054),
)


def normal_kernel(*shape, seed=0):
    """Return the kernel of the checks."""
    return np.random.default_rng(seed).standard_normal(shape)


def cnn(seed, channels=(1, 2, 2), taps=3, outputs=3, flat=8):
    """Return the kernels and the last matrix of the small test network."""
    rng = np.random.default_rng(seed)
    kernels = [
        rng.standard_normal((b, a, taps, taps)) / np.sqrt(a * taps * taps)
        for a, b in pairwise(channels)
    ]
    return kernels, rng.standard_normal((outputs, flat)) / np.sqrt(flat)


def unrolled_by_loops(kernel, shape, stride, padding, dilation, groups, mode):
    """Return the matrix of a convolution by the definition; pairs are (rows, columns)."""
    c_out, c_in, height, width = kernel.shape
    spans = [d * (k - 1) for d, k in zip(dilation, (height, width), strict=True)]
    h_out, w_out = (
        (n + sum(p) - span - 1) // s + 1
        for n, p, span, s in zip(shape[1:], padding, spans, stride, strict=True)
    )
    matrix = np.zeros((c_out, h_out, w_out, *shape))
    for (o, c, a, b), weight in np.ndenumerate(kernel):
        for i in range(h_out):
            for j in range(w_out):
                y = source(stride[0] * i + dilation[0] * a - padding[0][0], shape[1], mode)
                x = source(stride[1] * j + dilation[1] * b - padding[1][0], shape[2], mode)
                if y is not None and x is not None:
                    matrix[o, i, j, o // (c_out // groups) * c_in + c, y, x] += weight
    return matrix.reshape(c_out * h_out * w_out, -1)


def source(place, length, mode):
    """Return the pixel that a padded place reads, None for a zero."""
    if 0 <= place < length:
        return place
    if mode == "circular":
        return place % length
    if mode == "replicate":
        return 0 if place < 0 else length - 1
    if mode == "reflect":
        return -place if place < 0 else 2 * (length - 1) - place
    return None
