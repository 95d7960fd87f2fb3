"""What a moment relaxation will cost: memory, seconds by solver, and the limits."""

from __future__ import annotations

from collections.abc import Mapping

from lipexplore.errors import RelaxationTooLarge

LARGEST_BLOCK = 100
ITERATIONS = 25
CVXOPT_SECONDS, CLARABEL_ONE_BLOCK, CLARABEL_SHARED_BLOCKS = 5e-11, 1.3e-10, 1e-9


def check_size(size: Mapping[str, int], memory_limit: float) -> None:
    """Raise RelaxationTooLarge for a block of more than 100 rows or too much memory."""
    order, memory = size["largest_block"], predicted_memory(size)
    if order > LARGEST_BLOCK:
        raise RelaxationTooLarge(
            f"the largest semidefinite block would have order {order:,}, above {LARGEST_BLOCK}: "
            "prune the network, choose fewer layers, a lower order, smaller cliques or lipopt-lp"
        )
    if memory > memory_limit:
        raise RelaxationTooLarge(
            f"the program would have {size['blocks']:,} semidefinite blocks of order up to "
            f"{order:,} and {size['columns']:,} inequalities, about {memory / 1e9:.3g} GB of "
            f"memory, above the limit of {memory_limit / 1e9:.3g} GB: prune the network, choose "
            "smaller cliques or raise the memory limit"
        )


def predicted_memory(size: Mapping[str, int]) -> float:
    """Return the expected peak memory in bytes of building and solving.

    CVXOPT keeps a dense matrix of moments and cone entries, Clarabel one of a block's entries.
    """
    cone = size["columns"] + size["blocks"] * size["largest_block"] ** 2
    dense = min(16.0 * cone * size["rows"], 24.0 * size["blocks"] * _entries(size) ** 2)
    return 350.0 * size["nonzeros"] + dense


def predicted_seconds(size: Mapping[str, int]) -> float:
    """Return the expected seconds of building and solving with the faster solver."""
    return 0.05 + ITERATIONS * min(seconds_per_iteration(size).values())


def seconds_per_iteration(size: Mapping[str, int]) -> dict[str, float]:
    """Return the expected seconds of an iteration, by solver (fitted on two cores).

    CVXOPT forms a dense matrix over the moments from all entries of the cone; Clarabel factors a
    sparse matrix with a dense part per block, and blocks with common moments fill it.
    """
    rows, order, blocks = size["rows"], size["largest_block"], size["blocks"]
    sharing = CLARABEL_ONE_BLOCK if blocks <= 1 else CLARABEL_SHARED_BLOCKS
    return {
        "clarabel": sharing * blocks * _entries(size) ** 2 * rows,
        "cvxopt": CVXOPT_SECONDS * (size["columns"] + blocks * order**2) * rows**2,
    }


def _entries(size: Mapping[str, int]) -> float:
    """Return the number of entries of the largest block on and above the diagonal."""
    order = size["largest_block"]
    return 0.5 * order * (order + 1)
