"""LSTM and GRU with layer normalization."""

from collections.abc import Sequence

import keras
from keras import ops

from models.cells.chrono import ChronoInitializer
from models.cells.peephole import ForgetOne
from models.cells.projected_rnn import ProjectedCell, ProjectedRNN
from models.saving import PACKAGE
from models.tensor import Tensor

# That of Keras. With less, inputs near 0 are stretched so much that no gradient tells what they contribute.
EPSILON = 1e-3


def normalize(numbers: Tensor, gain: Tensor) -> Tensor:
    """Return numbers, (..., width), with a mean of 0 and a variance of 1 along the width, times the gain, (width,).

    Layer normalization (Ba et al. 2016, equation 3), without its bias: each sum below has one.
    """
    numbers = numbers - ops.mean(numbers, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(numbers), axis=-1, keepdims=True)
    return numbers * ops.rsqrt(variance + EPSILON) * gain


@keras.saving.register_keras_serializable(PACKAGE)
class LayerNormLSTMCell(ProjectedCell):
    """See `LayerNormLSTM`."""

    def make_bias(self) -> keras.initializers.Initializer:
        return ChronoInitializer(self.chrono) if self.chrono else ForgetOne()

    def build(self, inputs_shape: tuple) -> None:
        super().build(inputs_shape)
        wide = 4 * self.units
        self.input_gain = self.add_weight((wide,), "ones", name="input_gain")
        recurrent_gain = self.add_weight((wide,), "ones", name="recurrent_gain")
        state_gain = self.add_weight((self.units,), "ones", name="state_gain")
        self.vectors = [recurrent_gain, state_gain, self.add_weight((self.units,), "zeros", name="state_bias")]

    def project(self, inputs: Tensor) -> Tensor:
        return normalize(ops.matmul(inputs, self.kernel), ops.cast(self.input_gain, self.compute_dtype)) + self.bias

    @staticmethod
    def advance(projected: Tensor, product: Tensor, states: Sequence[Tensor], vectors: Sequence[Tensor]) -> tuple:
        (_, c), (recurrent_gain, state_gain, state_bias) = states, vectors
        i, f, g, o = ops.split(projected + normalize(product, recurrent_gain), 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(normalize(c, state_gain) + state_bias), c


@keras.saving.register_keras_serializable(PACKAGE)
class LayerNormLSTM(ProjectedRNN):
    """Long short-term memory with layer normalization (Ba et al. 2016, equations 20 to 22).

        i, f, g, o = LN(x_t W) + LN(h_{t-1} U) + b              side by side, normalized together
        c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
        h_t = sigmoid(o) tanh(LN(c_t) + b_c)

    Each LN has a gain for each of its numbers. The biases that the paper gives the first two would only add to b.
    """

    cell_class = LayerNormLSTMCell


@keras.saving.register_keras_serializable(PACKAGE)
class LayerNormGRUCell(ProjectedCell):
    """See `LayerNormGRU`."""

    gates = 3
    states = 1

    def build(self, inputs_shape: tuple) -> None:
        super().build(inputs_shape)
        wide = 3 * self.units
        self.input_gain = self.add_weight((wide,), "ones", name="input_gain")
        recurrent_gain = self.add_weight((wide,), "ones", name="recurrent_gain")
        self.vectors = [recurrent_gain, self.add_weight((self.units,), "zeros", name="candidate_bias")]

    def make_bias(self) -> keras.initializers.Initializer | str:
        if not self.chrono:
            return "zeros"
        draw = ChronoInitializer(self.chrono)
        # That of a Keras GRU has two rows: biases of x W and of h U.
        return lambda shape, dtype=None: draw((2, *shape), dtype)[0]

    def project(self, inputs: Tensor) -> Tensor:
        projected = normalize_parts(ops.matmul(inputs, self.kernel), ops.cast(self.input_gain, self.compute_dtype))
        return projected + self.bias

    @staticmethod
    def advance(projected: Tensor, product: Tensor, states: Sequence[Tensor], vectors: Sequence[Tensor]) -> tuple:
        (h,), (recurrent_gain, candidate_bias) = states, vectors
        x_z, x_r, x_g = ops.split(projected, 3, axis=-1)
        h_z, h_r, h_g = ops.split(normalize_parts(product, recurrent_gain), 3, axis=-1)
        z, r = ops.sigmoid(x_z + h_z), ops.sigmoid(x_r + h_r)
        g = ops.tanh(x_g + r * (h_g + candidate_bias))
        return (z * h + (1 - z) * g,)


def normalize_parts(numbers: Tensor, gain: Tensor) -> Tensor:
    """Return the two gates normalized together, and the candidate by itself. numbers: (..., 3 units), z, r, g."""
    gates = 2 * numbers.shape[-1] // 3
    parts = normalize(numbers[..., :gates], gain[:gates]), normalize(numbers[..., gates:], gain[gates:])
    return ops.concatenate(parts, axis=-1)


@keras.saving.register_keras_serializable(PACKAGE)
class LayerNormGRU(ProjectedRNN):
    """Gated recurrent unit with layer normalization (Ba et al. 2016, equations 23 to 26).

        z, r = sigmoid(LN(x_t W_zr) + LN(h_{t-1} U_zr) + b_zr)      side by side, normalized together
        g = tanh(LN(x_t W_g) + b_g + r (LN(h_{t-1} U_g) + c_g))
        h_t = z h_{t-1} + (1 - z) g

    z keeps the state, as in Keras' GRU; in the paper 1 - z does.
    """

    cell_class = LayerNormGRUCell
