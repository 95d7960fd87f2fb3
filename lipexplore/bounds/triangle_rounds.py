"""A moment relaxation solved again and again, each time with the triangles that it violated."""

from __future__ import annotations

from lipexplore.bounds.programs import Attempt, ProgramRun
from lipexplore.relaxations.moments import MomentRelaxation
from lipexplore.relaxations.triangles import violated_triangles, with_triangles

LARGEST_ROUNDS, CUTS_PER_ROUND = 20, 500
SMALLEST_VIOLATION, SMALLEST_GAIN = 1e-5, 1e-6


def attempt_with_triangles(run: ProgramRun, relaxation: MomentRelaxation) -> Attempt:
    """Add violated triangle inequalities and solve again while the proven bound falls."""
    best = last = run.attempt(relaxation)
    for _ in range(LARGEST_ROUNDS):
        if last.moments is None or run.out_of_time:
            break
        cuts = violated_triangles(relaxation, last.moments, CUTS_PER_ROUND, SMALLEST_VIOLATION)
        if len(cuts.triples) == 0:
            break
        relaxation = with_triangles(relaxation, cuts)
        last = run.attempt(relaxation)
        gain = best.certificate.value - last.certificate.value
        best = last if gain > 0.0 else best
        if gain < SMALLEST_GAIN * best.certificate.value:
            break
    return best
