"""A training step, on JAX, over several devices: each computes some rows of the batch, all have the same weights.

A device runs the ordinary step of its rows, whichever that is, native kernels included (`shard_map`), up to the
gradient. Where the optimizer takes it, the devices exchange: the gradient of the whole batch is the mean of theirs, by
the sum of each one's sample weights, as the loss is a mean by sample weights. So the shares need not be equal, and a
device may have rows of weight 0 alone. Every device then takes the same step. Dropout draws other numbers on each.

Keras has a `DataParallel` of its own, in which all processes must do the same at all times, for each use of a weight
is one of all devices. Here the weights between two steps are arrays of one device, as ever: a process may score or
save its model on its own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from keras import ops

from models.tensor import Tensor
from pipeline.batches.shares import FILLED

AXIS = "batch"
# Seeds of two devices are apart by a multiple of it: 2^32 divided by the golden ratio (Knuth 6.4).
APART = 0x9E3779B9
EVERYWHERE, BY_ROW = PartitionSpec(), PartitionSpec(AXIS)


def use_devices(model: keras.Model, devices: list[jax.Device]) -> "DataParallel":
    """Have the compiled model, whose loss is a mean by sample weights, train on these devices, those of all processes.

    Its optimizer is one of models/backends/adam.py. Each process draws the rows of its own devices, as many for each;
    those with the sample weight FILLED are of no batch. The training step is the one that the model has now.
    """
    found = DataParallel(model, devices)
    model.train_function = found
    return found


class DataParallel:
    """The training function of a model as Keras calls it: a state and batches to the logs and the new state."""

    def __init__(self, model: keras.Model, devices: list[jax.Device]):
        self.model = model
        mesh = Mesh(np.array(devices), (AXIS,))
        self.own = [device for device in devices if device.process_index == jax.process_index()]
        self.everywhere, self.by_row = NamedSharding(mesh, EVERYWHERE), NamedSharding(mesh, BY_ROW)
        specification: dict[str, Any] = {
            "in_specs": (EVERYWHERE, BY_ROW), "out_specs": (EVERYWHERE, EVERYWHERE)
        }  # fmt: skip
        # What is the same everywhere is so by how it is computed; JAX could not tell it of the native kernels.
        sharded = jax.shard_map(self._step, mesh=mesh, **specification, check_vma=False)
        self.program = jax.jit(sharded, donate_argnums=0)
        # The state as all devices have it, and as it was given out.
        self._state: Any = None
        self._given: Any = None

    def __call__(self, state: tuple, batches: Iterator) -> tuple[dict, tuple]:
        """Train on the next batch; return the logs and the new state, as arrays of this process's first device."""
        data = jax.tree.map(self._place, next(batches))
        # After a validation, say, Keras comes with the weights of its variables.
        spread = self._state if state is self._given else jax.tree.map(self._spread, state)
        logs, self._state = self.program(spread, data)
        self._given = jax.tree.map(self._take, self._state)
        return jax.tree.map(self._take, logs), self._given

    def _place(self, rows: Any) -> jax.Array:
        """Return the rows of a batch that this process has drawn, on its devices, as part of the whole batch."""
        return jax.make_array_from_process_local_data(self.by_row, rows)

    def _spread(self, value: Any) -> jax.Array:
        """Return an array with a copy on each device; other processes have theirs."""
        copies = [jax.device_put(value, device) for device in self.own]
        return jax.make_array_from_single_device_arrays(copies[0].shape, self.everywhere, copies)

    def _take(self, value: jax.Array) -> jax.Array:
        return value.addressable_data(0)

    def _step(self, state: tuple, data: tuple) -> tuple[dict, tuple]:
        """Do the step of one device: that of the model, with the gradient and the loss of the whole batch."""
        trainable, fixed, optimizer_variables, metrics = state
        inputs, wanted, weights = keras.utils.unpack_x_y_sample_weight(data)
        filled = jnp.any((weights == FILLED).reshape(len(weights), -1), axis=1)
        weights, rows = jnp.maximum(weights, 0), jnp.sum(~filled).astype("float32")
        weight = jnp.sum(weights.astype("float32"))
        seeded = [shift_seed(value) if is_seed(value) else value for value in fixed]
        # From nothing, so that what is measured is the loss of these rows alone.
        empty = [jnp.zeros_like(value) for value in metrics]
        with self.model.optimizer.exchanging(lambda gradients: average(gradients, weight)):
            _, (trainable, after, optimizer_variables, (total, count)) = self.model.train_step(
                (trainable, seeded, optimizer_variables, empty), (inputs, wanted, weights)
            )
        sums = lax.psum(jnp.stack([ops.divide_no_nan(total, count) * weight, weight, rows]), AXIS)
        mean = next(metric for metric in self.model.metrics if metric.name == "loss")
        loss = ops.divide_no_nan(sums[0], sums[1])
        metrics = mean.stateless_update_state(metrics, loss, sample_weight=sums[2])
        fixed = [unite(*values) for values in zip(fixed, seeded, after, strict=True)]
        return {"loss": mean.stateless_result(metrics)}, (trainable, fixed, optimizer_variables, metrics)


def average(gradients: Sequence[Tensor], weight: Tensor) -> list[Tensor]:
    """Return the mean of the gradients of all devices by their weights, in one exchange."""
    flat = jnp.concatenate([*(jnp.ravel(one).astype("float32") * weight for one in gradients), weight[None]])
    *found, total = jnp.split(lax.psum(flat, AXIS), np.cumsum([one.size for one in gradients]))
    whole = [part.reshape(one.shape).astype(one.dtype) for part, one in zip(found, gradients, strict=True)]
    return [ops.divide_no_nan(one, total[0].astype(one.dtype)) for one in whole]


def is_seed(value: Tensor) -> bool:
    """Return whether a variable that is not trained is the state of a generator of random numbers."""
    return bool(jnp.issubdtype(value.dtype, jnp.unsignedinteger))


def shift_seed(seed: Tensor) -> Tensor:
    """Return the state of a generator as this device has it; on the first device, as it is."""
    return seed + (lax.axis_index(AXIS).astype(seed.dtype) * np.array([APART, 0], seed.dtype))


def unite(before: Tensor, given: Tensor, after: Tensor) -> Tensor:
    """Return a variable that is not trained after a step, the same on all devices. given: to the step."""
    if after is given:
        return before
    if is_seed(before):
        return before + (after - given)
    if jnp.issubdtype(before.dtype, jnp.floating):
        # Statistics of the rows of each; what has not changed stays as it is, to the bit.
        return before + lax.pmean(after - given, AXIS)
    return after
