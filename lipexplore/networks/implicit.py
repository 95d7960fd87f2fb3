"""Implicit (equilibrium) networks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidNetwork, InvalidSetting
from lipexplore.networks.activations import Activation, activation
from lipexplore.networks.arguments import finite_array
from lipexplore.networks.contraction import Contraction, contraction
from lipexplore.networks.feedforward import Network
from lipexplore.networks.fixed_points import Equilibrium, fixed_points, proven_radius
from lipexplore.rounding import Array


@dataclass(frozen=True, eq=False)
class ImplicitNetwork:
    """A network y = C z + D x + c whose state solves z = phi(A z + B x + b).

    Weights are taken as the exact real numbers that the stored floats are; float32 is widened.

    Parameters
    ----------
    A, B, b
        Arrays (n, n), (n, m) and (n,); b is zero where left out.
    C, D, c
        Arrays (p, n), (p, m) and (p,); D and c are zero where left out.
    activation
        phi: a name or an :class:`Activation`; its slopes must lie in [0, s].
    name
        Shown in tables and plots.

    Raises
    ------
    InvalidNetwork
        If shapes do not fit, a number is NaN or infinite, or phi is not monotone.

    Examples
    --------
    >>> network = ImplicitNetwork([[-3.0]], [[1.0]], [0.0], [[1.0]])
    >>> float(network([2.0])[0])
    0.5

    References
    ----------
    Jafarpour, Davydov, Proskurnikov, Bullo, NeurIPS 2021 (arXiv 2106.03194).
    """

    A: Array
    B: Array
    b: Array
    C: Array
    D: Array
    c: Array
    activation: Activation
    name: str = field(default="implicit")

    def __init__(
        self,
        A: ArrayLike,
        B: ArrayLike,
        b: ArrayLike | None,
        C: ArrayLike,
        D: ArrayLike | None = None,
        c: ArrayLike | None = None,
        activation: str | Activation = "relu",
        name: str = "implicit",
    ) -> None:
        state, inputs, outputs = (
            finite_array(array, key, 2) for array, key in ((A, "A"), (B, "B"), (C, "C"))
        )
        through = np.zeros((len(outputs), inputs.shape[1])) if D is None else D
        arrays = {
            "A": state,
            "B": inputs,
            "b": finite_array(np.zeros(len(state)) if b is None else b, "b", 1),
            "C": outputs,
            "D": finite_array(through, "D", 2),
            "c": finite_array(np.zeros(len(outputs)) if c is None else c, "c", 1),
        }
        _check_shapes(arrays)
        for key, array in arrays.items():
            object.__setattr__(self, key, array)
        object.__setattr__(self, "activation", _monotone(activation))
        object.__setattr__(self, "name", name)

    @classmethod
    def from_feedforward(cls, network: Network) -> ImplicitNetwork:
        """Return the implicit network with the same map: A is strictly block lower triangular.

        The state holds all hidden layers, A the weights W_2, .., W_d between them, B = [W_1; 0],
        C = [0, W_{d+1}] and D = 0.

        Raises
        ------
        InvalidNetwork
            If there is no hidden layer, or layers have different activations.
        """
        if network.depth == 0:
            raise InvalidNetwork("a network without hidden layers has no state: it is affine")
        if len({act.content for act in network.activations}) > 1:
            raise InvalidNetwork(
                f"an implicit network has one activation, but the layers have {network.activations}"
            )
        ends = np.cumsum([0, *network.widths[1:-1]])
        state = np.zeros((ends[-1], ends[-1]))
        for layer in range(1, network.depth):
            rows = slice(ends[layer], ends[layer + 1])
            state[rows, ends[layer - 1] : ends[layer]] = network.weights[layer]
        inputs = np.zeros((ends[-1], network.n_inputs))
        inputs[: ends[1]] = network.weights[0]
        outputs = np.zeros((network.n_outputs, ends[-1]))
        outputs[:, ends[-2] :] = network.weights[-1]
        bias = np.concatenate(network.biases[:-1])
        act, last = network.activations[0], network.biases[-1]
        return cls(state, inputs, bias, outputs, None, last, act, network.name)

    @property
    def kind(self) -> str:
        """Kind of file (see :mod:`lipexplore.networks.files`)."""
        return "implicit"

    @property
    def n_states(self) -> int:
        """Number of states n."""
        return len(self.A)

    @property
    def n_inputs(self) -> int:
        """Number of inputs m."""
        return int(self.B.shape[1])

    @property
    def n_outputs(self) -> int:
        """Number of outputs p."""
        return len(self.C)

    @property
    def slope(self) -> float:
        """The activation's largest slope s."""
        return self.activation.slope_bounds[1]

    @cached_property
    def contraction(self) -> Contraction:
        """The proof that every input has exactly one equilibrium.

        Raises
        ------
        NoContraction
            If none was found.
        """
        return contraction(self.A, self.slope)

    @cached_property
    def incoming(self) -> Array:
        """[A B], shape (n, n + m)."""
        return np.concatenate([self.A, self.B], axis=1)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of matrices, biases and activation (not of the name)."""
        digest = hashlib.sha256(b"implicit\0" + self.activation.content + b"\0")
        for array in (self.A, self.B, self.b, self.C, self.D, self.c):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array + 0.0, dtype="<f8").tobytes())
        return digest.hexdigest()

    def __call__(self, x: ArrayLike) -> Array:
        """Evaluate y at one point (m,) or many (count, m), to about thirteen digits.

        Raises
        ------
        NoContraction
            If no contraction is proven: there may be none or several equilibria.
        """
        points = np.asarray(x, dtype=np.float64)
        state = self.equilibrium(points).state
        return np.asarray(state @ self.C.T + points @ self.D.T + self.c)

    def equilibrium(
        self, x: ArrayLike, *, tolerance: float = 1e-14, most_steps: int = 10_000
    ) -> Equilibrium:
        """Return the state z at one point (m,) or many (count, m), with a proven radius.

        Averaged iteration and Newton's, until the residual is below ``tolerance`` times the size
        of the sums in A z + B x + b, or ``most_steps`` are taken. The radius is proven whether or
        not they converged.

        Raises
        ------
        NoContraction
            If no contraction is proven.
        InvalidSetting
            If x does not have m numbers.
        """
        points = np.asarray(x, dtype=np.float64)
        if points.ndim not in (1, 2) or points.shape[-1] != self.n_inputs:
            raise InvalidSetting(
                f"inputs must have {self.n_inputs} numbers each, but their shape is {points.shape}"
            )
        proof, batch = self.contraction, np.atleast_2d(points)
        state, steps = fixed_points(
            self.A, batch @ self.B.T + self.b, self.activation, proof.step, tolerance, most_steps
        )
        radius = proven_radius(self.incoming, self.b, self.activation, proof, state, batch)
        shape = points.shape[:-1]
        return Equilibrium(
            state.reshape(*shape, self.n_states), radius.reshape(shape), proof.weights, steps
        )

    def preactivations(self, x: ArrayLike) -> Array:
        """Return A z + B x + b at one point (n,) or many (count, n)."""
        points = np.asarray(x, dtype=np.float64)
        state = self.equilibrium(points).state
        return np.asarray(state @ self.A.T + points @ self.B.T + self.b)

    def jacobian(self, x: ArrayLike) -> Array:
        """Return dy/dx, shape (p, m) at one point or (count, p, m) at many.

        At a kink of the activation its right derivative is taken.
        """
        return self.jacobian_of_slopes(self.activation.slope(self.preactivations(x)))

    def jacobian_of_slopes(self, slopes: Array) -> Array:
        """Return C (I - S A)^-1 S B + D for slopes of shape (..., n), free of any input."""
        left = np.eye(self.n_states) - slopes[..., :, None] * self.A
        return np.asarray(self.C @ np.linalg.solve(left, slopes[..., :, None] * self.B) + self.D)

    def head(self, output: int = 0, minus: int | None = None) -> ImplicitNetwork:
        """Return the scalar network y_output, or y_output - y_minus.

        A difference rounds each number of C, D and c once.

        Raises
        ------
        InvalidSetting
            If there is no such output or both are the same.
        """
        for index in (output, minus):
            if index is not None and not 0 <= index < self.n_outputs:
                raise InvalidSetting(
                    f"there is no output {index}: choose 0 to {self.n_outputs - 1}"
                )
        if output == minus:
            raise InvalidSetting(f"a margin needs two different outputs, not {output} twice")
        arrays = (self.C, self.D, self.c)
        if minus is None:
            state, through, bias = (array[[output]] for array in arrays)
        else:
            state, through, bias = (array[[output]] - array[[minus]] for array in arrays)
        return ImplicitNetwork(
            self.A, self.B, self.b, state, through, bias, self.activation, self.name
        )

    def __reduce__(self) -> tuple[type[ImplicitNetwork], tuple[object, ...]]:
        arrays = (self.A, self.B, self.b, self.C, self.D, self.c)
        return ImplicitNetwork, (*arrays, self.activation, self.name)

    def __repr__(self) -> str:
        shape = f"{self.n_inputs}-{self.n_states}-{self.n_outputs}"
        return f"<ImplicitNetwork {self.name}: {shape} {self.activation.name}>"


def _check_shapes(arrays: dict[str, Array]) -> None:
    n_states, n_inputs, n_outputs = len(arrays["A"]), arrays["B"].shape[1], len(arrays["C"])
    expected = {
        "A": (n_states, n_states),
        "B": (n_states, n_inputs),
        "b": (n_states,),
        "C": (n_outputs, n_states),
        "D": (n_outputs, n_inputs),
        "c": (n_outputs,),
    }
    for key, shape in expected.items():
        if arrays[key].shape != shape:
            raise InvalidNetwork(f"{key} must have shape {shape}, but it has {arrays[key].shape}")


def _monotone(given: str | Activation) -> Activation:
    act = given if isinstance(given, Activation) else activation(given)
    if act.units is not None:
        raise InvalidNetwork(f"implicit networks need one activation for all states, not {act}")
    if act.slope_bounds[0] < 0.0:
        raise InvalidNetwork(
            f"implicit networks need an activation that never falls, but the slope of {act.name} "
            f"goes down to {act.slope_bounds[0]:g}: use relu, leaky_relu, tanh, sigmoid or elu"
        )
    return act
