"""What an import returns."""

from __future__ import annotations

from dataclasses import dataclass

from lipexplore.networks.feedforward import Network


@dataclass(frozen=True)
class Imported:
    """A network from elsewhere, and what the import did to it.

    Parameters
    ----------
    network
        The network. Its inputs and outputs are the model's, flattened in C order.
    notes
        One sentence for everything that is not a plain copy: a softmax that was cut, layers that
        were folded or joined.
    output_factor
        A Lipschitz constant (l2 to l2) of what was cut from the end: 1/2 for a softmax, sqrt(n) for
        a log-softmax of n outputs, 1 where nothing was cut. A bound of ``network`` from l2 to l2
        times this factor bounds the whole model; bounds of single outputs or margins are about the
        values before the cut.
    largest_difference
        The largest difference between the model, run by its own framework in double precision, and
        the network on random inputs, relative to the largest output.
    """

    network: Network
    notes: tuple[str, ...]
    output_factor: float
    largest_difference: float
