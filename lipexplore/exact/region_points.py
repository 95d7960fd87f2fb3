"""Points that provably lie in a region."""

from __future__ import annotations

import numpy as np

from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.regions import Ball, Box, Region
from lipexplore.rounding import Array, up

SHRINK = 1.0 - 1e-9


def is_inside(region: Region, x: Array) -> bool:
    """Tell whether a float point is proven to lie in the region (its boundary included)."""
    if not np.isfinite(x).all():
        return False
    if isinstance(region, Box):
        return bool((region.lower <= x).all() and (x <= region.upper).all())
    if isinstance(region, Ball):
        difference = x - region.center
        distances = np.where(x == region.center, 0.0, up(np.abs(difference)))
        return norm_above(distances, region.norm) <= region.radius
    return True


def pulled_inside(region: Region, x: Array) -> Array:
    """Return the point itself, or one just inside towards the centre of the region."""
    if is_inside(region, x):
        return x
    if isinstance(region, Box):
        return np.clip(x, region.lower, region.upper)
    if isinstance(region, Ball):
        ray = x - region.center
        length = float(np.linalg.norm(ray, ord=region.norm.exponent))
        share = min(1.0, region.radius / length) if length > 0.0 else 0.0  # it may underflow
        nearer = region.center + ray * share * SHRINK
        return nearer if is_inside(region, nearer) else region.center
    return x


def cut_off(region: Ball, x: Array) -> tuple[Array, float] | None:
    """Return a half-space g . y <= level that holds an l_2 ball but not a point outside it."""
    ray = x - region.center
    length = float(np.linalg.norm(ray))
    if length <= region.radius * (1.0 + 1e-6):
        return None
    normal = ray / length
    return normal, float(normal @ region.center) + region.radius
