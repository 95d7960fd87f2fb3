"""Every verified end of every method against exact rational truth, on nasty networks."""
from hypothesis import given, settings, strategies as st, HealthCheck, event
import numpy as np, math, pytest
from fractions import Fraction
import lipexplore
from lipexplore import WHOLE_SPACE, Ball, Box, Network
from lipexplore.errors import LipexploreError, NoPath, UnsupportedQuestion, RelaxationTooLarge
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.networks.feedforward import LARGEST_WEIGHT
from tests import oracles as O, strategies as S

@st.composite
def questions(draw, elements=S.numbers, acts=S.ACTIVATIONS, max_units=7):
    n = draw(S.networks(max_units=max_units, elements=elements, activations=acts))
    r = draw(S.regions(n.n_inputs, elements))
    o, m = draw(S.outputs(n))
    return n, r, o, m, draw(st.sampled_from(["l1","l2","linf"]))

COMMON = dict(deadline=None, suppress_health_check=list(HealthCheck))
def run(n, r, o, m, norm, method, **k):
    try: return lipexplore.bound(n, method, norm, r, o, m, **k)
    except (NoPath, UnsupportedQuestion, RelaxationTooLarge, LipexploreError): return None

huge = st.one_of(S.numbers, st.sampled_from([1e100,-1e100,1e99,3e80,1e-300,1e-150,1e-100,0.0]))
@pytest.mark.parametrize("elements", [S.numbers, S.tame_numbers, huge], ids=["nasty","tame","huge"])
def test_bounds(elements):
    @settings(max_examples=600, **COMMON)
    @given(questions(elements=elements))
    def inner(q):
        n, r, o, m, norm = q
        s = slope_ranges(n, r)
        truth = O.polynomial_maximum(n.weights, s.lower, s.upper, norm, o, m)
        for method in ("norm-product", "path", "interval-jacobian"):
            b = run(*q, method)
            if b is None: continue
            assert not math.isnan(b.value), method
            assert O.is_upper(b.value, truth, norm), (method, b.value, O.exact_float(truth, norm))
        for method, k in (("sampled-gradient", {"points": 50}), ("vertex-search", {"starts": 5, "rounds": 1})):
            b = run(*q, method, **k)
            if b is None: continue
            assert not math.isnan(b.lower), method
            assert O.is_lower(b.lower, truth, norm), (method, b.lower)
    inner()
