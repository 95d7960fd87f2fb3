"""Slow, obvious, exact mathematics to compare with. Nothing here imports the package.

Networks are plain arrays: ``weights`` with shapes (n_out, n_in), slope ranges as one array of lower
and one of upper ends per hidden layer. Floats are taken as the exact rationals that they are. A
dual norm of a gradient is returned exactly; for the l2 norm its *square* is. So compare with
``is_upper`` and ``is_lower``, which know that.
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product
from math import inf, isinf

import numpy as np

DUAL = {"linf": "l1", "l2": "l2", "l1": "linf"}


# -- vectors and norms


def rational(array):
    """Return nested lists of Fractions."""
    if np.ndim(array) == 0:
        return Fraction(float(array))
    return [rational(row) for row in array]


def exact_norm(vector, norm):
    """Return the l1 or linf norm, or the SQUARE of the l2 norm, as a Fraction."""
    vector = [Fraction(x) for x in vector]
    if norm == "l2":
        return sum((x * x for x in vector), Fraction(0))
    sizes = [abs(x) for x in vector]
    return max(sizes) if norm == "linf" else sum(sizes, Fraction(0))


def is_upper(value, exact, norm):
    """Tell whether a float is at least an exact dual norm for the input norm ``norm``."""
    if isinf(value):
        return value > 0
    return value >= 0 and exact <= Fraction(float(value)) ** (2 if norm == "l2" else 1)


def is_lower(value, exact, norm):
    """Tell whether a float is at most an exact dual norm for the input norm ``norm``."""
    if isinf(value):
        return value < 0
    return value <= 0 or Fraction(float(value)) ** (2 if norm == "l2" else 1) <= exact


def exact_float(exact, norm):
    """Return an exact dual norm as the nearest float (its root for l2)."""
    if norm != "l2" or exact == 0:
        return float(exact)
    with localcontext() as context:
        context.prec = 60
        return float((Decimal(exact.numerator) / Decimal(exact.denominator)).sqrt())


def exact_affine_range(weight, bias, lower, upper):
    """Return the exact smallest and largest W x + b over a box, row by row."""
    weight, bias, lower, upper = map(rational, (weight, bias, lower, upper))
    ends = []
    for row, b in zip(weight, bias, strict=True):
        pairs = [(w * lo, w * hi) for w, lo, hi in zip(row, lower, upper, strict=True)]
        ends.append((b + sum(map(min, pairs)), b + sum(map(max, pairs))))
    return ends


def exact_affine(weight, bias, x):
    """Return W x + b for Fractions x."""
    return [
        Fraction(float(b)) + sum(Fraction(float(w)) * v for w, v in zip(row, x, strict=True))
        for row, b in zip(weight, bias, strict=True)
    ]


# -- gradients and P*


def exact_row(last, output=0, minus=None):
    """Return the row of an output, or of the margin output - minus, without any rounding."""
    row = rational(last[output])
    return (
        row if minus is None else [a - b for a, b in zip(row, rational(last[minus]), strict=True)]
    )


def exact_gradient(weights, slopes, output=0, minus=None):
    """Return w D_d W_d ... D_1 W_1 for given slopes, one array (or list) per hidden layer."""
    row = exact_row(weights[-1], output, minus)
    for weight, slope in zip(weights[-2::-1], reversed(list(slopes)), strict=True):
        row = [w * Fraction(s) for w, s in zip(row, slope, strict=True)]
        columns = zip(*rational(weight), strict=True)
        row = [sum((a * b for a, b in zip(row, c, strict=True)), Fraction(0)) for c in columns]
    return row


def polynomial_maximum(weights, lower, upper, norm, output=0, minus=None):
    """Return P*: the largest dual gradient norm over all vertices of the slope box, exactly.

    Fine up to some 2^12 vertices.
    """
    row, unit = _integers([exact_row(weights[-1], output, minus)])
    layers = []
    for weight, low, high in zip(weights[-2::-1], lower[::-1], upper[::-1], strict=True):
        (matrix, scale_w), (ends, scale_s) = (
            _integers(rational(weight)),
            _integers([rational(low), rational(high)]),
        )
        unit *= scale_w * scale_s
        layers.append((list(zip(*matrix, strict=True)), list(zip(*ends, strict=True))))
    largest = max(_vertex_norms(row[0], layers, DUAL[norm]))
    return largest * (unit**2 if norm == "l2" else unit)


def _integers(rows):
    """Return integers and the rational unit they count in."""
    denominator = max(x.denominator for row in rows for x in row)
    return [[int(x * denominator) for x in row] for row in rows], Fraction(1, denominator)


def _vertex_norms(row, layers, dual):
    if not layers:
        sizes = [abs(x) for x in row]
        yield {"l1": sum(sizes), "linf": max(sizes), "l2": sum(x * x for x in sizes)}[dual]
        return
    (columns, ends), rest = layers[0], layers[1:]
    choices = [{low * w, high * w} if w else {0} for w, (low, high) in zip(row, ends, strict=True)]
    for scaled in product(*choices):
        yield from _vertex_norms(
            [sum(a * b for a, b in zip(scaled, column, strict=True)) for column in columns],
            rest,
            dual,
        )


def fast_polynomial_maximum(weights, lower, upper, norm, output=0, minus=None):
    """Return P* in float64, relative error about 1e-14: for up to some 2^16 vertices."""
    row = np.asarray(weights[-1][output], dtype=float)
    rows = (row - (0.0 if minus is None else weights[-1][minus]))[None, :]
    for weight, low, high in zip(weights[-2::-1], lower[::-1], upper[::-1], strict=True):
        choices = [(a,) if a == b else (a, b) for a, b in zip(low, high, strict=True)]
        slopes = np.array(list(product(*choices)), dtype=float)
        rows = (rows[:, None, :] * slopes[None, :, :]).reshape(-1, len(low)) @ weight
    order = {"l1": 1, "l2": 2, "linf": np.inf}[DUAL[norm]]
    return float(np.linalg.norm(rows, ord=order, axis=1).max())


def multilinear_maximum(terms):
    """Return the exact maximum over [0, 1]^N of a polynomial {variables: coefficient}.

    Keys are collections of distinct variables. The maximum is at a vertex.
    """
    exact = [(frozenset(key), Fraction(c)) for key, c in dict(terms).items()]
    variables = sorted(frozenset().union(*(key for key, _ in exact)))
    best = None
    for vertex in product((False, True), repeat=len(variables)):
        ones = {v for v, bit in zip(variables, vertex, strict=True) if bit}
        value = sum((c for key, c in exact if key <= ones), Fraction(0))
        best = value if best is None else max(best, value)
    return Fraction(0) if best is None else best


# -- exact L of tiny piecewise linear networks


def exact_lipschitz(weights, biases, slopes, norm, halfspaces: Sequence = (), output=0, minus=None):
    """Return L of a network with activations x -> left x (x < 0), right x (x > 0), exactly.

    ``slopes`` is one pair (left, right) per hidden layer. Every activation pattern whose cell has
    an interior is found by recursion over units, with strict rational inequalities decided by
    Fourier-Motzkin elimination: for two or three inputs and about a dozen units.

    Parameters
    ----------
    halfspaces
        Rows (a, c) that stand for a . x + c > 0, as made by ``box_halfspaces`` and its siblings.
    """
    n_0 = np.shape(weights[0])[1]
    start = [([Fraction(int(i == j)) for j in range(n_0)], Fraction(0)) for i in range(n_0)]
    known = [(list(map(Fraction, a)), Fraction(c)) for a, c in halfspaces]
    best = Fraction(0)

    def walk(layer, hidden, constraints):
        nonlocal best
        if layer == len(weights) - 1:
            row = exact_row(weights[-1], output, minus)
            gradient = _combination(row, Fraction(0), hidden, n_0)[0]
            best = max(best, exact_norm(gradient, DUAL[norm]))
            return
        rows = rational(weights[layer])
        offsets = rational(biases[layer])
        forms = [_combination(r, b, hidden, n_0) for r, b in zip(rows, offsets, strict=True)]
        units(layer, forms, [], constraints)

    def units(layer, forms, done, constraints):
        if len(done) == len(forms):
            walk(layer + 1, done, constraints)
            return
        a, c = forms[len(done)]
        if not any(a):
            side = slopes[layer][c > 0]
            units(layer, forms, [*done, _scaled(a, c, side)], constraints)
            return
        for sign, side in zip((-1, 1), slopes[layer], strict=True):
            extended = [*constraints, _scaled(a, c, sign)]
            if feasible(extended):
                units(layer, forms, [*done, _scaled(a, c, side)], extended)

    walk(0, start, known)
    return best


def _scaled(a, c, factor):
    factor = Fraction(factor)
    return [factor * x for x in a], factor * c


def _combination(row, offset, forms, n_0):
    gradient, constant = [Fraction(0)] * n_0, offset
    for weight, (a, c) in zip(row, forms, strict=True):
        gradient = [g + weight * x for g, x in zip(gradient, a, strict=True)]
        constant += weight * c
    return gradient, constant


def feasible(constraints):
    """Tell whether a . x + c > 0 has a common solution, by Fourier-Motzkin elimination."""
    while constraints:
        if not constraints[0][0]:
            return all(c > 0 for _, c in constraints)
        above, below, rest = [], [], []
        for a, c in constraints:
            kind = rest if a[-1] == 0 else above if a[-1] > 0 else below
            size = abs(a[-1]) or 1
            kind.append(([x / size for x in a[:-1]], c / size))
        pairs = [
            ([x + y for x, y in zip(a, b, strict=True)], c + d) for a, c in above for b, d in below
        ]
        constraints = list({(tuple(a), c) for a, c in rest + pairs})
    return True


def box_halfspaces(lower, upper):
    """Return the open box as half-spaces."""
    n = len(lower)
    rows = []
    for i in range(n):
        unit = [Fraction(int(i == j)) for j in range(n)]
        rows.append((unit, -Fraction(float(lower[i]))))
        rows.append(([-u for u in unit], Fraction(float(upper[i]))))
    return rows


def linf_halfspaces(center, radius):
    """Return the open l_inf ball as half-spaces, without rounding center -+ radius."""
    n, r = len(center), Fraction(float(radius))
    rows = []
    for i, sign in product(range(n), (1, -1)):
        a = [Fraction(sign * int(i == j)) for j in range(n)]
        rows.append((a, r - sign * Fraction(float(center[i]))))
    return rows


def l1_halfspaces(center, radius):
    """Return the open l_1 ball as half-spaces."""
    rows = []
    for signs in product((1, -1), repeat=len(center)):
        shift = sum(s * Fraction(float(c)) for s, c in zip(signs, center, strict=True))
        rows.append(([Fraction(-s) for s in signs], Fraction(float(radius)) + shift))
    return rows


# -- matrices


def is_above_spectral_norm(value, matrix):
    """Tell whether value >= sigma_1 exactly: value^2 I - A^T A is positive semidefinite."""
    if value == inf:
        return True
    a = rational(matrix)
    if len(a) < len(a[0]):
        a = [list(column) for column in zip(*a, strict=True)]
    n, square = len(a[0]), Fraction(float(value)) ** 2
    gram = [
        [
            (square if i == j else 0) - sum((row[i] * row[j] for row in a), Fraction(0))
            for j in range(n)
        ]
        for i in range(n)
    ]
    return is_positive_semidefinite(gram)


def is_positive_semidefinite(matrix):
    """Decide by exact elimination whether a symmetric rational matrix is positive semidefinite."""
    m = [[Fraction(x) for x in row] for row in matrix]
    n = len(m)
    for k in range(n):
        if m[k][k] < 0 or (m[k][k] == 0 and any(m[i][k] != 0 for i in range(k, n))):
            return False
        if m[k][k] == 0:
            continue
        for i in range(k + 1, n):
            factor = m[i][k] / m[k][k]
            for j in range(k + 1, n):
                m[i][j] -= factor * m[k][j]
    return True
