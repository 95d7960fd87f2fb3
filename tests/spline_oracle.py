"""Linear splines in rational arithmetic; imports nothing of the package.

A spline is a list of points (knot, value) of Fractions: ``points(knots, values)``.
"""

from fractions import Fraction
from itertools import pairwise
from math import isnan

# from the specification of the project's acceptance values: c = 0.5 default_rng(0).standard_normal
ZIGZAG = [0.7329437, 0.5329437, 0.3329437, 0.1329437, -0.0670563, -0.2670563]
B4 = {
    "knots": 11,
    "reach": 1.0,
    "checksum": 0.1117618,
    "lip_before": 4.1270405,
    "tv2_before": 22.2815462,
    "proj": [
        *(0.1740705, 0.0451529, 0.2451529, 0.0451529, -0.1548471, 0.0451529),
        *(0.2451529, 0.0666934, -0.1333066, -0.3333066, -0.1333066),
    ],
    "lip_after": 1.0,
    "tv2_after": 9.6445877,
    "mean": 0.0101602,
    "dist": 0.7495656,
    "orth_proj": [
        *(0.0628651, 0.0270794, 0.2270794, 0.0524501, -0.0910125, 0.1089875),
        *(0.3089875, 0.1089875, -0.0910125, -0.2910125, -0.3116372),
    ],
    "orth_dist": 0.6993779,
    "eval": {-1.5: 0.4963643, -0.33: -0.0248471, 0.0: 0.0451529, 0.5: -0.0333066, 2.0: 0.8666934},
    "slopes_on_interval": {
        (-0.5, 0.1): (-1.0, 1.0),
        (0.25, 0.35): (-0.8922977, -0.8922977),
        (1.2, 1.5): (1.0, 1.0),
    },
}
FIT = {
    "checksum": 7.8835749,
    1e-4: {"objective": 0.0143408, "lip": 1.0, "tv2": 2.0, "coef": [*ZIGZAG, *ZIGZAG[-2::-1]]},
    1e-2: {"objective": 0.0341408, "lip": 1.0, "tv2": 2.0, "coef": [*ZIGZAG, *ZIGZAG[-2::-1]]},
    0.05: {
        "objective": 0.0833106,
        "lip": 0.0696324,
        "tv2": 0.1205631,
        "coef": [
            *(0.2252869, 0.2113604, 0.1974339, 0.1835074, 0.1695809, 0.1556544),
            *(0.1658406, 0.1760267, 0.1862128, 0.196399, 0.2065851),
        ],
    },
}


def points(knots, values):
    pairs = zip(map(float, knots), map(float, values), strict=True)
    return [(Fraction(t), Fraction(c)) for t, c in pairs if not isnan(t)]


def slopes(spline):
    return [(d - b) / (c - a) for (a, b), (c, d) in pairwise(spline)]


def value(spline, x):
    """Return sigma(x), the outer segments going on beyond the outer knots."""
    x = Fraction(x)
    for (a, b), slope, (c, _) in zip(spline, slopes(spline), spline[1:], strict=False):
        if x <= c:
            return b + (x - a) * slope
    return spline[-1][1] + (x - spline[-1][0]) * slopes(spline)[-1]


def slope_between(spline, lower, upper):
    """Return the set of slopes on the open interval, or at both sides of a point."""
    lower, upper = Fraction(lower), Fraction(upper)
    ends = [None, *(t for t, _ in spline[1:-1]), None]
    found = set()
    for (a, b), slope in zip(pairwise(ends), slopes(spline), strict=True):
        if lower == upper:
            inside = (a is None or a <= lower) and (b is None or lower <= b)
        else:
            inside = (a is None or a < upper) and (b is None or lower < b)
        if inside:
            found.add(slope)
    return found


def evaluate(weights, biases, layers, x):
    """Return the scalar output at x; ``layers`` holds one list of splines per hidden layer."""
    hidden = [Fraction(v) for v in x]
    for weight, bias, splines in zip(weights[:-1], biases[:-1], layers, strict=True):
        hidden = [value(s, z) for s, z in zip(splines, affine(weight, bias, hidden), strict=True)]
    return affine(weights[-1], biases[-1], hidden)[0]


def affine(weight, bias, hidden):
    return [
        Fraction(float(b)) + sum(Fraction(float(w)) * h for w, h in zip(row, hidden, strict=True))
        for row, b in zip(weight, bias, strict=True)
    ]


def line_constant(weights, biases, layers, lower, upper):
    """Return L on an interval of a network with one input, exactly: all its kinks are found.

    Layer by layer every piece on which the units' inputs are affine is cut where one of them
    crosses a knot.
    """
    cuts = [Fraction(lower), Fraction(upper)]
    for depth in range(1, len(weights)):
        extra = set()
        for a, b in pairwise(cuts):
            ends = [_inputs(weights, biases, layers, depth, x) for x in (a, b)]
            for z_a, z_b, spline in zip(*ends, layers[depth - 1], strict=True):
                for knot, _ in spline[1:-1]:
                    if min(z_a, z_b) < knot < max(z_a, z_b):
                        extra.add(a + (b - a) * (knot - z_a) / (z_b - z_a))
        cuts = sorted(extra.union(cuts))
    values = [evaluate(weights, biases, layers, [x]) for x in cuts]
    return max(
        abs((d - c) / (b - a)) for (a, c), (b, d) in pairwise(zip(cuts, values, strict=True))
    )


def _inputs(weights, biases, layers, depth, x):
    hidden = [x]
    for layer in range(depth - 1):
        hidden = [
            value(s, z)
            for s, z in zip(
                layers[layer], affine(weights[layer], biases[layer], hidden), strict=True
            )
        ]
    return affine(weights[depth - 1], biases[depth - 1], hidden)
