"""All methods and the one function that asks them.

A new method is one file in this folder and one line in METHODS.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final

from lipexplore.bounds.activation_patterns import ActivationPatterns
from lipexplore.bounds.combettes_pesquet import CombettesPesquet
from lipexplore.bounds.coupled_sdp import CoupledSdp
from lipexplore.bounds.eclipse import Eclipse
from lipexplore.bounds.exact import Exact
from lipexplore.bounds.frobenius import Frobenius
from lipexplore.bounds.gradient_ascent import GradientAscent
from lipexplore.bounds.huang_local import HuangLocal
from lipexplore.bounds.interval_jacobian import IntervalJacobian
from lipexplore.bounds.lipopt_lasserre import LipoptLasserre
from lipexplore.bounds.lipopt_lp import LipoptLP
from lipexplore.bounds.lipsdp_layer import LipSDPLayer
from lipexplore.bounds.method import ALL_NORMS, Bound, BoundMethod, Estimate, OnProgress
from lipexplore.bounds.norm_product import NormProduct
from lipexplore.bounds.path import Path
from lipexplore.bounds.sampled_gradient import SampledGradient
from lipexplore.bounds.seqlip import SeqLip
from lipexplore.bounds.shor import Shor
from lipexplore.bounds.slope_lmi import SlopeLMIBound
from lipexplore.bounds.vertex_search import VertexSearch
from lipexplore.errors import InvalidSetting, NoPath, UnsupportedQuestion
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import layer_slice
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Region

__all__ = [
    "ALL_NORMS",
    "METHODS",
    "Bound",
    "BoundMethod",
    "Estimate",
    "OnProgress",
    "bound",
    "configured",
    "estimate",
    "method_class",
]

METHODS: Final[tuple[type[BoundMethod], ...]] = (
    Frobenius,
    NormProduct,
    HuangLocal,
    CombettesPesquet,
    SeqLip,
    Path,
    IntervalJacobian,
    LipoptLP,
    LipoptLasserre,
    CoupledSdp,
    SlopeLMIBound,
    Shor,
    LipSDPLayer,
    Eclipse,
    Exact,
    SampledGradient,
    GradientAscent,
    VertexSearch,
    ActivationPatterns,
)


LARGEST_COUNTS: Final = ("degree", "largest_block")
"""Counts of a Bound's ``size`` of which several programs have the largest, not the sum."""


def method_class(name: str) -> type[BoundMethod]:
    """Return the method called ``name``.

    Parameters
    ----------
    name
        For instance "lipopt-lp".

    Raises
    ------
    InvalidSetting
        If there is none.
    """
    for candidate in METHODS:
        if candidate.name == name:
            return candidate
    names = [method.name for method in METHODS]
    near = get_close_matches(name, names, 1)
    meant = f"did you mean {near[0]}? All are" if near else "use"
    raise InvalidSetting(f"unknown method {name!r}: {meant} {', '.join(names)}")


