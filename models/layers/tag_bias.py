"""A bias of one tag: how much surer than of it a tagger must be of any other, in decoding."""

from collections.abc import Iterator, Sequence

import keras
from keras import layers, ops

from models.family import FITTED
from models.saving import saved_as
from models.tensor import LayerArgument, Tensor


@saved_as("KeepBias")
class TagBias(layers.Layer):
    """Logits, (..., tags), with that of one tag higher by a bias.

    fits: it keeps a second bias beside, `fitted`, which it does not add: that of decoding, found on examples that
    validate. tag: its number.
    """

    def __init__(self, bias: float, fits: bool = False, tag: int = 0, **options: LayerArgument):
        super().__init__(**{"dtype": "float32"} | options)
        self.bias, self.fits, self.tag = bias, fits, tag

    def build(self, shape: tuple) -> None:
        if self.fits:
            self.fitted = self.add_weight((), "zeros", trainable=False, name=FITTED)

    def call(self, logits: Tensor) -> Tensor:
        return logits + self.bias * ops.one_hot(self.tag, logits.shape[-1], dtype="float32")

    def get_config(self) -> dict:
        return {**super().get_config(), "bias": self.bias, "fits": self.fits, "tag": self.tag}


class FittedBias(layers.Layer):
    """Likewise, by the bias that other layers keep; by their mean. keepers: each a TagBias that fits, of one tag."""

    def __init__(self, keepers: Sequence[TagBias], **options: LayerArgument):
        super().__init__(**{"dtype": "float32"} | options)
        self.keepers = list(keepers)

    def call(self, logits: Tensor) -> Tensor:
        biases = [ops.convert_to_tensor(keeper.fitted) for keeper in self.keepers]
        return logits + sum(biases) / len(biases) * ops.one_hot(self.keepers[0].tag, logits.shape[-1], dtype="float32")


def find_keepers(model: keras.Model) -> Iterator[TagBias]:
    """Yield the layers that keep a bias of decoding: that of a model, or those of the models that it is made of."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from find_keepers(layer)
        elif isinstance(layer, TagBias) and layer.fits:
            yield layer


def add_bias(model: keras.Model, scores: Tensor, bias: float | None, tag: int) -> Tensor:
    """Return the scores of tags, (..., tags), of a model with a bias for one of them; None: that fitted, if one was."""
    if bias is not None:
        return TagBias(bias, tag=tag)(scores)
    keepers = list(find_keepers(model))
    return FittedBias(keepers)(scores) if keepers else scores
