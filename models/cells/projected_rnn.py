"""Layers whose inputs are multiplied for all steps at once; inside the loop is what depends on the states.

    z_t = project(x_t)                                  all steps, before the loop
    p_t = h_{t-1} U
    states_t = advance(z_t, p_t, states_{t-1})          element by element, or within one example

Keras' loop multiplies by the input kernel at every step.

Recurrent dropout (Gal and Ghahramani 2016, equation 7, weights tied): in training h_{t-1} is multiplied, before U, with
one mask for all steps of a sequence. Zoneout: see zoneout.py.
"""

from collections.abc import Sequence
from typing import ClassVar

import keras
from keras import layers, ops

from models.cells.unrolling import project_all, unroll
from models.cells.zoneout import draw_zones, mix
from models.tensor import LayerArgument, Tensor


class ProjectedCell(layers.Layer):
    """A cell of Keras' kind whose step is cut in the three parts above. The first state is the output.

    recurrent_dropout, zoneout: see above. chrono: steps that its gates begin by remembering, or None.
    gates: blocks of `units` columns of the kernels. states: how many there are. dtype_of_loop: None for that of the
    layer.
    """

    gates = 4
    states = 2
    dtype_of_loop: ClassVar[str | None] = None

    def __init__(
        self,
        units: int,
        *,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        chrono: int | None = None,
        **options: LayerArgument,
    ):
        super().__init__(**options)
        self.units, self.recurrent_dropout, self.zoneout, self.chrono = units, recurrent_dropout, zoneout, chrono
        self.output_size = units
        self.state_size = [units] * self.states
        self.generator = keras.random.SeedGenerator() if recurrent_dropout or zoneout else None

    def build(self, inputs_shape: tuple) -> None:
        wide = self.units * self.gates
        self.kernel = self.add_weight((inputs_shape[-1], wide), "glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight((self.units, wide), "orthogonal", name="recurrent_kernel")
        self.bias = self.add_weight((wide,), self.make_bias(), name="bias")
        self.vectors: list[keras.Variable] = []

    def make_bias(self) -> keras.initializers.Initializer | str:
        """Return the initializer of the biases, (gates x units,)."""
        return "zeros"

    def project(self, inputs: Tensor) -> Tensor:
        """Return what a step needs of its inputs, (..., gates x units), from (..., features)."""
        return ops.matmul(inputs, self.kernel) + self.bias

    @staticmethod
    def advance(
        projected: Tensor, product: Tensor, states: Sequence[Tensor], vectors: Sequence[Tensor]
    ) -> Sequence[Tensor]:
        """Return the states after a step, each (batch, units).

        projected: what `project` gives, (batch, gates x units). product: h_{t-1} U, of the same shape. states: those
        before the step. vectors: the values of `vectors`, the weights beside the kernels and the bias.
        """
        raise NotImplementedError

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return the output and the new states, without dropout: the layer's loop has it."""
        dtype = self.dtype_of_loop or self.compute_dtype
        before = [ops.cast(state, dtype) for state in states]
        product = ops.matmul(before[0], ops.cast(self.recurrent_kernel, dtype))
        vectors = [ops.cast(vector, dtype) for vector in self.vectors]
        new = self.advance(ops.cast(self.project(inputs), dtype), product, before, vectors)
        new = mix(before, new, self.zoneout) if self.zoneout else new
        after = [ops.cast(state, self.compute_dtype) for state in new]
        return after[0], after

    def draw_dropped(self, state: Tensor) -> Tensor | None:
        """Return what the hidden state is multiplied with before U in training, (1, batch, units); None: nothing."""
        if not self.recurrent_dropout:
            return None
        ones = ops.expand_dims(ops.ones_like(state), 0)
        return keras.random.dropout(ones, self.recurrent_dropout, seed=self.generator)

    def get_config(self) -> dict:
        names = ("units", "recurrent_dropout", "zoneout", "chrono")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class ProjectedRNN(layers.RNN):
    """A recurrent layer of a `ProjectedCell`.

    Arguments: those of the cell, and those of keras.layers.RNN; `unroll` changes nothing.
    """

    cell_class: type[ProjectedCell]

    def __init__(
        self,
        units: int,
        *,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        chrono: int | None = None,
        **options: LayerArgument,
    ):
        cell = self.cell_class(
            units,
            recurrent_dropout=recurrent_dropout,
            zoneout=zoneout,
            chrono=chrono,
            dtype=options.get("dtype"),
            name="cell",
        )
        super().__init__(cell, **options)

    def inner_loop(
        self, sequences: Tensor, initial_state: Sequence[Tensor], mask: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the last output, all outputs (batch, time, units) and the states after the last step."""
        mask, cell = mask[0] if isinstance(mask, list) else mask, self.cell
        dtype = cell.dtype_of_loop or self.compute_dtype
        sequences = ops.cast(sequences, self.compute_dtype)
        if self.go_backwards:
            sequences, mask = ops.flip(sequences, 1), None if mask is None else ops.flip(mask, 1)
        projected = ops.cast(project_all(sequences, cell.project), dtype)
        zones, shape = None, (*ops.shape(projected)[:2], cell.units)
        if cell.zoneout:
            zones = draw_zones(cell.generator, shape, cell.zoneout, count=cell.states, training=training)
        outputs, states = unroll(
            cell.advance,
            projected,
            initial=[ops.cast(state, dtype) for state in initial_state],
            kernel=ops.cast(cell.recurrent_kernel, dtype),
            vectors=[ops.cast(vector, dtype) for vector in cell.vectors],
            mask=None if mask is None else ops.expand_dims(ops.swapaxes(ops.cast(mask, "bool"), 0, 1), 2),
            dropped=cell.draw_dropped(ops.cast(initial_state[0], dtype)) if training else None,
            zones=zones,
        )
        if self.zero_output_for_mask and mask is not None:
            outputs = ops.where(ops.expand_dims(ops.cast(mask, "bool"), 2), outputs, ops.zeros_like(outputs))
        return outputs[:, -1], outputs, states

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("cell")
        names = ("units", "recurrent_dropout", "zoneout", "chrono")
        return {**config, **{name: getattr(self.cell, name) for name in names}}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "ProjectedRNN":
        return cls(**config)
