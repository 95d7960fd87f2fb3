"""Incremental quadratic constraints: the parts of ``properties/incremental_qc.py``."""
