"""What a class guesses before it sees results, and how near it came."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

Listener = Callable[[], None]


@dataclass(frozen=True)
class Guess:
    """Someone's guess of the best upper bound of one question."""

    who: str
    value: float
    question: tuple[Any, ...]


class Predictions:
    """Guesses, and whether the results are still covered; listeners hear of every change."""

    def __init__(self) -> None:
        self.hidden = False
        self.guesses: tuple[Guess, ...] = ()
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` after each change."""
        self._listeners.append(listener)

    def hide(self, hidden: bool) -> None:
        """Cover the results, or reveal them."""
        if hidden != self.hidden:
            self.hidden = hidden
            self._tell()

    def add(self, guess: Guess) -> None:
        """Keep a guess; a second one by the same person about the same question replaces it."""
        others = (g for g in self.guesses if (g.who, g.question) != (guess.who, guess.question))
        self.guesses = (*others, guess)
        self._tell()

    def reset(self) -> None:
        """Forget all guesses and uncover the results."""
        self.hidden, self.guesses = False, ()
        self._tell()

    def about(self, question: tuple[Any, ...] | None) -> tuple[Guess, ...]:
        """Return the guesses about one question."""
        return tuple(guess for guess in self.guesses if guess.question == question)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


def nearest_first(guesses: Sequence[Guess], value: float) -> list[Guess]:
    """Return the guesses, the one with the smallest ratio to ``value``, either way, first."""
    return sorted(guesses, key=lambda guess: abs(math.log(guess.value / value)))


def pairs_in_order(order: Sequence[str], values: Mapping[str, float]) -> tuple[int, int]:
    """Return how many pairs of methods an order, smallest bound first, has right, and of how many.

    Methods without a value are left out; of two that are equal to a millionth either may be first.
    """
    known = [method for method in order if method in values]
    pairs = list(combinations(known, 2))
    right = sum(values[first] <= values[second] * (1.0 + 1e-6) for first, second in pairs)
    return right, len(pairs)
