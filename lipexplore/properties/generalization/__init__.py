"""Generalization bounds of unfolded sparse recovery, term by term.

The shape of the results is that of Schnoor, Behboodi, Rauhut 2021 (arXiv 2112.04364); all constants
are derived anew, with proofs in ``docs/unfolded-recovery.md``: they are not the paper's.
"""

from lipexplore.properties.generalization.blocks import Block, covering_log
from lipexplore.properties.generalization.classes import IstaClass
from lipexplore.properties.generalization.gap import GapBound, Term, generalization_gap
from lipexplore.properties.generalization.layerwise import LayerwiseClass, frobenius_above
from lipexplore.properties.generalization.perturbation import (
    all_active_norm,
    growth_bound,
    input_lipschitz,
    perturbation_bound,
    sampled_lipschitz,
)
from lipexplore.properties.generalization.scaling import joint_gap, samples_needed

__all__ = [
    "Block",
    "GapBound",
    "IstaClass",
    "LayerwiseClass",
    "Term",
    "all_active_norm",
    "covering_log",
    "frobenius_above",
    "generalization_gap",
    "growth_bound",
    "input_lipschitz",
    "joint_gap",
    "perturbation_bound",
    "sampled_lipschitz",
    "samples_needed",
]
