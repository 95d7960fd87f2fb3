"""Measurements of the figures that the README states; run by ``make bench``."""
