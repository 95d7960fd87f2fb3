"""Implicit networks: bounds, boxes, certified radii and attacks."""
