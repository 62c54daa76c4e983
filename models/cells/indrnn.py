"""IndRNN: a recurrent network of single neurons, none of which sees the state of another."""

import keras
from keras import ops

from models.cells.chrono import draw_uniform
from models.cells.parallel_rnn import ParallelCell, ParallelRNN, scan
from models.saving import PACKAGE, saved_as
from models.tensor import Tensor


@saved_as("Within")
class MaxAbs(keras.constraints.Constraint):
    """Clip each weight to between -`most` and `most`."""

    def __init__(self, most: float):
        self.most = most

    def __call__(self, weight: Tensor) -> Tensor:
        return ops.clip(weight, -self.most, self.most)

    def get_config(self) -> dict:
        return {"most": self.most}


@keras.saving.register_keras_serializable(PACKAGE)
class IndRNNCell(ParallelCell):
    """See `IndRNN`."""

    def build(self, inputs_shape: tuple) -> None:
        most = 2 ** (1 / self.chrono) if self.chrono else 1.0
        least = 1 / most if self.chrono else 0.0
        self.kernel = self.add_weight((inputs_shape[-1], self.units), "glorot_uniform", name="kernel")
        self.recurrent = self.add_weight(
            (self.units,),
            lambda shape, dtype=None: draw_uniform(shape, least, most),
            constraint=MaxAbs(most),
            name="recurrent_weights",
        )
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def call(self, inputs: Tensor, states: Tensor, training: bool = False) -> tuple[Tensor, list[Tensor]]:
        state = ops.relu(ops.matmul(inputs, self.kernel) + self.bias + states[0] * self.recurrent)
        return state, [state]

    def call_sequence(self, sequences: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        projected = ops.matmul(ops.swapaxes(sequences, 0, 1), self.kernel) + self.bias
        recurrent = ops.convert_to_tensor(self.recurrent, dtype=self.compute_dtype)

        def step(state: Tensor, projected: Tensor) -> Tensor:
            return ops.relu(projected + state * recurrent)

        outputs = scan(step, states[0], sequences=projected)
        return ops.swapaxes(outputs, 0, 1), [outputs[-1]]


@keras.saving.register_keras_serializable(PACKAGE)
class IndRNN(ParallelRNN):
    """Independently recurrent network: h_t = relu(x_t W + u h_{t-1} + b), u a number for each neuron.

    Li et al. 2018, section 3. Over T steps a state grows as u^T, so u is held within 2^(1/T) of 0, and begins between
    2^(-1/T) and 2^(1/T) where T steps are to be remembered; T is `chrono`. Without it u is held within 1,
    which never grows, and begins uniform from 0 to 1: memories of all lengths.
    """

    cell_class = IndRNNCell
