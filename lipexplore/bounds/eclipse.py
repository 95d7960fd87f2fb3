"""ECLipsE: the multipliers of LipSDP chosen one layer after the other."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.certificates.chain import ChainCertificate, ChainProver
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_chain import SlopeChain, slope_chain
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.relaxations.memory import limit_bytes
from lipexplore.relaxations.slope_lmi import check_size, predicted_memory, predicted_seconds
from lipexplore.relaxations.stage_multipliers import (
    Choice,
    Stage,
    StageMultipliers,
    closed_form,
    line_search,
    stage_multipliers,
)
from lipexplore.relaxations.stage_sdp import stage_sdp
from lipexplore.rounding import Array

FORMS = ("fast", "line-search", "stage-sdp")
SHORTEST_SECONDS = 1e-2
LONGEST_SECONDS = 10.0
"""Predicted time of all stage programs above which "best" leaves them out."""

SECONDS_PER_CUBE = {"fast": 6e-9, "line-search": 4.8e-8, "stage-sdp": 4.8e-8}
SECONDS_PER_LAYER = {"fast": 8e-4, "line-search": 8e-3, "stage-sdp": 8e-3}


@dataclass(frozen=True)
class Eclipse(SlopeMethod):
    """Choose the multipliers of the slope LMI stage by stage, from the first layer to the last.

    With M_0 = I, G = Diag((a + b) / 2) Lambda W and X = M + W^T Diag(a b) Lambda W, every
    Lambda = 2 Diag(tau) > 0 for which X > 0 and M' = Lambda - G X^{-1} G^T > 0 carries
    |dx|^2 >= dz^T M dz through a layer, and |df|^2 <= lambda_max(W_{d+1} M_d^{-1} W_{d+1}^T) |dx|^2
    at the end. Lambda is in closed form, a multiple of it found by line search, or any diagonal
    found by a semidefinite program, the last two for the least lambda_max(W' M'^{-1} W'^T) with the
    next weights W'. The term a b is kept: without it slopes of both signs are unsound. Over a
    bounded region a and b are the region's (local ECLipsE). The Lambda are multipliers of LipSDP:
    the reported value is proven from them in floating point, whatever the stages computed. The
    proof tries lower multipliers too and may so end below the formula's number, ``solver_value``.

    References
    ----------
    Xu and Sivaranjani, NeurIPS 2024 (arXiv 2404.04375); the same, arXiv 2510.05261, for regions.
    """

    form: str = field(
        default="best",
        metadata={
            "help": "how a layer's multipliers are chosen; best: the least of all forms",
            "choices": ("best", *FORMS),
        },
    )
    tolerance: float = field(
        default=1e-8,
        metadata={"help": "relative accuracy of the stage programs", "minimum": 1e-12},
    )

    name = "eclipse"
    label = "ECLipsE"
    side = "upper"
    of = "P*"
    norms = (Norm.L2,)
    joint_norms = (Norm.L2,)
    sources = (
        "Xu, Sivaranjani, NeurIPS 2024, arXiv 2404.04375",
        "Xu, Sivaranjani, arXiv 2510.05261 (regions)",
    )
    explanation = (
        "The matrix inequality of LipSDP is taken apart into one small step per layer: an "
        "ellipsoid that holds what a layer can put out is passed on from the first layer to the "
        "last, so hundreds of layers take seconds. Each step fixes its multipliers with a view to "
        "the next layer only: in closed form, by a search for one number, or by a small "
        "semidefinite program per layer. Being greedy, the dearer choice is not always the better "
        "one, so the least of all forms is reported. LipSDP over all layers at once (slope-lmi) is "
        "never worse, where it can still be solved."
    )

    def __call__(
        self,
        network: Network,
        region: Region,
        norm: Norm,
        *,
        time_limit: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Bound:
        """Return the least proven bound of the chosen forms."""
        self.check(network, norm)
        start = time.perf_counter()
        deadline = math.inf if time_limit is None else start + time_limit
        chain = slope_chain(network, self.slope_ranges(network, region))
        forms = self._forms(chain)
        run = _Run(chain, self.tolerance, deadline, on_progress, len(forms) * chain.depth)
        built = time.perf_counter()
        found = {form: stage_multipliers(chain, run.choice(form)) for form in forms}
        solved = time.perf_counter()
        winner, certificate = _proven(chain, found)
        formula = _in_units(found[winner].value, chain)
        return self.answer(
            value=certificate.value,
            lower=0.0,
            verified=math.isfinite(certificate.value),
            status=f"{winner}, time limit" if run.late else winner,
            solver_value=formula,
            residual=max(certificate.value - formula, 0.0) if math.isfinite(formula) else math.inf,
            certificate=(certificate,),
            size=_size(chain, forms),
            build_seconds=built - start,
            solve_seconds=solved - built,
            verify_seconds=time.perf_counter() - solved,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of the stages, one after the other.

        Raises
        ------
        RelaxationTooLarge
            If the programs of form "stage-sdp" are out of reach.
        """
        self.check(network, norm)
        chain = slope_chain(network, self.slope_ranges(network, region))
        forms = self._forms(chain)
        cubes = sum(max(shape) ** 3 for shape in (weight.shape for weight in chain.weights[1:]))
        seconds = 1e-3 + sum(
            SECONDS_PER_LAYER[form] * chain.depth + SECONDS_PER_CUBE[form] * cubes for form in forms
        )
        memory = 0.0
        if "stage-sdp" in forms:
            seconds += _program_seconds(chain)
            memory = max((predicted_memory(size) for size in _programs(chain)), default=0.0)
        return Estimate(_size(chain, forms), seconds, memory)

    def _forms(self, chain: SlopeChain) -> tuple[str, ...]:
        if self.form == "stage-sdp":
            for size in _programs(chain):
                check_size(size, limit_bytes(None))
        if self.form != "best":
            return (self.form,)
        return FORMS if _program_seconds(chain) <= LONGEST_SECONDS else FORMS[:2]


@dataclass(eq=False)
class _Run:
    """The choices of one question: they report and look at the time."""

    chain: SlopeChain
    tolerance: float
    deadline: float
    on_progress: OnProgress | None
    total: int
    done: int = 0
    late: bool = False

    def choice(self, form: str) -> Choice:
        """Return the choice that a form makes, in closed form once the time is up."""
        return partial(self._choose, form)

    def _choose(self, form: str, stage: Stage) -> Array:
        if self.on_progress is not None:
            self.on_progress({"done": self.done, "total": self.total, "form": form})
        self.done += 1
        left = self.deadline - time.perf_counter()
        self.late = self.late or (left <= 0.0 and form != "fast")
        if left <= 0.0 or form == "fast":
            return closed_form(stage)
        if form == "line-search":
            return line_search(stage)
        limit = None if math.isinf(left) else max(left, SHORTEST_SECONDS)
        return stage_sdp(stage, self.tolerance, limit, limit_bytes(None))


def _proven(chain: SlopeChain, found: dict[str, StageMultipliers]) -> tuple[str, ChainCertificate]:
    """Return the form with the least proven bound, and the proof."""
    prover = ChainProver(chain, Norm.L2)
    proofs = [(form, prover.prove(np.ones(1), stages.units)) for form, stages in found.items()]
    return min(proofs, key=lambda proof: proof[1].value)


def _in_units(value: float, chain: SlopeChain) -> float:
    """Return a value of the chain in units of the network."""
    try:
        return math.ldexp(value, chain.exponent)
    except OverflowError:
        return math.inf


def _programs(chain: SlopeChain) -> Iterator[dict[str, int]]:
    """Yield the size of each layer's program at most."""
    rank = chain.widths[0]
    for units, following in zip(chain.widths[1:-1], chain.widths[2:], strict=True):
        rank = min(rank, units)
        yield {"order": following + rank + units, "units": units}
        rank = units


def _program_seconds(chain: SlopeChain) -> float:
    return sum(predicted_seconds(size) for size in _programs(chain))


def _size(chain: SlopeChain, forms: tuple[str, ...]) -> dict[str, int]:
    programs = chain.depth if "stage-sdp" in forms else 0
    return {"units": chain.undecided, "programs": programs}
