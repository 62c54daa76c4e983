"""From padded arrays to vectors: the first layers of every model that reads text."""

from typing import Any

import keras
from keras import layers, ops

from models.recurrent import unroll


@keras.saving.register_keras_serializable("unrolled")
class OneHot(layers.Layer):
    """Each word number as a vector with a single 1: (batch, time) -> (batch, time, size).

    What a recurrent cell makes of it is the row of its input kernel that belongs to the word, so this is an embedding
    whose rows are the input kernel.
    """

    def __init__(self, size: int, **options: Any):
        super().__init__(**options)
        self.size = size

    def call(self, numbers: Any) -> Any:
        return ops.one_hot(numbers, self.size, dtype=self.compute_dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("unrolled")
class Forget(layers.Layer):
    """In training, make some words unknown, so that the model learns what to make of a word it has never seen.

    rate: the share of the words of (batch, time) that become number 1, which stands for unknown words.
    """

    def __init__(self, rate: float, **options: Any):
        super().__init__(**options)
        self.rate = rate
        self.generator = keras.random.SeedGenerator()

    def call(self, numbers: Any, training: bool = False) -> Any:
        if not training:
            return numbers
        forgotten = keras.random.uniform(ops.shape(numbers), seed=self.generator) < self.rate
        return ops.where(forgotten, ops.ones_like(numbers), numbers)

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate}


def declare(arrays: dict[str, Any]) -> dict[str, Any]:
    """Return a Keras input for each array of a field, and for their mask if one of them has a time axis."""
    inputs = {name: keras.Input(array.shape, dtype=array.dtype, name=name) for name, array in arrays.items()}
    if any(array.timed for array in arrays.values()):
        inputs["mask"] = keras.Input((None,), dtype="bool", name="mask")
    return inputs


def read(input_field: Any, options: Any) -> tuple[dict[str, Any], Any]:
    """Return the Keras inputs of a sequence, and the hidden states of recurrent layers at every step of it."""
    inputs = declare(input_field.arrays)
    states = unroll(
        embed(inputs, input_field.arrays, options),
        inputs["mask"],
        options.cell,
        options.units,
        options.layers,
        options.bidirectional,
        options.dropout,
        options.chrono,
        options.max_length,
    )
    return inputs, states


def embed(inputs: dict[str, Any], arrays: dict[str, Any], options: Any) -> Any:
    """Return a vector a step, (batch, time, features): the words', and their spelling's beside it if there is one.

    Measurements, "values", are such vectors already.
    """
    if "values" in arrays:
        return inputs["values"]
    words = arrays["words"].size
    numbers = inputs["words"]
    if options.word_dropout:
        numbers = Forget(options.word_dropout, name="forget")(numbers)
    if options.embedding == "onehot":
        vectors = OneHot(words, name="one_hot")(numbers)
    else:
        vectors = layers.Embedding(words, options.embedding_size, name="embedding")(numbers)
    if "characters" in inputs:
        spelling = spell(inputs["characters"], arrays["characters"].size)
        vectors = layers.Concatenate()([vectors, spelling])
    return layers.Dropout(options.dropout)(vectors) if options.dropout else vectors


def spell(characters: Any, size: int, features: int = 32, filters: int = 64, width: int = 3) -> Any:
    """Return one vector a word from its characters: the maximum over the word of a convolution (Ma and Hovy 2016).

    characters: (batch, time, characters a word). Returns (batch, time, filters).
    """
    vectors = layers.Embedding(size, features, name="character_embedding")(characters)
    vectors = layers.Conv2D(filters, (1, width), padding="same", name="character_convolution")(vectors)
    return ops.tanh(ops.max(vectors, axis=2))
