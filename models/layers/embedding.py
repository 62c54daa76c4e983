"""From padded arrays to vectors to hidden states: the first layers of every model that reads a sequence."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import keras
from keras import layers, ops

from models.family import count_values
from models.layers.locked_dropout import drop
from models.layers.mean_embedding import MeanEmbedding
from models.layers.word_dropout import WordDropout
from models.recurrent import stack_by_options
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from models.family import Array, InputField
    from pipeline.option import Options

# Length of the vector of one feature of a word, and of that of several.
FEATURE_SIZE, AFFIX_SIZE = 16, 32


@keras.saving.register_keras_serializable(PACKAGE)
class OneHot(layers.Layer):
    """Each word number as a vector with a single 1: (batch, time) -> (batch, time, size).

    What a recurrent cell makes of it is the row of its input kernel that belongs to the word, so this is an embedding
    whose rows are the input kernel.
    """

    def __init__(self, size: int, **options: LayerArgument):
        super().__init__(**options)
        self.size = size

    def call(self, numbers: Tensor) -> Tensor:
        return ops.one_hot(numbers, self.size, dtype=self.compute_dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size}


def make_inputs(arrays: "Mapping[str, Array]") -> dict[str, Tensor]:
    """Return a Keras input for each array of a field, and for their mask if one of them has a time axis."""
    inputs = {name: keras.Input(array.shape, dtype=array.dtype, name=name) for name, array in arrays.items()}
    if any(array.timed for array in arrays.values()):
        inputs["mask"] = keras.Input((None,), dtype="bool", name="mask")
    return inputs


def encode_sequence(
    input_field: "InputField", options: "Options", table: layers.Layer | None = None
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the Keras inputs of a sequence, and the hidden states of recurrent layers at every step of it.

    The states: (batch, time, units), or (batch, time, 2 units) with options.bidirectional. table: see `embed`.
    """
    inputs = make_inputs(input_field.arrays)
    states = stack_by_options(embed(inputs, input_field.arrays, options, table=table), inputs["mask"], options)
    return inputs, states


def embed(
    inputs: dict[str, Tensor], arrays: "Mapping[str, Array]", options: "Options", *, table: layers.Layer | None = None
) -> Tensor:
    """Return one vector per step, (batch, time, features): a word's, beside it that of its spelling if there is one.

    Beside these are those of whatever else is known of a word: (batch, time) of ids, or (batch, time, several), of
    whose vectors the mean is taken. Measurements, "values", are such vectors already. table: gives the vectors of
    words, in place of an embedding of their own. BadInput for options that need one.
    """
    if "values" in arrays:
        return inputs["values"]
    words, numbers = arrays["words"], inputs["words"]
    if options.word_dropout:
        numbers = WordDropout(options.word_dropout, unknown=words.unknown, name="forget")(numbers)
    if table:
        if options.embedding == "onehot" or options.vectors:
            flag = f"--vectors {options.vectors}" if options.vectors else "--embedding onehot"
            raise BadInput(f"{flag}: with --tie-embeddings both sides have the vectors that are learned; leave one out")
        vectors = table(numbers)
    elif options.embedding == "onehot":
        vectors = OneHot(count_values(words), name="one_hot")(numbers)
    else:
        frozen = options.freeze_vectors
        vectors = layers.Embedding(count_values(words), options.embedding_size, trainable=not frozen, name="embedding")(
            numbers
        )
    beside = []
    if "characters" in inputs:
        beside.append(embed_spelling(inputs["characters"], count_values(arrays["characters"])))
    features = [name for name in arrays if name not in ("words", "characters")]
    beside += [embed_feature(inputs[name], count_values(arrays[name]), name=name) for name in features]
    if beside:
        vectors = layers.Concatenate()([vectors, *beside])
    return drop(vectors, options)


def embed_spelling(characters: Tensor, size: int, *, features: int = 32, filters: int = 64, width: int = 3) -> Tensor:
    """Return one vector per word from its characters: the maximum over the word of a convolution (Ma and Hovy 2016).

    characters: (batch, time, characters of a word). Returns (batch, time, filters).
    """
    vectors = layers.Embedding(size, features, name="character_embedding")(characters)
    vectors = layers.Conv2D(filters, (1, width), padding="same", name="character_convolution")(vectors)
    return ops.tanh(ops.max(vectors, axis=2))


def embed_feature(ids: Tensor, size: int, *, name: str) -> Tensor:
    """Return one vector per word of what else is known of it. ids: (batch, time), or (batch, time, several)."""
    if len(ids.shape) == 2:
        return layers.Embedding(size, FEATURE_SIZE, name=f"{name}_embedding")(ids)
    return MeanEmbedding(size, AFFIX_SIZE, name=f"{name}_embedding")(ids)
