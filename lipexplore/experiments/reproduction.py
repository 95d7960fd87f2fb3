"""The experiments of the LiPopt paper, smaller or larger, and what their results should show.

References
----------
Latorre, Rolland, Cevher, *Lipschitz constant estimation of neural networks via sparse polynomial
optimization*, ICLR 2020 (arXiv 2004.08688). Chen, Lasserre, Magron, Pauwels, *Semialgebraic
optimization for Lipschitz constants of ReLU networks*, NeurIPS 2020 (arXiv 2002.03657): the same
random networks, with raw values. Fazlyab, Robey, Hassani, Morari, Pappas, *Efficient and accurate
estimation of Lipschitz constants for deep neural networks*, NeurIPS 2019 (arXiv 1906.04893).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from lipexplore.errors import InvalidSetting
from lipexplore.experiments.questions import Question
from lipexplore.experiments.reproduction_verdicts import (
    Verdict,
    factor_grows,
    grows,
    never_above,
    ratio_at_least,
    seconds_follow,
    where_sparse,
    within,
)
from lipexplore.networks.gallery import data_folder

LIPOPT: Final = "Latorre, Rolland, Cevher 2020, experiments"
CHEN: Final = "Chen, Lasserre, Magron, Pauwels 2020, experiments"
OURS: Final = "ours"
LIPSDP: Final = "Fazlyab, Robey, Hassani, Morari, Pappas 2019"

LP2, LP3, LP4 = (("lipopt-lp", degree) for degree in (2, 3, 4))
LP: Final = ("lipopt-lp", None)
"""The linear program of the highest degree that was run."""
SDP: Final = ("shor", None)
INTERIOR_POINT: Final = ("slope-lmi", None)
PRODUCT: Final = ("norm-product", None)


@dataclass(frozen=True)
class Claim:
    """What a paper says, where, and how to see it in our rows."""

    words: str
    source: str
    verdict: Callable[[Sequence[Question]], Verdict]


@dataclass(frozen=True)
class Experiment:
    """An experiment: a specification of its name, the horizontal axis of its curves, its claims."""

    name: str
    x_title: str
    x_of: Callable[[Question], float]
    claims: tuple[Claim, ...]


def width(question: Question) -> float:
    """Return the number of units of the first hidden layer."""
    return float(question.widths[1])


def bandwidth_share(question: Question) -> float:
    """Return the share of weights that are not zero, in percent."""
    return round(100.0 * question.density, 1)


def depth(question: Question) -> float:
    """Return the number of hidden layers."""
    return float(len(question.widths) - 2)


def norm_place(question: Question) -> float:
    """Return the norm's exponent, 3 standing for infinity."""
    return {"l1": 1.0, "l2": 2.0, "linf": 3.0}[question.norm]


def radius(question: Question) -> float:
    """Return the radius of the ball, 10 standing for the whole space."""
    words = question.region.rpartition("radius ")
    return float(words[2]) if words[1] else 10.0


