"""Small trainers behind ``data/`` and the notebooks: numpy only, seconds, the same bits everywhere."""

from lipexplore.training.feedforward import (
    Recipe,
    initial_network,
    loss_and_gradient,
    number_correct,
    train,
)
from lipexplore.training.images import enlarge, pool

__all__ = [
    "Recipe",
    "enlarge",
    "idle_units",
    "initial_network",
    "largest_on_paths",
    "loss_and_gradient",
    "mask_of",
    "number_correct",
    "pool",
    "train",
    "train_pruned",
]
