"""P* itself and the relaxation nearest to it, by ascent instead of a solver."""
