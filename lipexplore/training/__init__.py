"""Small trainers behind ``data/`` and the notebooks: numpy, seconds, the same bits everywhere."""

from lipexplore.training.feedforward import (
    Recipe,
    initial_network,
    initial_weights,
    loss_and_gradient,
    number_correct,
    train,
)
from lipexplore.training.images import digits_for, enlarge, pool
from lipexplore.training.parameters import biases_of, weights_of
from lipexplore.training.pruning import magnitude_mask, train_pruned, units_with_path

__all__ = [
    "Recipe",
    "biases_of",
    "digits_for",
    "enlarge",
    "initial_network",
    "initial_weights",
    "loss_and_gradient",
    "magnitude_mask",
    "number_correct",
    "pool",
    "train",
    "train_pruned",
    "units_with_path",
    "weights_of",
]
