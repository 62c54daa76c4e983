"""Forecaster: many to one, or to many. A window of a time series in, the next values out, as quantiles or a mean.

What the layers compute is by how much a forecast is off the seasonal naive one, in units of the window's own seasonal
differences: a series of any level and size looks alike to them.

    --decoding direct            all steps at once, each from the last hidden state and what is known of that step
    --decoding autoregressive    step by step, each from the hidden state and the median of the step before
"""

from typing import TYPE_CHECKING

import keras
from keras import layers, ops

from models.cells import CELLS
from models.layers.carry import Carry
from models.layers.dropout import Dropout
from models.layers.embedding import encode_sequence, make_inputs
from models.layers.forecasting import FeedbackCell, PinballLoss, Quantiles, ScaledSquaredError, Unscale
from models.layers.pooling import make_pool
from models.tensor import Tensor
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from models.family import ForecastField, InputField
    from pipeline.option import Options


def build(input_field: "InputField", output_field: "ForecastField", options: "Options") -> keras.Model:
    """Return a model from a window's arrays to (batch, horizon, quantiles), or (batch, horizon, 1) of a mean."""
    if "continues" in input_field.arrays:
        inputs, states = carry_states(input_field, options)
    else:
        inputs, states = encode_sequence(input_field, options)
    context = make_pool(options.pooling, options.bidirectional)(states, inputs["mask"])
    if options.dropout:
        context = Dropout(options.dropout)(context)
    future = inputs["future"]
    horizon = future.shape[1]
    if options.decoding == "autoregressive":
        if not CELLS[options.cell].writes:
            raise BadInput(
                f"--decoding autoregressive: the cell {options.cell!r} has no state to go on from; give "
                "another --cell, or "
                "--decoding direct"
            )
        cell = FeedbackCell(options.cell, options.units, len(output_field.levels))
        # Nothing is written yet: the forecast before the first is the anchor, off by 0.
        first = [ops.zeros_like(future[:, 0, :1])]
        first += [layers.Dense(size, "tanh", name=f"bridge_{n}")(context) for n, size in enumerate(cell.state_size[1:])]
        found = layers.RNN(cell, return_sequences=True, name="decoder")(future, initial_state=first)
    else:
        together = layers.Concatenate()([layers.RepeatVector(horizon)(context), future])
        hidden = layers.Dense(options.units, "relu", name="hidden")(together)
        # What is known of a step goes past the hidden layer too: much of a forecast is linear in it.
        joined = layers.Concatenate()([hidden, future])
        found = layers.Dense(max(1, len(output_field.levels)), dtype="float32", name="logits")(joined)
    if output_field.levels:
        found = Quantiles(output_field.levels, name="quantiles")(found)
    answer = Unscale(name="unscale")(found, inputs["anchor"], inputs["spread"])
    return keras.Model(inputs, answer, name="forecaster")


def carry_states(input_field: "InputField", options: "Options") -> tuple[dict[str, Tensor], Tensor]:
    """Return the Keras inputs, and the hidden states at every step, as `encode_sequence`; where a window continues
    another, the first of them are those that the batch before has left.
    """
    if not CELLS[options.cell].writes or options.bidirectional:
        raise BadInput(
            "--carry: a state can be carried on by a cell that has one, in one direction; see --cell, --bidirectional"
        )
    inputs = make_inputs(input_field.arrays)
    states = inputs["values"]
    make = CELLS[options.cell].configure(options)
    for number in range(options.layers):
        if number and options.dropout:
            states = Dropout(options.dropout)(states)
        layer = make(options.units, return_sequences=True, name=f"{options.cell}_{number}")
        carried = Carry(layer, options.batch_size, name=f"{options.cell}_{number}_forward")
        states = carried(states, inputs["mask"], inputs["continues"])
    return inputs, states


def loss(output_field: "ForecastField", options: "Options") -> keras.losses.Loss:
    """Return the pinball loss of quantiles, or the squared error of a mean, each in the unit of MASE."""
    return PinballLoss(output_field.levels) if output_field.levels else ScaledSquaredError()


def decode(model: keras.Model, output_field: "ForecastField", options: "Options") -> keras.Model:
    """Return a model from the same arrays to {"output": (batch, horizon, quantiles)}, in the units of the series."""
    return keras.Model(model.input, {"output": ops.copy(model.output)})
