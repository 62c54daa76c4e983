"""From padded arrays to vectors: the first layers of every model that reads text."""

from typing import Any

import keras
from keras import layers, ops


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


def declare(arrays: dict[str, Any]) -> dict[str, Any]:
    """Return a Keras input for each array of a field, and for their mask."""
    inputs = {name: keras.Input(array.shape, dtype=array.dtype, name=name) for name, array in arrays.items()}
    return inputs | {"mask": keras.Input((None,), dtype="bool", name="mask")}


def embed(inputs: dict[str, Any], arrays: dict[str, Any], options: Any) -> Any:
    """Return a vector a step, (batch, time, features): the words', and their spelling's beside it if there is one."""
    words = arrays["words"].size
    if options.embedding == "onehot":
        vectors = OneHot(words, name="one_hot")(inputs["words"])
    else:
        vectors = layers.Embedding(words, options.embedding_size, name="embedding")(inputs["words"])
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
