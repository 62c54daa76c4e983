"""Lazy Adam: of an embedding's table only the rows of the words in the batch are updated."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("unrolled")
class LazyAdam(keras.optimizers.Adam):
    """Adam (Kingma and Ba 2015) that leaves the rows of an embedding alone whose words are not in the batch.

    Adam moves every row at every step: where there is no gradient, by what is left of the momentum of earlier steps,
    while both moments shrink. Here such a row keeps its weights and its moments, as with PyTorch's SparseAdam; its next
    gradient meets the moments as its last one left them. A row whose gradient is all zeros counts as not in the batch.
    Weights other than the tables of keras.layers.Embedding are updated as by Adam.

    rows: most different words in a batch for which a table is updated row by row, the less the faster. A batch with
        more of them is computed over the whole table: the same result, in the time that Adam takes.
    """

    def __init__(self, learning_rate: Any = 0.001, rows: int = 1024, **options: Any):
        super().__init__(learning_rate, **options)
        self.rows = rows

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        place = self._get_variable_index(variable)
        if not self._trainable_variables[place].path.endswith("/embeddings"):
            super().update_step(gradient, variable, learning_rate)
            return
        kept = [variable, self._momentums[place], self._velocities[place]]
        # TensorFlow's gradient of a table is a list of rows, one word more than once among them.
        gradient = ops.add(gradient, ops.zeros(variable.shape, variable.dtype))
        touched = ops.any(ops.not_equal(gradient, 0), axis=1)
        size, rows = variable.shape[0], min(self.rows, variable.shape[0])
        # The number of rows touched up to each: that of the first row at which it is 1, 2, ... are the rows touched.
        count = ops.cumsum(ops.cast(touched, "int32"))
        found = ops.searchsorted(count, ops.arange(1, rows + 1, dtype="int32"))
        # After the last there is none: the first once more, which is given the same values.
        found = ops.minimum(ops.where(found < size, found, found[0]), size - 1)

        def some() -> list[Any]:
            before = [ops.take(values, found, axis=0) for values in kept]
            after = self._advance(before, ops.take(gradient, found, axis=0), learning_rate)
            index = ops.expand_dims(found, 1)
            return [ops.scatter_update(whole, index, part) for whole, part in zip(kept, after, strict=True)]

        def every() -> list[Any]:
            whole = [ops.convert_to_tensor(values) for values in kept]
            after = self._advance(whole, gradient, learning_rate)
            inside = ops.expand_dims(touched, 1)
            return [ops.where(inside, new, old) for new, old in zip(after, whole, strict=True)]

        fits = ops.logical_and(count[-1] > 0, count[-1] <= rows)
        for values, after in zip(kept, every() if rows == size else ops.cond(fits, some, every), strict=True):
            self.assign(values, after)

    def _advance(self, kept: list[Any], gradient: Any, learning_rate: Any) -> list[Any]:
        """Return the weights and moments after a step of Adam: algorithm 1, in the order of the paper's section 2."""
        weights, momentum, velocity = kept
        step = ops.cast(self.iterations + 1, weights.dtype)
        rate = ops.cast(learning_rate, weights.dtype)
        rate *= ops.sqrt(1 - ops.power(self.beta_2, step)) / (1 - ops.power(self.beta_1, step))
        momentum = momentum + (1 - self.beta_1) * (gradient - momentum)
        velocity = velocity + (1 - self.beta_2) * (ops.square(gradient) - velocity)
        return [weights - rate * momentum / (ops.sqrt(velocity) + self.epsilon), momentum, velocity]

    def get_config(self) -> dict:
        return {**super().get_config(), "rows": self.rows}
