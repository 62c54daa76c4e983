"""What is less than a recurrent network, to compare with: a bag of inputs, and a dense layer without recurrence."""

import keras
from keras import layers, ops

from models.cells.parallel_rnn import ParallelCell, ParallelRNN, cumulative_sum
from models.saving import PACKAGE, saved_as
from models.tensor import LayerArgument, Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class BagCell(ParallelCell):
    """See `Bag`."""

    def __init__(self, units: int, chrono: int | None = None, **options: LayerArgument):
        super().__init__(units, chrono, **options)
        self.state_size = [units, 1]

    def build(self, inputs_shape: tuple) -> None:
        self.kernel = self.add_weight((inputs_shape[-1], self.units), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def call(self, inputs: Tensor, states: Tensor, training: bool = False) -> tuple[Tensor, list[Tensor]]:
        mean, count = states
        count = ops.abs(count) + 1
        mean = mean + (ops.matmul(inputs, self.kernel) - mean) / count
        return ops.tanh(mean + self.bias), [mean, count]

    def call_sequence(self, sequences: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        # Sums and counts in float32: bfloat16 has no 257.
        mean, before = (ops.cast(state, "float32") for state in states)
        projected = ops.cast(ops.matmul(ops.swapaxes(sequences, 0, 1), self.kernel), "float32")
        count = ops.abs(before) + ops.reshape(ops.arange(1, ops.shape(sequences)[1] + 1, dtype="float32"), (-1, 1, 1))
        means = ops.cast((ops.abs(before) * mean + cumulative_sum(projected)) / count, self.compute_dtype)
        outputs = ops.swapaxes(ops.tanh(means + self.bias), 0, 1)
        return outputs, [means[-1], ops.cast(count[-1], self.compute_dtype)]


@keras.saving.register_keras_serializable(PACKAGE)
class Bag(ParallelRNN):
    """h_t = tanh(mean(x_1 ... x_t) W + b): what there has been so far, in no order; after the last step, all there is.

    "Mean of embeddings", the deep averaging network of Iyyer et al. 2015 with one layer. A tagger or a decoder has the
    running mean at each step; a classifier the mean of the whole sequence, and so reads the last state alone.

    The state is the mean of x W and the number of inputs in it. Whatever a decoder's context gives for that number
    counts as so many inputs before the first, its sign aside.
    """

    cell_class = BagCell


@saved_as("Flat")
class FlatDense(layers.Layer):
    """h_t = tanh(flatten(x_1 ... x_t, 0 ... 0) W + b): the network that recurrent ones replaced. No recurrence.

    The padded input, all `longest` steps of it side by side, goes into one dense layer, whose kernel has longest x
    features x units weights: another matrix for every step. Nothing that is learned at one step is known at another,
    and an input of more than `longest` steps cannot be read (Elman 1990, the argument against time as space).

    A tagger has an answer at each step, from what has come so far, the rest 0; a classifier reads the last. As the rest
    is 0, the product with the flattened input is the sum over the steps so far of x_s W_s, and no padding is in it.

    It cannot write: there is no state to hand from one step to the next. With a mask, masked steps are 0.
    """

    def __init__(self, units: int, longest: int, return_sequences: bool = False, **options: LayerArgument):
        super().__init__(**options)
        self.units, self.longest, self.return_sequences = units, longest, return_sequences
        self.supports_masking = True

    def build(self, sequences_shape: tuple) -> None:
        shape = (self.longest, sequences_shape[-1], self.units)
        self.kernel = self.add_weight(shape, "glorot_uniform", name="kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def call(self, sequences: Tensor, mask: Tensor = None) -> Tensor:
        """Return (batch, time, units), or (batch, units) without return_sequences; ValueError beyond `longest`."""
        steps = sequences.shape[1]
        if steps is not None and steps > self.longest:
            raise ValueError(f"{self.name}: the input has {steps} steps, and the layer was built for {self.longest}")
        if mask is not None:
            sequences = ops.where(ops.expand_dims(mask, 2), sequences, ops.zeros_like(sequences))
        kernel = ops.convert_to_tensor(self.kernel, dtype=self.compute_dtype)[: ops.shape(sequences)[1]]
        # Summed in float32, as rounding adds up over the steps.
        each = ops.cast(ops.matmul(ops.swapaxes(sequences, 0, 1), kernel), "float32")
        states = ops.swapaxes(ops.tanh(ops.cast(cumulative_sum(each), self.compute_dtype) + self.bias), 0, 1)
        return states if self.return_sequences else states[:, -1]

    def compute_output_shape(self, sequences_shape: tuple) -> tuple:
        return (*sequences_shape[:-1], self.units) if self.return_sequences else (sequences_shape[0], self.units)

    def compute_mask(self, _: Tensor, mask: Tensor = None) -> Tensor:
        return mask if self.return_sequences else None

    def get_config(self) -> dict:
        own = {"units": self.units, "longest": self.longest, "return_sequences": self.return_sequences}
        return {**super().get_config(), **own}
