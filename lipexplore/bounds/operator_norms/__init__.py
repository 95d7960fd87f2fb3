"""Proven operator norms of matrices and of layers."""
