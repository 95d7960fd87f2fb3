"""Polynomials and their sparsity."""
