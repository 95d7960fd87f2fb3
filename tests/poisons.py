"""Ways to spoil a solver's multipliers: each takes a flat array and a random generator."""

import numpy as np

POISONS = {
    "honest": lambda c, rng: c,
    "zero": lambda c, rng: np.zeros_like(c),
    "missing": lambda c, rng: None,
    "noise 1e-9": lambda c, rng: c + 1e-9 * rng.standard_normal(c.size),
    "noise 1": lambda c, rng: c + rng.standard_normal(c.size),
    "negated": lambda c, rng: -c,
    "random": lambda c, rng: rng.random(c.size),
    "scaled up": lambda c, rng: 1e8 * c,
    "scaled down": lambda c, rng: 1e-8 * c,
    "shrunk": lambda c, rng: 0.9 * c,
    "first entry lowered": lambda c, rng: np.concatenate([c[:1] - 0.5, c[1:]]),
    "permuted": lambda c, rng: rng.permutation(c),
    "truncated": lambda c, rng: c[: c.size // 2],
    "half zero": lambda c, rng: np.where(rng.random(c.size) < 0.5, c, 0.0),
    "nan": lambda c, rng: np.full_like(c, np.nan),
    "some nan": lambda c, rng: np.where(rng.random(c.size) < 0.1, np.nan, c),
    "infinite": lambda c, rng: np.where(rng.random(c.size) < 0.1, np.inf, c),
    "huge": lambda c, rng: np.where(rng.random(c.size) < 0.1, 1e300, c),
    "denormal": lambda c, rng: np.full_like(c, 5e-324),
    "float16": lambda c, rng: c.astype(np.float16).astype(float),
}
