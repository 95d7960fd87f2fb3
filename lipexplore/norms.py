"""The three input norms and their duals."""

from __future__ import annotations

from enum import Enum

from lipexplore.errors import InvalidSetting


class Norm(Enum):
    """A norm on the input space; the gradient is measured in its dual.

    >>> Norm.parse("linf").dual
    <Norm.L1: 'l1'>
    """

    L1 = "l1"
    L2 = "l2"
    LINF = "linf"

    @property
    def dual(self) -> Norm:
        """The dual norm: 1/p + 1/p* = 1."""
        return {Norm.L1: Norm.LINF, Norm.L2: Norm.L2, Norm.LINF: Norm.L1}[self]

    @property
    def exponent(self) -> float:
        """The exponent p, as numpy.linalg.norm takes it."""
        return {Norm.L1: 1.0, Norm.L2: 2.0, Norm.LINF: float("inf")}[self]

    @property
    def symbol(self) -> str:
        """The norm as text for labels."""
        return {Norm.L1: "ℓ₁", Norm.L2: "ℓ₂", Norm.LINF: "ℓ∞"}[self]

    @classmethod
    def parse(cls, name: str | Norm) -> Norm:
        """Return the norm called ``name`` ("l1", "l2" or "linf").

        Raises
        ------
        InvalidSetting
            If there is no such norm.
        """
        try:
            return cls(name)
        except ValueError:
            raise InvalidSetting(f"unknown norm {name!r}: use 'l1', 'l2' or 'linf'") from None
