"""Language model: many to many, equal length. At each step the word that comes next."""

from typing import TYPE_CHECKING

import keras
from keras import layers

from models.cells import CELLS
from models.family import count_values
from models.layers.carry import Carry
from models.layers.embedding import make_inputs
from models.layers.locked_dropout import drop
from models.layers.losses import SmoothedCrossEntropy
from models.layers.suggestions import EndNats, SavedKeystrokes, Suggest
from models.layers.tied_embedding import Bias, TiedEmbedding
from models.layers.word_dropout import WordDropout
from pipeline.suggestions import AT_A_TIME

if TYPE_CHECKING:
    from models.family import InputField, NextWordField
    from pipeline.option import Options


def build(input_field: "InputField", output_field: "NextWordField", options: "Options") -> keras.Model:
    """Return a model from {"words": (batch, time), "continues": (batch,), "mask"} to logits, (batch, time, words).

    A row that continues goes on with the states in which the same row of the batch before was left. The vectors of the
    words are those by which the next word is told; where the hidden state is of another size, it is projected to
    theirs. The reserved symbols of the two fields are the same, and so are their words.
    """
    inputs = make_inputs(input_field.arrays)
    words, numbers = input_field.arrays["words"], inputs["words"]
    if options.word_dropout:
        numbers = WordDropout(options.word_dropout, unknown=words.unknown, name="forget")(numbers)
    table = TiedEmbedding(
        count_values(words), options.embedding_size, frequent=options.frequent_words, name="embedding"
    )
    states = table(numbers)
    make = CELLS[options.cell].configure(options)
    for number in range(options.layers):
        states = drop(states, options)
        layer = make(options.units, return_sequences=True, name=f"{options.cell}_{number}")
        carried = Carry(layer, options.batch_size, name=f"{options.cell}_{number}_forward")
        states = carried(states, inputs["mask"], inputs["continues"])
    states = drop(states, options)
    if options.units != options.embedding_size:
        states = layers.Dense(options.embedding_size, name="projection")(states)
    logits = Bias(list(output_field.counts), dtype="float32", name="logits")(table(states, tell=True))
    return keras.Model(inputs, logits, name="language_model")


def loss(output_field: "NextWordField", options: "Options") -> keras.losses.Loss:
    """Return the cross-entropy of every next word, the end of a sentence and unknown words among them."""
    return SmoothedCrossEntropy(0.0)


def decode(model: keras.Model, output_field: "NextWordField", options: "Options") -> keras.Model:
    """Return a model from the same arrays to {"output": (batch, time, shown)}: the likeliest words, the best first."""
    suggest = Suggest(output_field.reserved, output_field.shown)
    return keras.Model(model.input, {"output": suggest(model.output)})


def measures(output_field: "NextWordField") -> dict[str, keras.losses.Loss]:
    """Return what is measured of each step beside the loss: the keystrokes "saved", and the "end_nats" of ends."""
    return {
        "saved": SavedKeystrokes(output_field.symbols, reserved=output_field.reserved, shown=AT_A_TIME),
        "end_nats": EndNats(output_field.end),
    }
