"""Relaxations of polynomial problems, stated in PICOS."""
