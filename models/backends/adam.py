"""Adam in one pass over the weights; and lazy Adam, which updates only the rows of an embedding in the batch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
from keras import ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class Adam(keras.optimizers.Adam):
    """Keras' Adam (Kingma and Ba 2015), on TensorFlow, and on torch on the CPU, as their one kernel.

    Keras writes it as a dozen operations. XLA makes one loop of them; the other backends run one after the other, each
    with a pass over weights that do not fit into the cache. And on TensorFlow the gradient of a table comes as a list
    of rows, often several for one word, and Keras squares each by itself, for the norm to clip by and for the moments.

    A weight that has a `learning_rate_factor` is updated with so many times the learning rate.
    """

    _exchange: Callable[[list[Tensor]], list[Tensor]] | None = None

    @contextmanager
    def exchanging(self, exchange: Callable[[list[Tensor]], list[Tensor]]) -> Iterator[None]:
        """Inside, on JAX, weights are updated by what `exchange` makes of gradients: those of other devices too."""
        self._exchange = exchange
        try:
            yield
        finally:
            self._exchange = None

    def stateless_apply(
        self, optimizer_variables: list[Tensor], grads: list[Tensor], trainable_variables: list[Tensor]
    ) -> tuple:
        grads = self._exchange(grads) if self._exchange else grads
        return super().stateless_apply(optimizer_variables, grads, trainable_variables)

    def apply(self, grads: Tensor, trainable_variables: list[keras.Variable] | None = None) -> None:
        if keras.config.backend() == "tensorflow":
            grads = [sum_duplicates(gradient) for gradient in grads]
        super().apply(grads, trainable_variables)

    def finalize_variable_values(self, var_list: list[keras.Variable]) -> None:
        """Leave the weights as they are: Keras would put their averages in their place, and training may go on."""

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        backend, place = keras.config.backend(), self._get_variable_index(variable)
        kept = [variable, self._momentums[place], self._velocities[place]]
        weights, momentum, velocity = (one.value if isinstance(one, keras.Variable) else one for one in kept)
        factor = getattr(self._trainable_variables[place], "learning_rate_factor", 1.0)
        # Not in place: on torch that would change the learning rate itself.
        learning_rate = learning_rate * factor if factor != 1 else learning_rate
        if backend == "tensorflow":
            self._update_on_tensorflow(weights, momentum, velocity=velocity, gradient=gradient, rate=learning_rate)
        elif backend == "torch" and weights.device.type == "cpu":
            self._update_on_torch(weights, momentum, velocity=velocity, gradient=gradient, rate=learning_rate)
        else:
            super().update_step(gradient, variable, learning_rate)

    def _update_on_tensorflow(
        self, weights: Tensor, momentum: Tensor, velocity: Tensor, gradient: Tensor, rate: Tensor
    ) -> None:
        import tensorflow

        step = ops.cast(self.iterations + 1, weights.dtype)
        tensorflow.raw_ops.ResourceApplyAdam(
            var=weights.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=ops.power(ops.cast(self.beta_1, weights.dtype), step),
            beta2_power=ops.power(ops.cast(self.beta_2, weights.dtype), step),
            lr=ops.cast(rate, weights.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=ops.cast(tensorflow.convert_to_tensor(gradient), weights.dtype),
        )

    def _update_on_torch(
        self, weights: Tensor, momentum: Tensor, velocity: Tensor, gradient: Tensor, rate: Tensor
    ) -> None:
        import torch
        from torch.optim.adam import adam

        before = int(self.iterations)
        # torch adds epsilon to the root of the corrected second moment, Keras to that of the moment itself.
        correction = (1 - self.beta_2 ** (before + 1)) ** 0.5
        with torch.no_grad():
            adam(
                [weights],
                [gradient.contiguous()],
                [momentum],
                [velocity],
                [],
                [torch.tensor(float(before))],
                fused=True,
                amsgrad=False,
                beta1=self.beta_1,
                beta2=self.beta_2,
                lr=float(rate),
                weight_decay=0.0,
                eps=self.epsilon / correction,
                maximize=False,
            )


def sum_duplicates(gradient: Tensor) -> Tensor:
    """Return a gradient on TensorFlow with duplicate indices of an IndexedSlices summed; a dense one as it is."""
    import tensorflow

    if not isinstance(gradient, tensorflow.IndexedSlices):
        return gradient
    numbers, places = tensorflow.unique(gradient.indices)
    rows = tensorflow.math.unsorted_segment_sum(gradient.values, places, tensorflow.size(numbers))
    return tensorflow.IndexedSlices(rows, numbers, gradient.dense_shape)


@keras.saving.register_keras_serializable(PACKAGE)
class LazyAdam(Adam):
    """Adam (Kingma and Ba 2015) that leaves the rows of an embedding alone whose words are not in the batch.

    Adam moves every row at every step: where there is no gradient, by what is left of the momentum of earlier steps,
    while both moments shrink. Here such a row keeps its weights and its moments, as with PyTorch's SparseAdam; its next
    gradient meets the moments as its last one left them. A row whose gradient is all zeros counts as not in the batch.
    Weights other than the tables of keras.layers.Embedding are updated as by Adam.

    rows: at least as many as there are different words in any batch; words beyond that would be left out. The fewer,
        the faster; a table of less than twice as many rows is computed as a whole.
    """

    def __init__(self, learning_rate: Tensor, rows: int, **options: LayerArgument):
        super().__init__(learning_rate, **options)
        self.rows = rows
        self.numbers: dict[int, Tensor] = {}

    @contextmanager
    def by_row(self, numbers: dict[int, Tensor]) -> Iterator[None]:
        """Inside, the gradients of some tables are those of rows alone; numbers: of which, by table."""
        self.numbers = numbers
        try:
            yield
        finally:
            self.numbers = {}

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        place = self._get_variable_index(variable)
        if not self._trainable_variables[place].path.endswith("/embeddings"):
            super().update_step(gradient, variable, learning_rate)
            return
        kept = [variable, self._momentums[place], self._velocities[place]]
        if place in self.numbers:
            self._update_rows(kept, gradient, numbers=self.numbers[place], learning_rate=learning_rate)
            return
        # TensorFlow's gradient of a table is a list of rows, one word more than once among them.
        gradient = ops.add(gradient, ops.zeros(variable.shape, variable.dtype))
        touched = ops.any(ops.not_equal(gradient, 0), axis=1)
        size = variable.shape[0]
        if 2 * self.rows >= size:
            tables = [ops.convert_to_tensor(table) for table in kept]
            inside = ops.expand_dims(touched, 1)
            after = self._advance(tables, gradient, learning_rate)
            after = [ops.where(inside, new, old) for new, old in zip(after, tables, strict=True)]
            for table, new in zip(kept, after, strict=True):
                self.assign(table, new)
        else:
            # The number of rows touched up to each: where it first is 1, 2, ... are the rows touched. Past the last of
            # them comes the last again, which is given the same values.
            count = ops.cumsum(ops.cast(touched, "int32"))
            wanted = ops.minimum(ops.arange(1, self.rows + 1, dtype="int32"), count[-1])
            found = ops.searchsorted(count, wanted)
            self._update_rows(kept, ops.take(gradient, found, axis=0), numbers=found, learning_rate=learning_rate)

    def _update_rows(self, kept: list[Tensor], gradient: Tensor, numbers: Tensor, learning_rate: Tensor) -> None:
        after = self._advance([ops.take(table, numbers, axis=0) for table in kept], gradient, learning_rate)
        index = ops.expand_dims(numbers, 1)
        for table, part in zip(kept, after, strict=True):
            self.assign(table, ops.scatter_update(table, index, part))

    def _advance(self, kept: list[Tensor], gradient: Tensor, learning_rate: Tensor) -> list[Tensor]:
        """Return the weights and moments after a step of Adam: algorithm 1, in the order of the paper's section 2."""
        weights, momentum, velocity = kept
        step = ops.cast(self.iterations + 1, weights.dtype)
        # Not in place: on torch that would change the learning rate itself.
        rate = (
            ops.cast(learning_rate, weights.dtype)
            * ops.sqrt(1 - ops.power(self.beta_2, step))
            / (1 - ops.power(self.beta_1, step))
        )
        momentum = momentum + (1 - self.beta_1) * (gradient - momentum)
        velocity = velocity + (1 - self.beta_2) * (ops.square(gradient) - velocity)
        return [weights - rate * momentum / (ops.sqrt(velocity) + self.epsilon), momentum, velocity]

    def get_config(self) -> dict:
        return {**super().get_config(), "rows": self.rows}
