"""Linear recurrences: h_t = a_t h_{t-1} + b_t, where a_t and b_t depend on the input alone, not on the state.

So all a_t and b_t are matrix products over the whole sequence, and two steps in a row are again such a step:

    (a_1, b_1) then (a_2, b_2)  =  (a_1 a_2, a_2 b_1 + b_2)

which is associative: the states of T steps take about log2(T) rounds (Blelloch 1990), of much work each. A GPU does
that; a core or two of a CPU are faster with T steps of little work each, so there the same recurrence is a loop.

The gradient is the same recurrence backwards, g_t = d_t + a_{t+1} g_{t+1}, written by hand: only the states are kept.
"""

import functools
import math

import keras
from keras import ops

from models.cells.chrono import draw_gate_biases, draw_uniform
from models.cells.parallel_rnn import ParallelCell, ParallelRNN, scan
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


def multiply(one: Tensor, other: Tensor, parts: int) -> Tensor:
    """Return the product of numbers, (..., parts, units): real with one part; complex with two, real and imaginary."""
    if parts == 1:
        return one * other
    (a, b), (c, d) = ops.split(one, 2, axis=-2), ops.split(other, 2, axis=-2)
    return ops.concatenate([a * c - b * d, a * d + b * c], axis=-2)


def conjugate(numbers: Tensor) -> Tensor:
    """Return the complex conjugate: the imaginary part, where there is one, with the other sign."""
    if numbers.shape[-2] == 1:
        return numbers
    real, imaginary = ops.split(numbers, 2, axis=-2)
    return ops.concatenate([real, -imaginary], axis=-2)


def scan_in_parallel(a: Tensor, b: Tensor, reverse: bool = False) -> Tensor:
    """Return h_t = a_t h_{t-1} + b_t from h_0 = 0, as `run_recurrence`; reverse: from the last step to the first."""

    # The shape is read here and not in `join`: TensorFlow forgets shapes on the way.
    parts = b.shape[-2]

    def join(early: tuple, late: tuple) -> tuple:
        return multiply(early[0], late[0], parts), multiply(late[0], early[1], parts) + late[1]

    return ops.associative_scan(join, (a, b), reverse=reverse, axis=0)[1]


def scan_in_steps(a: Tensor, b: Tensor, reverse: bool = False) -> Tensor:
    """Return what `scan_in_parallel` does."""

    def step(state: Tensor, terms: tuple) -> Tensor:
        return multiply(terms[0], state, b.shape[-2]) + terms[1]

    return scan(step, ops.zeros_like(b[0]), sequences=(a, b), reverse=reverse)


@functools.cache
def _is_wide() -> bool:
    # On TensorFlow, `associative_scan` fails on a length that the graph does not know, and keras.distribution lists no
    # devices of torch.
    return keras.config.backend() == "jax" and not keras.distribution.list_devices()[0].startswith("cpu")


def _scan(a: Tensor, b: Tensor, reverse: bool = False) -> Tensor:
    return (scan_in_parallel if _is_wide() else scan_in_steps)(a, b, reverse)


@ops.custom_gradient
def run_recurrence(a: Tensor, b: Tensor) -> Tensor:
    """Return h_t = a_t h_{t-1} + b_t at all steps, from h_0 = 0: (time, batch, parts, units).

    b: (time, batch, parts, units). a: the same, or of batch 1: for all examples alike. parts: see `multiply`.
    """
    states = _scan(a, b)

    def differentiate(*gradients: Tensor, upstream: Tensor | None = None) -> tuple[Tensor, Tensor]:
        # Keras hands the gradient over by name under one backend, by place under another.
        outputs = gradients[0] if upstream is None else upstream
        after = ops.concatenate([a[1:], ops.zeros_like(a[:1])], axis=0)
        total = _scan(conjugate(after), outputs, reverse=True)
        before = ops.concatenate([ops.zeros_like(states[:1]), states[:-1]], axis=0)
        factor = multiply(total, conjugate(before), b.shape[-2])
        return ops.sum(factor, axis=1, keepdims=True) if a.shape[1] == 1 else factor, total

    return states, differentiate


