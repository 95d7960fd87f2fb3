"""Proofs that do not trust a solver."""