EXPERIMENTS: Final = (
    Experiment(
        "width",
        "hidden units (as many inputs)",
        width,
        (
            Claim(
                "The product of norms is far above the linear program, the more so the wider.",
                OURS,
                partial(factor_grows, PRODUCT, LP3, width),
            ),
            Claim(
                "Degree 3 is never above degree 2, which is loose for one hidden layer.",
                LIPOPT,
                partial(never_above, LP3, LP2),
            ),
            Claim(
                "On dense networks the SDP overtakes the linear program of degree 3 with width.",
                CHEN,
                partial(factor_grows, LP3, SDP, width, ends_above=1.0),
            ),
            Claim(
                "The run time of degree 3 grows faster with width than that of the SDP.",
                CHEN,
                partial(seconds_follow, LP3, INTERIOR_POINT, width),
            ),
        ),
    ),
    Experiment(
        "sparsity",
        "weights that are not zero (%)",
        bandwidth_share,
        (
            Claim(
                "The run time of the linear program follows the sparsity, that of the SDP only "
                "the size.",
                LIPOPT,
                partial(seconds_follow, LP3, INTERIOR_POINT, bandwidth_share),
            ),
            Claim(
                "Degree 3, one above the depth, is better than the SDP at every sparsity.",
                LIPOPT,
                partial(never_above, LP3, SDP),
            ),
            Claim(
                "The same where at most a quarter of the weights is left.",
                LIPOPT,
                partial(where_sparse, 25.0, partial(never_above, LP3, SDP)),
            ),
            Claim(
                "The sparser the network, the better the linear program beside the SDP; the order "
                "turns as networks get dense.",
                CHEN,
                partial(factor_grows, LP3, SDP, bandwidth_share, ends_above=1.0),
            ),
        ),
    ),
    Experiment(
        "two-hidden",
        "units of the first two layers",
        width,
        (
            Claim(
                "Degree 3, the least for two hidden layers, is already near the SDP (within 25 %).",
                LIPOPT,
                partial(within, LP3, SDP, 1.25),
            ),
            Claim(
                "Degree 4 is better than the SDP on every network.",
                LIPOPT,
                partial(never_above, LP4, SDP),
            ),
            Claim(
                "The product of norms is too large to be drawn beside the others (twice the SDP).",
                LIPOPT,
                partial(ratio_at_least, PRODUCT, SDP, 2.0),
            ),
        ),
    ),
    Experiment(
        "depth",
        "hidden layers",
        depth,
        (
            Claim(
                "The product of norms loses more with every layer.",
                OURS,
                partial(factor_grows, PRODUCT, SDP, depth),
            ),
        ),
    ),
    Experiment(
        "degrees",
        "hidden units (as many inputs)",
        width,
        (
            Claim(
                "A higher degree is never looser: 3 against 2.",
                LIPOPT,
                partial(never_above, LP3, LP2),
            ),
            Claim(
                "A higher degree is never looser: 4 against 3.",
                LIPOPT,
                partial(never_above, LP4, LP3),
            ),
            Claim(
                "Degree 3, one above the depth, is better than the SDP.",
                LIPOPT,
                partial(never_above, LP3, SDP),
            ),
        ),
    ),
    Experiment(
        "trained",
        "weights that are not zero (%)",
        bandwidth_share,
        (
            Claim(
                "On a trained network of which at least 80 % was pruned: degree 3 at most the SDP.",
                LIPOPT,
                partial(where_sparse, 20.1, partial(never_above, LP3, SDP)),
            ),
            Claim(
                "Beside the SDP the linear program loses as more weights are left.",
                CHEN,
                partial(factor_grows, LP3, SDP, bandwidth_share, ends_above=1.0),
            ),
            Claim(
                "On a trained network the product of norms is a multiple of the linear program "
                "(at least twice).",
                LIPOPT,
                partial(ratio_at_least, PRODUCT, LP3, 2.0),
            ),
        ),
    ),
    Experiment(
        "pruned",
        "weights that are not zero (%)",
        bandwidth_share,
        (
            Claim(
                "A pruned network with two hidden layers: degree 4 is at most degree 3.",
                LIPOPT,
                partial(never_above, LP4, LP3),
            ),
            Claim(
                "A pruned network with two hidden layers: degree 3 is at most the SDP.",
                LIPOPT,
                partial(never_above, LP3, SDP),
            ),
            Claim(
                "The product of norms is several times the linear program (at least three times).",
                LIPOPT,
                partial(ratio_at_least, PRODUCT, LP3, 3.0),
            ),
        ),
    ),
    Experiment(
        "norms",
        "input norm (1, 2; 3 for infinity)",
        norm_place,
        (
            Claim(
                "The SDP is below the product of norms, in every norm.",
                LIPSDP,
                partial(never_above, SDP, PRODUCT),
            ),
            Claim(
                "The linear program is below the product of norms, in every norm.",
                OURS,
                partial(never_above, LP, PRODUCT),
            ),
        ),
    ),
    Experiment(
        "local",
        "radius of the ball (10 for the whole space)",
        radius,
        (
            Claim(
                "Local bounds are below the global one and grow with the radius up to it.",
                CHEN,
                partial(grows, LP3, radius),
            ),
        ),
    ),
)


def specification(experiment: Experiment, folder: Path) -> Path:
    """Return the experiment's specification in a folder.

    Raises
    ------
    InvalidSetting
        If it is not there.
    """
    path = folder / f"{experiment.name}.toml"
    if not path.is_file():
        raise InvalidSetting(f"{path}: the specification of this experiment is not there")
    return path


def specifications(*, full: bool) -> Path:
    """Return the folder of the shipped specifications: ten minutes, or the size for a cluster."""
    return data_folder() / "experiments" / ("full" if full else "short")
