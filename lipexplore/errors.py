"""Every error that lipexplore raises on purpose.

::

    LipexploreError
    ├── InvalidNetwork        weights, biases or activations that are no network
    │   └── NoPath            the chosen output does not depend on the input
    ├── InvalidRegion         a centre, radius or box that is no region of the network's input space
    ├── InvalidSetting        a name or number that no method knows
    ├── UnsupportedQuestion   a norm, region, activation or output that this method cannot answer
    │   └── NoContraction     no weights prove that an implicit network has one equilibrium
    ├── DegreeTooLow          the relaxation's degree leaves monomials uncovered
    ├── RelaxationTooLarge    the counted size exceeds the memory limit
    ├── SolverUnavailable     the solver's package is not installed
    ├── Cancelled             the user stopped a run
    ├── WorkerDied            the process of a run ended without an answer
    ├── StoreUnavailable      the file of kept runs cannot be read or written
    └── InvalidCertificate    a certificate that does not prove what it claims

Each message is one sentence that says what to do.
"""


class LipexploreError(Exception):
    """Base of all errors whose message is meant for the user."""


class InvalidNetwork(LipexploreError):
    """The arrays do not describe a network."""


class NoPath(InvalidNetwork):
    """No path of non-zero weights leads from the input to the chosen output."""


class InvalidRegion(LipexploreError):
    """The region is empty, unbounded or of the wrong dimension."""


class InvalidSetting(LipexploreError):
    """A setting has an unknown name or a value outside its range."""


class UnsupportedQuestion(LipexploreError):
    """The method cannot answer for this norm, region, activation or output."""


class NoContraction(UnsupportedQuestion):
    """No weighted matrix measure below 1 was found for an implicit network."""


class DegreeTooLow(LipexploreError):
    """The degree leaves monomials of the objective out of every product.

    Parameters
    ----------
    degree
        The degree that was asked for.
    least
        The least degree that covers the polynomial.
    setting
        What the number is called: "degree", or "order" for half of it.
    """

    def __init__(self, degree: int, least: int, setting: str = "degree") -> None:
        super().__init__(
            f"{setting} {degree} is too low for this network and norm: use {setting} {least} or "
            "higher"
        )
        self.degree = degree
        self.least = least
        self.setting = setting

    def __reduce__(self) -> tuple[type, tuple[int, int, str]]:
        return type(self), (self.degree, self.least, self.setting)


class RelaxationTooLarge(LipexploreError):
    """The program was counted before building and exceeds the memory limit."""


class SolverUnavailable(LipexploreError):
    """The package of the chosen solver is not installed."""


class Cancelled(LipexploreError):
    """The run was stopped by the user."""


class WorkerDied(LipexploreError):
    """The worker process ended without an answer."""


class StoreUnavailable(LipexploreError):
    """The file of kept runs cannot be read or written, or is none."""


class InvalidCertificate(LipexploreError):
    """The certificate does not belong to this network or does not prove its claim."""
