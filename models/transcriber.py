"""Transcriber: many to many, unequal length, the output in the order of the input. Sound frames in, a text out."""

from typing import TYPE_CHECKING

import keras
from keras import layers

from models.decoding.ctc import CTC, CertainBlank, CTCDecoder
from models.decoding.fusion import Fusion
from models.family import count_values
from models.layers.dropout import Dropout
from models.layers.embedding import make_inputs
from models.layers.random_changes import SpecAugment, VocalTractPerturbation
from models.layers.subsample import Subsample
from models.recurrent import stack_by_options
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from models.family import InputField, TranscriptField
    from pipeline.option import Options


def build(input_field: "InputField", output_field: "TranscriptField", options: "Options") -> keras.Model:
    """Return a model from a recording's frames to logits, (batch, steps, symbols), the blank certain on the padding.

    options.downsample: frames per step, 1, 2 or 4. options.vocal_tract_perturbation, options.spec_augment: see
    models/layers/random_changes.py.
    """
    inputs = make_inputs(input_field.arrays)
    states, mask = inputs["frames"], inputs["mask"]
    if options.vocal_tract_perturbation:
        states = VocalTractPerturbation(options.vocal_tract_perturbation, name="stretch")(states)
    if options.spec_augment:
        states = SpecAugment(options.spec_augment, name="hide")(states, mask)
    for number in range(options.downsample.bit_length() - 1):
        states, mask = Subsample(options.units, name=f"halve_{number}")(states, mask)
    states = stack_by_options(states, mask, options)
    if options.dropout:
        states = Dropout(options.dropout)(states)
    output = output_field.arrays["output"]
    logits = layers.Dense(count_values(output), dtype="float32", name="logits")(states)
    certain = CertainBlank(output_field.blank, padding=output.padding, dtype="float32", name="certain_blank")
    return keras.Model(inputs, certain(logits, mask), name="transcriber")


def loss(output_field: "TranscriptField", options: "Options") -> keras.losses.Loss:
    """Return the CTC loss of each transcript, averaged over them."""
    return CTC(output_field.blank, padding=output_field.arrays["output"].padding)


def decode(model: keras.Model, output_field: "TranscriptField", options: "Options") -> keras.Model:
    """Return a model to {"output": (batch, steps)}: the symbols that are spelt, padding where there is none.

    options.beam: hypotheses side by side, which it gives too; None or 1: the likeliest symbol of each step.
    options.language_model_weight, options.word_bonus: see models/decoding/fusion.py; with these, a beam of 1 is a
    search too.
    """
    fusion = fuse(output_field, options)
    beam = options.beam or 1
    width = beam if fusion or beam > 1 else None
    spell = CTCDecoder(output_field.blank, padding=output_field.arrays["output"].padding, width=width, fusion=fusion)
    return keras.Model(model.input, spell(model.output))


def fuse(output_field: "TranscriptField", options: "Options") -> Fusion | None:
    """Return what a language model adds in the beam; None where it does not count.

    Raises BadInput where it should, and nothing was counted when the run was trained.
    """
    if not (options.language_model_weight or options.word_bonus):
        return None
    if (automaton := output_field.language_model) is None:
        raise BadInput(
            "--language-model-weight, --word-bonus: no n-grams were counted in the training transcripts; train with "
            "--language-model-order, such as 4"
        )
    return Fusion.of_automaton(
        automaton,
        end=output_field.arrays["output"].padding,
        separators=output_field.separators,
        weight=options.language_model_weight,
        bonus=options.word_bonus,
    )
