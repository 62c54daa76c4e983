"""The peephole LSTM: gates that see the cell state."""

from collections.abc import Sequence

import keras
from keras import ops

from models.cells.chrono import ChronoInitializer
from models.cells.projected_rnn import ProjectedCell, ProjectedRNN
from models.saving import PACKAGE
from models.tensor import Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class ForgetOne(keras.initializers.Initializer):
    """Biases of gates i, f, g, o, (4 units,): 1 for the forget gate (Jozefowicz et al. 2015), 0 for the others."""

    def __call__(self, shape: tuple, dtype: str | None = None) -> Tensor:
        units = shape[0] // 4
        return ops.concatenate([ops.zeros(units, dtype), ops.ones(units, dtype), ops.zeros(2 * units, dtype)])


@keras.saving.register_keras_serializable(PACKAGE)
class PeepholeCell(ProjectedCell):
    """See `Peephole`."""

    def make_bias(self) -> keras.initializers.Initializer:
        return ChronoInitializer(self.chrono) if self.chrono else ForgetOne()

    def build(self, inputs_shape: tuple) -> None:
        super().build(inputs_shape)
        spread = keras.initializers.RandomUniform(-(self.units**-0.5), self.units**-0.5)
        self.vectors = [self.add_weight((self.units,), spread, name=f"peephole_{gate}") for gate in "ifo"]

    @staticmethod
    def advance(projected: Tensor, product: Tensor, states: Sequence[Tensor], vectors: Sequence[Tensor]) -> tuple:
        (_, c), (see_i, see_f, see_o) = states, vectors
        i, f, g, o = ops.split(projected + product, 4, axis=-1)
        i, f = ops.sigmoid(i + see_i * c), ops.sigmoid(f + see_f * c)
        c = f * c + i * ops.tanh(g)
        return ops.sigmoid(o + see_o * c) * ops.tanh(c), c


@keras.saving.register_keras_serializable(PACKAGE)
class Peephole(ProjectedRNN):
    """Long short-term memory whose gates see the cell state, each that of its own unit (Gers et al. 2002, section 2.2).

        i_t = sigmoid(x_t W_i + h_{t-1} U_i + p_i c_{t-1} + b_i)
        f_t = sigmoid(x_t W_f + h_{t-1} U_f + p_f c_{t-1} + b_f)
        c_t = f_t c_{t-1} + i_t tanh(x_t W_g + h_{t-1} U_g + b_g)
        o_t = sigmoid(x_t W_o + h_{t-1} U_o + p_o c_t + b_o)
        h_t = o_t tanh(c_t)

    The output gate sees the new cell state. p_i, p_f and p_o are vectors, of a number for each unit.
    """

    cell_class = PeepholeCell