def bound(
    network: Network,
    method: str | BoundMethod,
    norm: str | Norm = "linf",
    region: Region = WHOLE_SPACE,
    output: int | str = 0,
    minus: int | None = None,
    output_norm: str | Norm | None = None,
    *,
    layers: tuple[int, int] | None = None,
    time_limit: float | None = None,
    on_progress: OnProgress | None = None,
    **settings: Any,
) -> Bound:
    """Bound a Lipschitz constant of ``network``: sup over the region of the gradient's dual norm.

    Parameters
    ----------
    network
        The network f.
    method
        A name from METHODS, or a method with its settings.
    norm
        The input norm: "l1", "l2" or "linf".
    region
        WHOLE_SPACE, a Ball or a Box.
    output, minus
        Bound f_output, or f_output - f_minus; output "all" takes the largest over all outputs,
        which is the constant for the output norm l_inf.
    output_norm
        Only with output "all": "linf" (every method, row by row), or the input norm where the
        method bounds all outputs jointly; the input norm if not given.
    layers
        Weight layers (first, last), 1-based: bound that part of the network alone, over what the
        region becomes at its input.
    time_limit
        Seconds after which the method returns the best it has; shared among all outputs.
    on_progress
        Called with a dictionary now and then; an exception raised in it stops the run.
    settings
        Fields of the method, for instance ``degree=3``.

    Raises
    ------
    LipexploreError
        Its subclasses say what to change.

    Examples
    --------
    >>> network = Network([[[1.0, -2.0], [2.0, 1.0]], [[1.0, 1.0]]])
    >>> bound(network, "lipopt-lp", degree=2).value >= 4.0
    True
    """
    chosen = configured(method, settings)
    norm = Norm.parse(norm)
    part, part_region = layer_slice(network, region, layers)
    chosen.check(part, norm)
    outputs = Norm.parse(output_norm or norm) if output == "all" else None
    if outputs is not None:
        heads = _heads_of_all(part, chosen, minus, norm, outputs)
    elif isinstance(output, int) and not isinstance(output, bool):
        if output_norm is not None:
            raise InvalidSetting("output_norm needs output='all'")
        heads = [part.head(output, minus)]
    else:
        raise InvalidSetting(f"output must be a number or 'all', not {output!r}")
    living = [head for head in heads if head.has_path()]
    if not living:
        raise NoPath(
            f"no path of non-zero weights leads to output {output}: its gradient is zero "
            "everywhere, choose another output"
        )
    deadline = None if time_limit is None else time.perf_counter() + time_limit
    answers = []
    for left, head in zip(range(len(living), 0, -1), living, strict=True):
        share = None if deadline is None else max(deadline - time.perf_counter(), 0.0) / left
        answers.append(chosen(head, part_region, norm, time_limit=share, on_progress=on_progress))
    return replace(
        answers[0] if len(answers) == 1 else _largest(answers),
        network=network.name,
        network_hash=network.content_hash,
        norm=norm.value,
        output=output,
        minus=minus,
        output_norm=outputs.value if outputs else None,
        layers=layers,
        region=region.to_dict(),
    )


def estimate(
    network: Network,
    method: str | BoundMethod,
    norm: str | Norm = "linf",
    region: Region = WHOLE_SPACE,
    output: int | str = 0,
    minus: int | None = None,
    *,
    layers: tuple[int, int] | None = None,
    **settings: Any,
) -> Estimate:
    """Return what :func:`bound` would cost, without running it (one output for "all").

    Parameters
    ----------
    network, method, norm, region, output, minus, layers, settings
        As for :func:`bound`.
    """
    chosen, norm = configured(method, settings), Norm.parse(norm)
    part, part_region = layer_slice(network, region, layers)
    chosen.check(part, norm)
    head = part.head(0 if output == "all" else int(output), minus)
    return chosen.estimate(head, part_region, norm)


def configured(method: str | BoundMethod, settings: dict[str, Any]) -> BoundMethod:
    """Return a method, by name or with settings of its own, with these settings over them."""
    if isinstance(method, str):
        return method_class(method).with_settings(**settings)
    return type(method).with_settings(**{**method.settings(), **settings})


def _heads_of_all(
    network: Network, method: BoundMethod, minus: int | None, norm: Norm, output_norm: Norm
) -> list[Network]:
    """Return one head per output for the output norm l_inf, else the network as it is."""
    if minus is not None:
        raise InvalidSetting("minus needs one output, not 'all'")
    if output_norm is Norm.LINF:
        return [network.head(index) for index in range(network.n_outputs)]
    if output_norm is not norm or norm not in method.joint_norms:
        joint = ", ".join(f"{p.value} to {p.value}" for p in method.joint_norms) or "none"
        raise UnsupportedQuestion(
            f"{method.name} does not bound all outputs from {norm.value} to {output_norm.value}: "
            f"pass output_norm='linf', or use a method that does (jointly it knows {joint})"
        )
    return [network]


def _largest(answers: list[Bound]) -> Bound:
    """Combine one Bound per output into that of their largest gradient norm."""
    top = max(answers, key=lambda item: (item.value, item.lower))
    best = max(answers, key=lambda item: item.lower)
    return replace(
        top,
        lower=best.lower,
        lower_of=best.lower_of,
        witness=best.witness,
        verified=all(item.verified for item in answers),
        status="; ".join(sorted({item.status for item in answers})),
        solver_value=max(item.solver_value for item in answers),
        residual=math.fsum(item.residual for item in answers) / len(answers),
        size={
            key: (max if key in LARGEST_COUNTS else sum)(item.size[key] for item in answers)
            for key in top.size
        },
        build_seconds=sum(item.build_seconds for item in answers),
        solve_seconds=sum(item.solve_seconds for item in answers),
        verify_seconds=sum(item.verify_seconds for item in answers),
    )