class LinearCell(ParallelCell):
    """A cell of a linear recurrence: what `terms` and `compute_output` say, in steps and all at once."""

    parts = 1

    def __init__(self, units: int, chrono: int | None = None, **options: LayerArgument):
        super().__init__(units, chrono, **options)
        self.state_size = [units] * self.parts

    def terms(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return a and b, (..., parts, units), of inputs, (..., features), of one step or of many."""
        raise NotImplementedError

    def compute_output(self, states: Tensor, inputs: Tensor) -> Tensor:
        """Return the outputs, (..., units). states: (..., parts, units). inputs: (..., features)."""
        return states[..., 0, :]

    def call(self, inputs: Tensor, states: Tensor, training: bool = False) -> tuple[Tensor, list[Tensor]]:
        a, b = self.terms(inputs)
        state = multiply(a, ops.cast(ops.stack(list(states), axis=-2), b.dtype), self.parts) + b
        return self.finish(state, inputs)

    def call_sequence(self, sequences: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        inputs = ops.swapaxes(sequences, 0, 1)
        a, b = self.terms(inputs)
        before = ops.expand_dims(ops.cast(ops.stack(states, axis=-2), b.dtype), 0)
        first = multiply(a[:1], before, self.parts)
        # Where a depends on no input, there is one for all steps.
        a = ops.broadcast_to(a, (ops.shape(b)[0], *ops.shape(a)[1:]))
        every = run_recurrence(a, ops.concatenate([b[:1] + first, b[1:]], axis=0))
        outputs, _ = self.finish(every, inputs)
        return ops.swapaxes(outputs, 0, 1), self.finish(every[-1], inputs[-1])[1]

    def finish(self, state: Tensor, inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the outputs and the states, each (..., units), in the precision of the layer."""
        state = ops.cast(state, self.compute_dtype)
        return self.compute_output(state, inputs), [state[..., part, :] for part in range(self.parts)]

    def split_part(self, numbers: Tensor) -> Tensor:
        """Return (..., parts, units) of float32, whatever the layer's precision: rounding adds up over the steps."""
        return ops.expand_dims(ops.cast(numbers, "float32"), -2)


LOW, HIGH = -0.1, 1.1


def stretch(share: Tensor) -> Tensor:
    """Return a sigmoid's output, from 0 to 1, stretched to LOW and HIGH and cut off at 0 and 1; see `GatedCell`."""
    return ops.clip(LOW + (HIGH - LOW) * share, 0.0, 1.0)


class GatedCell(LinearCell):
    """A linear recurrence whose factor is a gate that sees the input.

    With a share s of the state that is kept, from 0 to 1, and a candidate n: h_t = s h_{t-1} + (1 - s) n.
    signed: h_t = (2 s - 1) h_{t-1} + (1 - s) n, a factor from -1 to 1 (Grazzi et al. 2024, arXiv 2411.12537): a step
        may turn its state round. With s = 0 it takes 0 to n and n to 0, and so counts modulo 2.

    A sigmoid never reaches its ends, and 0.98 to the power of 200 is 0.02: what was learned on 40 steps would be lost
    after a few hundred. So the share of a signed gate is stretched to LOW and HIGH, and cut off at 0 and 1 (the hard
    concrete of Louizos et al. 2018). The factors are never above 1 in size, so a state grows with the number of steps
    at the most; they have no logarithm, and none is needed.
    """

    def __init__(self, units: int, chrono: int | None = None, signed: bool = False, **options: LayerArgument):
        super().__init__(units, chrono, **options)
        self.signed = signed

    def draw_memories(self, shape: tuple, dtype: str | None = None) -> Tensor:
        """Return the biases with which gates begin: signed ones with the same factors as the others."""
        biases = super().draw_memories(shape, dtype)
        if not self.signed:
            return biases
        share = (1 + ops.sigmoid(biases)) / 2
        before = (share - LOW) / (HIGH - LOW)
        return ops.log(before / (1 - before))

    def weigh(self, share: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
        """Return a and b: what the state before is multiplied with, and what is added to it.

        share: that of the state before which is kept, from 0 to 1. new: the candidate.
        """
        if not self.signed:
            return share, (1 - share) * new
        share = stretch(share)
        return 2 * share - 1, (1 - share) * new

    def get_config(self) -> dict:
        return {**super().get_config(), "signed": self.signed}


@keras.saving.register_keras_serializable(PACKAGE)
class MinGRUCell(GatedCell):
    """See `MinGRU`."""

    def build(self, inputs_shape: tuple) -> None:
        self.kernel = self.add_weight((inputs_shape[-1], 2 * self.units), "glorot_uniform", name="kernel")
        self.keep = self.add_weight((self.units,), self.draw_memories, name="keep_bias")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def terms(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        keep, new = ops.split(ops.matmul(inputs, self.kernel), 2, axis=-1)
        share = ops.sigmoid(self.split_part(keep + self.keep))
        return self.weigh(share, self.split_part(new + self.bias))


@keras.saving.register_keras_serializable(PACKAGE)
class MinGRU(ParallelRNN):
    """h_t = (1 - z_t) h_{t-1} + z_t n_t with z_t = sigmoid(x_t W_z + b_z), n_t = x_t W_n + b_n.

    Feng et al. 2024, "Were RNNs All We Needed?", section 3.1. The gate is learned as the share kept, 1 - z_t: the same
    with other signs. As the shares are at most 1 and nothing is divided, the recurrence is stable as it stands, and the
    paper's form in logarithms (appendix B), with its n_t above 0, is not needed. One product with the input, none with
    the state. signed: h_t = (1 - 2 z_t) h_{t-1} + z_t n_t; see `GatedCell`.
    """

    cell_class = MinGRUCell
    own = ("signed",)


@keras.saving.register_keras_serializable(PACKAGE)
class MinLSTMCell(GatedCell):
    """See `MinLSTM`."""

    def build(self, inputs_shape: tuple) -> None:
        self.kernel = self.add_weight((inputs_shape[-1], 3 * self.units), "glorot_uniform", name="kernel")
        self.keep = self.add_weight((self.units,), self.draw_memories, name="forget_bias")
        # With the same biases of the other sign, the two gates in proportion make the share that is asked for.
        self.let = self.add_weight((self.units,), lambda shape, dtype=None: -ops.copy(self.keep), name="input_bias")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def terms(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        forget, let, new = ops.split(ops.matmul(inputs, self.kernel), 3, axis=-1)
        # sigmoid(f) / (sigmoid(f) + sigmoid(i)), without a division of two numbers that may both be 0.
        share = ops.sigmoid(
            ops.log_sigmoid(self.split_part(forget + self.keep)) - ops.log_sigmoid(self.split_part(let + self.let))
        )
        return self.weigh(share, self.split_part(new + self.bias))


@keras.saving.register_keras_serializable(PACKAGE)
class MinLSTM(ParallelRNN):
    """h_t = f'_t h_{t-1} + i'_t n_t with f' = f / (f + i), i' = i / (f + i), f and i gates of x_t as in `MinGRU`.

    Feng et al. 2024, "Were RNNs All We Needed?", section 3.2: gates in proportion, so that the length of the state
    does not depend on the number of steps. signed: h_t = (f'_t - i'_t) h_{t-1} + i'_t n_t; see `GatedCell`.
    """

    cell_class = MinLSTMCell
    own = ("signed",)


@keras.saving.register_keras_serializable(PACKAGE)
class LRUCell(LinearCell):
    """See `LRU`."""

    parts = 2
    # The ring that the eigenvalues begin in, and the largest angle.
    NEAREST, FARTHEST, ANGLE = 0.4, 0.99, 2 * math.pi
    # Of the learning rate, for the weights of the eigenvalues.
    SLOWNESS = 0.25

    def __init__(self, units: int, chrono: int | None = None, slow_eigenvalues: bool = True, **options: LayerArgument):
        super().__init__(units, chrono, **options)
        self.slow_eigenvalues = slow_eigenvalues

    def build(self, inputs_shape: tuple) -> None:
        features, units = inputs_shape[-1], self.units
        self.decay = self.add_weight((units,), self.draw_decays, name="decay")
        self.angle = self.add_weight(
            (units,), lambda shape, dtype=None: ops.log(draw_uniform(shape, 1e-4, self.ANGLE)), name="angle"
        )
        self.scale = self.add_weight((units,), self.normalise, name="scale")
        if self.slow_eigenvalues:
            for weight in (self.decay, self.angle, self.scale):
                weight.learning_rate_factor = self.SLOWNESS
        normal = keras.initializers.RandomNormal
        self.kernel = self.add_weight((features, 2 * units), normal(stddev=(2 * features) ** -0.5), name="kernel")
        self.out = self.add_weight((2 * units, units), normal(stddev=units**-0.5), name="output_kernel")
        self.through = self.add_weight((features, units), "glorot_uniform", name="skip_kernel")
        self.gate = self.add_weight((units, units), "glorot_uniform", name="gate_kernel")
        self.bias = self.add_weight((units,), "zeros", name="gate_bias")

    def draw_decays(self, shape: tuple, dtype: str | None = None) -> Tensor:
        """Return log(-log |lambda|), |lambda|^2 uniform in the ring (Orvieto et al. 2023, lemma 3.2).

        With chrono, |lambda| is the share of the state that a gate with chrono keeps: the steps in which a state is
        forgotten are uniform. In a ring that reaches as far, one eigenvalue of twenty remembers for more than 50 steps.
        """
        if self.chrono:
            return ops.log(ops.softplus(-draw_gate_biases(shape[0], self.chrono)))
        return ops.log(-0.5 * ops.log(draw_uniform(shape, self.NEAREST**2, self.FARTHEST**2)))

    def normalise(self, shape: tuple, dtype: str | None = None) -> Tensor:
        """Return log sqrt(1 - |lambda|^2) (equation 7): the states are then about as large as the inputs."""
        return 0.5 * ops.log(1 - ops.exp(-2 * ops.exp(ops.convert_to_tensor(self.decay))))

    def terms(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        decay, angle, scale = (ops.cast(weight, "float32") for weight in (self.decay, self.angle, self.scale))
        radius, angle = ops.exp(-ops.exp(decay)), ops.exp(angle)
        factor = ops.stack([radius * ops.cos(angle), radius * ops.sin(angle)])
        projected = ops.cast(ops.matmul(inputs, self.kernel), "float32")
        real, imaginary = ops.split(projected, 2, axis=-1)
        new = ops.exp(scale) * ops.stack([real, imaginary], axis=-2)
        # With as many axes as there are inputs.
        return ops.reshape(factor, (1,) * (len(new.shape) - 2) + (2, self.units)), new

    def compute_output(self, states: Tensor, inputs: Tensor) -> Tensor:
        flat = ops.concatenate([states[..., 0, :], states[..., 1, :]], axis=-1)
        outputs = ops.gelu(ops.matmul(flat, self.out) + ops.matmul(inputs, self.through))
        return outputs * ops.sigmoid(ops.matmul(outputs, self.gate) + self.bias)

    def get_config(self) -> dict:
        return {**super().get_config(), "slow_eigenvalues": self.slow_eigenvalues}


@keras.saving.register_keras_serializable(PACKAGE)
class LRU(ParallelRNN):
    """Linear recurrent unit: h_t = lambda h_{t-1} + gamma (x_t B), y_t = Re(h_t C) + x_t D, elementwise and complex.

    Orvieto et al. 2023, "Resurrecting Recurrent Neural Networks for Long Sequences", section 3: |lambda| < 1 by
    lambda = exp(-exp(nu) + i exp(theta)), and gamma = exp(gamma_log) (equation 7). Complex numbers are pairs of real
    ones, so that every backend runs them; the minus sign in Re(h C) is in C, which is learned. What is left after
    hundreds of steps changes with a small step of lambda: by the optimizer of models/backends/adam.py, nu, theta and
    gamma_log are learned with a quarter of the learning rate, as those of S5 are (Smith et al. 2023, its experiments);
    with slow_eigenvalues=False with the whole.

    y_t is linear in the inputs, and the paper stacks it with a block that is not: here that block is part of the cell,
    as a gated linear unit (Dauphin et al. 2017), g = gelu(y), g sigmoid(g G + b). The norm and the residual stream of
    the paper are in models/layers/block.py; its skip is D, a matrix, for features that are not the units.
    """

    cell_class = LRUCell
    own = ("slow_eigenvalues",)
