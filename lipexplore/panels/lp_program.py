"""The linear program that a question makes, built only where it is small enough to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lipexplore.bounds.lipopt_lp import LipoptLP
from lipexplore.errors import LipexploreError
from lipexplore.figures.sparsity import LARGEST_NONZEROS
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import layer_slice
from lipexplore.norms import Norm
from lipexplore.panels.costs import cost_of
from lipexplore.panels.settings import PlannedRun, Question
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.polynomial import Index, PolynomialProblem
from lipexplore.polynomials.sparsity import Cliques, clique_family
from lipexplore.relaxations.krivine import KrivineRelaxation, krivine_relaxation

METHOD = LipoptLP.name


@dataclass(frozen=True, eq=False)
class Program:
    """The network that is bounded, its polynomial and cliques, and the linear program over them.

    ``missing`` says why there is no program; where even the polynomial is large, there is none.
    """

    head: Network
    problem: PolynomialProblem | None = None
    relaxation: KrivineRelaxation | None = None
    cliques: Cliques = field(default_factory=lambda: Cliques("", ()))
    missing: str = ""


def program_of(question: Question, run: PlannedRun) -> Program:
    """Build the program of a run where it is small enough to be drawn at once."""
    part, region = layer_slice(question.network, question.region, question.layers)
    head = part.head(question.output, question.minus)
    cost = cost_of(question, run)
    if not cost.size:
        return Program(head, missing=cost.refused or f"The LP is not drawn: {cost.note}.")
    try:
        method = LipoptLP(**run.settings)
        slopes = method.slope_ranges(head, region)
        problem = norm_gradient_problem(head, slopes, Norm.parse(question.norm))
        cliques = clique_family(problem, head, slopes, method.clique_family)
        missing = cost.refused
        if not missing and cost.size["nonzeros"] > LARGEST_NONZEROS:
            size = ", ".join(f"{count:,} {name}" for name, count in cost.size.items())
            missing = (
                f"The LP is not drawn: {size}. The limit is {LARGEST_NONZEROS:,} nonzeros; choose "
                "a lower degree, a smaller clique family or a sparser network."
            )
        if missing:
            return Program(head, problem, None, cliques, missing)
        meeting = method.subsets == "meeting"
        degree = method.degree_for(problem)
        relaxation = krivine_relaxation(problem, cliques, degree, meeting_only=meeting)
        return Program(head, problem, relaxation, cliques)
    except LipexploreError as error:
        return Program(head, missing=str(error))


def variables_text(problem: PolynomialProblem, clique: Index) -> str:
    """Return the variables block by block: "t[0..63], s1[2]"."""
    parts = []
    for name, block in problem.blocks.items():
        places = clique[(clique >= block.start) & (clique < block.stop)] - block.start
        if len(places) > 4 and places[-1] - places[0] + 1 == len(places):
            parts.append(f"{name}[{places[0]}..{places[-1]}]")
        elif len(places) > 4:
            parts.append(f"{len(places)} of {name}[0..{len(block) - 1}]")
        elif len(places):
            parts.append(f"{name}[{', '.join(map(str, places))}]")
    return ", ".join(parts)


def tree_text(cliques: Cliques) -> str:
    """Say whether the cliques form a junction tree, and what that means."""
    members: Sequence[Index] = cliques.members
    if len(members) < 2:
        return "One clique: nothing is left out, and nothing is saved."
    match cliques.running_intersection:
        case None:
            return f"{len(members):,} cliques are too many to look for a junction tree."
        case True:
            return (
                "Running intersection holds: whatever a clique shares with all the others it "
                "shares with the one above it in the tree, so with rising degree the sparse "
                "programs lose nothing against the dense ones."
            )
        case _:
            return (
                "Running intersection fails: no tree joins these cliques so that each variable "
                "stays in one piece. The bound holds all the same; it may stay above P* at every "
                "degree."
            )
