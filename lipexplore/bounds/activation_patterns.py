"""The true Lipschitz constant of a small network by enumerating its activation patterns."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from lipexplore.bounds.method import Bound, BoundMethod, Estimate, OnProgress
from lipexplore.errors import RelaxationTooLarge
from lipexplore.exact.activation_patterns import Enumeration, count_above, enumerate_patterns
from lipexplore.exact.pattern_units import check_piecewise_linear
from lipexplore.networks.feedforward import Network
from lipexplore.networks.spline_expansion import relu_network
from lipexplore.norms import Norm
from lipexplore.regions import Region


@dataclass(frozen=True)
class ActivationPatterns(BoundMethod):
    """Take the largest gradient over all activation patterns that inputs of the region have.

    A piecewise linear network has finitely many patterns, on each of which its gradient is
    constant: L is the largest of their dual norms. Patterns are enumerated unit by unit; one is
    left out only with a proof that no open set of inputs has it. So both ends are about L and meet
    up to rounding. After a time limit the patterns not finished count with their slopes free.

    References
    ----------
    Jordan, Dimakis, NeurIPS 2020 (arXiv 2003.01219), section 3.
    """

    most_patterns: int = field(
        default=100_000,
        metadata={
            "help": "refuse networks that may have more activation patterns than this",
            "minimum": 1,
        },
    )

    name = "activation-patterns"
    label = "all activation patterns (L)"
    side = "interval"
    of = "L"
    activations = ("relu", "abs", "identity", "leaky_relu")
    sources = (
        "Jordan, Dimakis, Exactly Computing the Local Lipschitz Constant of ReLU Networks, "
        "NeurIPS 2020, arXiv 2003.01219, section 3",
    )
    explanation = (
        "A piecewise linear network is affine on each of finitely many cells. All cells are "
        "enumerated with linear programs, and the steepest of them gives the true constant L, "
        "with an input that attains it. For small networks: the number of cells explodes."
    )

    def check(self, network: Network, norm: Norm) -> None:
        """Raise UnsupportedQuestion for smooth activations."""
        del norm
        check_piecewise_linear(relu_network(network), self.name)

    def __call__(
        self,
        network: Network,
        region: Region,
        norm: Norm,
        *,
        time_limit: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Bound:
        """Return the interval of L; refuses a network with too many patterns.

        Raises
        ------
        RelaxationTooLarge
            If there may be more than ``most_patterns`` patterns and no time limit ends the run.
        """
        start = time.perf_counter()
        network = relu_network(network)
        count = count_above(network, region)
        if count > self.most_patterns and time_limit is None:
            raise RelaxationTooLarge(
                f"{self.name} may have to enumerate {count:,} patterns, above most_patterns = "
                f"{self.most_patterns:,}: use a smaller region, a time limit for an interval, "
                "exact, or vertex-search with interval-jacobian"
            )
        deadline = math.inf if time_limit is None else start + time_limit

        def report(patterns: int, waiting: int, upper: float, lower: float) -> None:
            if on_progress is not None:
                ends = {"upper": upper, "lower": lower}
                on_progress({"done": patterns, "open": waiting} | ends)

        found = enumerate_patterns(network, region, norm, deadline, report)
        return self.answer(
            value=found.upper,
            lower=found.lower,
            verified=math.isfinite(found.upper),
            status=_status(found),
            solver_value=found.upper,
            residual=found.upper - found.lower,
            witness=None if found.witness is None else found.witness.point,
            size={"patterns": found.patterns},
            solve_seconds=time.perf_counter() - start,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the largest possible number of patterns and the time of their linear programs."""
        del norm
        network = relu_network(network)
        count = count_above(network, region)
        units = sum(network.widths[1:-1])
        return Estimate({"patterns": count}, 1e-2 + min(count, 1e12) * (1e-3 + 2e-5 * units))


def _status(found: Enumeration) -> str:
    if found.left == 0:
        return "done"
    return f"time limit after {found.patterns} patterns, {found.left} nodes open"
