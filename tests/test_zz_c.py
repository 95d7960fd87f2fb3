from hypothesis import given, settings, strategies as st, HealthCheck, event
import numpy as np, math, pytest
from fractions import Fraction
import lipexplore
from lipexplore import WHOLE_SPACE, Ball, Box, Network
from lipexplore.errors import *
from lipexplore.networks.slope_ranges import slope_ranges, layer_slice
from lipexplore.certificates.tables import verified_bound
from tests import oracles as O, strategies as S
COMMON = dict(deadline=None, suppress_health_check=list(HealthCheck))
PL = [k for k in S.PIECEWISE_LINEAR]

@settings(max_examples=400, **COMMON)
@given(st.data())
def test_true_L(data):
    el = data.draw(st.sampled_from([S.numbers, S.tame_numbers, S.half_integers]))
    n = data.draw(S.networks(activations=PL, elements=el, max_units=6, n_inputs=data.draw(st.integers(1,2))))
    c = data.draw(S.vectors(n.n_inputs, el))
    rad = data.draw(st.sampled_from([0.25,0.5,1.0,3.0,1e-12,1e6]))
    kind = data.draw(st.sampled_from(["whole","l1","linf","box"]))
    if kind=="whole": r,h=WHOLE_SPACE,[]
    elif kind=="l1": r,h=Ball(c,rad,"l1"),O.l1_halfspaces(c,rad)
    elif kind=="linf": r,h=Ball(c,rad),O.linf_halfspaces(c,rad)
    else:
        r=data.draw(S.boxes(n.n_inputs, el)); h=O.box_halfspaces(r.lower,r.upper)
    o,m=data.draw(S.outputs(n)); norm=data.draw(st.sampled_from(["l1","l2","linf"]))
    L=O.exact_lipschitz(n.weights,n.biases,[S.PIECEWISE_LINEAR[a.name] for a in n.activations],norm,h,o,m)
    s=slope_ranges(n,r)
    P=O.polynomial_maximum(n.weights,s.lower,s.upper,norm,o,m)
    assert L<=P, (float(L),float(P))
    try: b=lipexplore.bound(n,"sampled-gradient",norm,r,o,m,points=200)
    except NoPath: return
    assert O.is_lower(b.lower,L,norm),(b.lower,float(L))
    if L and b.lower>=O.exact_float(L,norm)*(1-1e-9): event("tight")

@settings(max_examples=300, **COMMON)
@given(st.data())
def test_lp(data):
    el = data.draw(st.sampled_from([S.numbers, S.tame_numbers]))
    n = data.draw(S.networks(elements=el, max_units=5, max_width=3))
    r = data.draw(S.regions(n.n_inputs, el)); o,m=data.draw(S.outputs(n))
    s=slope_ranges(n,r)
    P=O.polynomial_maximum(n.weights,s.lower,s.upper,"linf",o,m)
    try: b=lipexplore.bound(n,"lipopt-lp","linf",r,o,m)
    except (NoPath,UnsupportedQuestion): return
    assert O.is_upper(b.value,P,"linf")
    f=O.exact_float(P,"linf")
    event(f"ratio {min(9,int(b.value/f*10)) if f else 'zero'}")
    assert not math.isnan(b.solver_value)

@settings(max_examples=200, **COMMON)
@given(st.data())
def test_slices(data):
    el = data.draw(st.sampled_from([S.numbers, S.tame_numbers]))
    n = data.draw(S.networks(elements=el, max_units=6, max_width=3))
    r = data.draw(S.regions(n.n_inputs, el))
    first=data.draw(st.integers(1,len(n.weights))); last=data.draw(st.integers(first,len(n.weights)))
    norm=data.draw(st.sampled_from(["l1","l2","linf"]))
    part,pr=layer_slice(n,r,(first,last))
    s=slope_ranges(part,pr); P=O.polynomial_maximum(part.weights,s.lower,s.upper,norm)
    for meth in ("norm-product","path","interval-jacobian"):
        try: b=lipexplore.bound(n,meth,norm,r,0,layers=(first,last))
        except NoPath: return
        assert O.is_upper(b.value,P,norm)
