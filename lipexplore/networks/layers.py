"""The affine layers that a network may have."""

from __future__ import annotations

from lipexplore.networks.average_pool import AveragePool
from lipexplore.networks.convolution import Convolution
from lipexplore.networks.layer import Dense, Layer
from lipexplore.networks.scaling import Scaling

__all__ = ["LAYERS", "NO_MAX_POOL", "AveragePool", "Convolution", "Dense", "Layer", "Scaling"]

LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer for layer in (Dense, Convolution, AveragePool, Scaling)
}
"""Layer of each kind."""

NO_MAX_POOL = (
    "a max pool is not elementwise, so that it has no slope per unit, which every method here "
    "needs: use average pooling, or a convolution with a stride"
)
"""Why max pooling is refused.

Its Lipschitz constant is no obstacle: 1 in l_inf, and in l_2 the square root of the most windows
that share a pixel: 1 for windows of 2 with stride 2, 2 for (3, 2), 3 for (3, 1).
"""
