"""Pretraining: a language model out of the first layers of a classifier, which learns before the classifier does.

"Semi-supervised Sequence Learning" (Dai and Le 2015, section 2): what foresees the words of a text has learned what to
remember of it. The embedding and the first recurrent layer of each direction are the classifier's own: the forward one
foresees the next word, the backward one that before.
"""

from typing import TYPE_CHECKING

import keras
from keras import layers, ops

from models.cells import CELLS
from models.layers.sampled_softmax import SampledSoftmax
from models.recurrent import Reverse
from models.tensor import LayerArgument, Tensor
from pipeline.errors import BadInput
from pipeline.fields.vocabulary import READ

if TYPE_CHECKING:
    from pipeline.option import Options


def list_layers(model: keras.Model, options: "Options") -> list[layers.Layer]:
    """Return the first recurrent layers of a classifier, of each direction; BadInput where they foresee no words."""
    known = {layer.name: layer for layer in model.layers}
    names = [f"{options.cell}_0_forward", f"{options.cell}_0_backward"][: 1 + options.bidirectional]
    if not {"embedding", *names} <= known.keys() or not CELLS[options.cell].writes:
        raise BadInput(
            f"--pretrain {options.pretrain}: a language model needs words that are read as vectors, step by step; "
            "leave the option out"
        )
    return [known[name] for name in names]


def build(model: keras.Model, options: "Options") -> keras.Model:
    """Return a language model from a classifier's inputs to its loss in nats, with the classifier's own first layers.

    Raises BadInput as `list_layers` does.
    """
    first, embedding = list_layers(model, options), model.get_layer("embedding")
    words, mask = model.input["words"], model.input["mask"]
    losses, asked = [], []
    for layer in first:
        states, backward = layer.output, layer.name.endswith("backward")
        neighbours, there = Neighbours(before=backward, name=f"{layer.name}_neighbours")(words, mask)
        softmax = SampledSoftmax(embedding, len(READ), dtype=layer.dtype_policy, name=f"{layer.name}_softmax")
        losses.append(softmax(Reverse()(states, mask) if backward else states, neighbours, there))
        asked.append(there)
    return keras.Model(model.input, MeanLoss(name="mean", dtype="float32")(losses, asked), name="pretraining")


class Neighbours(layers.Layer):
    """The word after each word of (batch, time), or before it; and whether there is one that the vocabulary has."""

    def __init__(self, before: bool, **options: LayerArgument):
        super().__init__(**options)
        self.before = before

    def call(self, words: Tensor, mask_in: Tensor) -> tuple[Tensor, Tensor]:
        """Return (batch, time) of int32, and of bool."""
        known = ops.cast(ops.logical_and(mask_in, words >= len(READ)), "int32")
        found, there = (
            ops.pad(one[:, :-1], ((0, 0), (1, 0))) if self.before else ops.pad(one[:, 1:], ((0, 0), (0, 1)))
            for one in (words, known)
        )
        return found, ops.logical_and(mask_in, there > 0)


class MeanLoss(layers.Layer):
    """The mean of the losses of all steps, of which the model learns."""

    def call(self, losses: list[Tensor], asked: list[Tensor]) -> Tensor:
        """Return (1,). losses, asked: of each direction, (batch, time), and whether a step counts."""
        count = sum(ops.sum(ops.cast(one, "float32")) for one in asked)
        mean = sum(ops.sum(one) for one in losses) / ops.maximum(count, 1.0)
        self.add_loss(mean)
        return ops.reshape(mean, (1,))
