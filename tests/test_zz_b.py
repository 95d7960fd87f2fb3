from hypothesis import given, settings, strategies as st, HealthCheck, event
import numpy as np, math, pytest
from fractions import Fraction
import lipexplore
from lipexplore import WHOLE_SPACE, Ball, Box, Network
from lipexplore.errors import *
from lipexplore.networks.slope_ranges import slope_ranges, preactivation_ranges
from lipexplore.networks.linear_relaxation import back_substituted_ranges
from tests import oracles as O, strategies as S
COMMON = dict(deadline=None, suppress_health_check=list(HealthCheck))
huge = st.one_of(S.numbers, st.sampled_from([1e100,-1e100,1e99,3e80,1e-300,1e-150,1e-100,0.0]))
EL=[S.numbers,S.tame_numbers,S.half_integers,huge]

@settings(max_examples=1500, **COMMON)
@given(st.data())
def test_back(data):
    n = data.draw(S.networks(tuple(S.PIECEWISE_LINEAR), elements=data.draw(st.sampled_from(EL))))
    region = data.draw(S.bounded_regions(n.n_inputs))
    ranges = back_substituted_ranges(n, region)
    for x in region.sample(4, np.random.default_rng(0), n.n_inputs):
        hidden = O.rational(x)
        for layer, act in enumerate(n.activations):
            left, right = map(Fraction, S.PIECEWISE_LINEAR[act.name])
            z = O.exact_affine(n.weights[layer], n.biases[layer], hidden)
            for i, v in enumerate(z):
                lo,hi=float(ranges[layer][0][i]),float(ranges[layer][1][i])
                assert not math.isnan(lo) and not math.isnan(hi)
                assert (lo==-math.inf or Fraction(lo) <= v) and (hi==math.inf or v <= Fraction(hi))
            hidden = [(left if v < 0 else right) * v for v in z]

@settings(max_examples=600, **COMMON)
@given(st.data())
def test_smooth(data):
    n = data.draw(S.networks(elements=data.draw(st.sampled_from([S.tame_numbers,S.numbers]))))
    region = data.draw(S.bounded_regions(n.n_inputs, S.tame_numbers))
    r = back_substituted_ranges(n, region)
    x = region.sample(50, np.random.default_rng(0), n.n_inputs)
    for layer, z in enumerate(n.preactivations(x)):
        lo,hi=r[layer]
        t=1e-11*(1+np.abs(z))+ 1e-9*np.max(np.abs(z))
        assert (lo-t<=z).all() and (z<=hi+t).all()

@pytest.mark.parametrize("norm",["l1","l2","linf"])
def test_lp(norm):
    @settings(max_examples=250, **COMMON)
    @given(st.data())
    def inner(data):
        el = data.draw(st.sampled_from([S.numbers, S.tame_numbers]))
        n = data.draw(S.networks(elements=el, max_units=5, max_width=3, max_depth=2))
        r = data.draw(S.regions(n.n_inputs, el)); o,m=data.draw(S.outputs(n))
        s=slope_ranges(n,r)
        P=O.polynomial_maximum(n.weights,s.lower,s.upper,norm,o,m)
        try: b=lipexplore.bound(n,"lipopt-lp",norm,r,o,m)
        except (NoPath,UnsupportedQuestion): return
        assert O.is_upper(b.value,P,norm), (b.value, O.exact_float(P,norm))
    inner()
