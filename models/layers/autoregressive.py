"""What every family that writes a sequence shares: a decoder behind whatever has read its input.

A family gives the layers that the decoder starts from their names: "context", (batch, features), and, for attention,
"memory", (batch, positions, features). See models/layers/decoder.py.
"""

from typing import TYPE_CHECKING

import keras
from keras import ops

from models.cells import CELLS
from models.decoding.ensemble import list_read
from models.decoding.search import Beam, Greedy, Search
from models.family import count_values
from models.layers.decoder import Decoder
from models.layers.word_dropout import WordDropout
from models.tensor import Tensor
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from models.family import AutoregressiveField
    from pipeline.option import Options


def make_decoder(
    output_field: "AutoregressiveField",
    options: "Options",
    *,
    attention: str = "none",
    merge: bool = False,
    input_feeding: bool = False,
) -> Decoder:
    """Return a decoder. attention, merge, input_feeding: see models/layers/decoder.py.

    options.cell, its own options, units, layers, block, embedding_size, tie_embeddings, scheduled_sampling, dropout,
    locked_dropout: those of the decoder.
    """
    return Decoder(
        count_values(output_field.arrays["output"]),
        options.cell,
        units=options.units,
        depth=options.layers,
        features=options.embedding_size,
        dropout=options.dropout,
        locked=options.locked_dropout,
        attention=attention,
        merge=merge,
        block=options.block,
        tied=options.tie_embeddings,
        scheduled_sampling=options.scheduled_sampling,
        input_feeding=input_feeding,
        cell_options=CELLS[options.cell].read_options(options),
        name="decoder",
    )


def attach_decoder(
    decoder: Decoder,
    inputs: dict[str, Tensor],
    context: Tensor,
    *,
    output_field: "AutoregressiveField",
    options: "Options",
    name: str,
    encoder_states: Tensor | None = None,
) -> keras.Model:
    """Return a model from the inputs and "previous", (batch, time), to logits, (batch, time, symbols).

    context: (batch, features). encoder_states: (batch, positions, features), for attention; "mask" among the inputs is
    theirs. name: of the model.

    options.word_dropout: a decoder that is not always told what it has written must look at its input instead (Bowman
    et al. 2016, section 3.1).
    """
    previous = keras.Input((None,), dtype="int32", name="previous")
    known = previous
    if options.word_dropout:
        unknown = output_field.arrays["output"].unknown
        known = WordDropout(options.word_dropout, unknown=unknown, name="forget_written")(previous)
    logits = decoder(known, context, encoder_states, None if encoder_states is None else inputs.get("mask"))
    return keras.Model({**inputs, "previous": previous}, logits, name=name)


def decode(
    model: keras.Model,
    output_field: "AutoregressiveField",
    *,
    longest: int,
    beam: int | None = None,
    length_penalty: float = 1.0,
    coverage_penalty: float = 0.0,
) -> keras.Model:
    """Return a model from the inputs to "output", (batch, longest), and its "probability", (batch,).

    With attention also to "attention", (batch, longest, positions): the positions of an image are those of its grid,
    row by row. With a beam also to its "hypotheses", (batch, beam, longest), the best first, and their
    "log_probabilities" and "scores", (batch, beam). longest: most symbols to write. beam: hypotheses side by side; None
    or 1: greedy decoding. length_penalty, coverage_penalty: how these are ranked; see models/decoding/search.py.
    BadInput for a coverage without attention.
    """
    decoder, context = model.get_layer("decoder"), model.get_layer("context").output
    if coverage_penalty and not decoder.attend:
        raise BadInput(
            f"--coverage-penalty {coverage_penalty:g}: it is measured by the attention, and this model has none; leave "
            "it out, or train with --attention luong"
        )
    encoder_states = model.get_layer("memory").output if decoder.attend else None
    inputs = list_read(model)
    padding = output_field.arrays["output"].padding
    given = {"start": output_field.start, "end": output_field.end, "padding": padding, "longest": longest}
    search: Search = Greedy(decoder, **given)
    if beam and beam > 1:
        search = Beam(decoder, **given, width=beam, length_penalty=length_penalty, coverage_penalty=coverage_penalty)
    found = search(context, encoder_states, None if encoder_states is None else inputs.get("mask"))
    found["probability"] = ops.exp(found.pop("log_probability"))
    return keras.Model(inputs, found)
