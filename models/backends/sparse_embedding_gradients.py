"""A training step, on JAX, that differentiates only by those rows of an embedding's table that the batch looks up.

The gradient of a whole table is as large as the table, and all zeros but for the few words of the batch: writing it
and reading it again costs more than the step of lazy Adam that it is for (models/backends/adam.py).
"""

from functools import partial

import keras
import numpy as np
from keras import ops

from models.backends.replaced_calls import replace_calls
from models.tensor import Tensor

Tables = dict[int, keras.layers.Embedding]


def use_sparse_gradients(model: keras.Model) -> None:
    """Have the compiled model, whose optimizer is a LazyAdam, train with `step`; on JAX, elsewhere as before."""
    if keras.backend.backend() != "jax":
        return
    places = {id(weight): place for place, weight in enumerate(model.trainable_variables)}
    embeddings = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
    tables = {places[id(layer.embeddings)]: layer for layer in embeddings if id(layer.embeddings) in places}
    model.train_step = partial(step, model, tables)


def step(model: keras.Model, tables: Tables, state: tuple, data: tuple) -> tuple[dict, tuple]:
    """Return the logs and the state after a batch: Keras' own training step on JAX, its gradients by row.

    tables: the layers, by the place of their table among the model's trainable weights. One that is looked up more than
    once, or for more words than it has rows, is left to the gradient of the whole.
    """
    import jax
    import jax.numpy as jnp

    trainable, fixed, optimizer_variables, metrics = state
    inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
    looked_up: dict[int, list[tuple]] = {}

    def note_shape(place: int, numbers: Tensor) -> Tensor:
        looked_up.setdefault(place, []).append(numbers.shape)
        return type(tables[place]).call(tables[place], numbers)

    with replace_calls(tables, note_shape):
        jax.eval_shape(partial(model.stateless_call, training=True), trainable, fixed, inputs)
    shapes = {place: shapes[0] for place, shapes in looked_up.items() if len(shapes) == 1}
    sparse = {place: tables[place] for place, shape in shapes.items() if np.prod(shape) < len(trainable[place])}

    # What is looked up has zeros added to it: the gradient of these is that of the rows.
    added = {place: jnp.zeros((*shapes[place], layer.output_dim)) for place, layer in sparse.items()}
    # Nothing else may use such a table, its gradient would be lost: so let the loss show it.
    hidden = [jnp.full_like(value, jnp.nan) if place in sparse else value for place, value in enumerate(trainable)]

    def loss(values: list, added: dict) -> tuple[Tensor, tuple]:
        found = {}

        def look_up(place: int, numbers: Tensor) -> Tensor:
            found[place] = numbers
            return ops.cast(ops.take(trainable[place], numbers, axis=0) + added[place], sparse[place].compute_dtype)

        with replace_calls(sparse, look_up):
            value, rest = model.compute_loss_and_updates(
                values, fixed, metrics, inputs, wanted, weights, training=True, optimizer_variables=optimizer_variables
            )
        return value, (rest, found)

    differentiate = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    (_, ((value, answers, fixed, metrics), found)), (gradients, by_word) = differentiate(hidden, added)
    rows = {}
    for place, numbers in found.items():
        size, numbers = len(trainable[place]), numbers.reshape(-1)
        each = by_word[place].reshape(len(numbers), -1)
        # One of the places where a word occurs takes the sum for all of them; the others are left with zeros.
        first = jnp.zeros(size, "int32").at[numbers].max(jnp.arange(len(numbers), dtype="int32"))
        gradients[place] = jnp.zeros_like(each).at[first[numbers]].add(each)
        # JAX drops what is to be written behind the end of a table.
        rows[place] = jnp.where(jnp.any(gradients[place] != 0, axis=1), numbers, size)
    with model.optimizer.by_row(rows):
        trainable, optimizer_variables = model.optimizer.stateless_apply(optimizer_variables, gradients, trainable)
    logs, metrics = model._update_metrics_variables(metrics, value, inputs, wanted, answers, weights)
    return logs, (trainable, fixed, optimizer_variables, metrics)
