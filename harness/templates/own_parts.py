"""NAME: a text in, a number out, by a field and a model family of its own.

Train it: python run.py train NAME --include PATH
"""

import random
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from models.families import LazyFamily, Recurrent
from models.recurrent import stack_layers
from pipeline import metrics
from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.fields import Array, InputField, Number
from pipeline.option import Configured, Options, option
from tasks.task import Source, Task

# CHANGE: the field, which turns an input into arrays; docs/adding_a_field_or_family.md says what else it may have.


@dataclass
class Digits(InputField[str]):
    """A row of digits -> {"digits": (time,)}. The id 0 stands for padding, so the digit d has the id d + 1."""

    base: int = option(10, "How many digits there are; of 16 the last is f.", low=2, high=36)

    @property
    def arrays(self) -> dict[str, Array]:
        return {"digits": Array((None,), "int32", self.base + 1)}

    def refuse(self, value: str) -> str | None:
        return None if value.strip() else "there is no digit in it"

    def encode(self, value: str) -> dict[str, np.ndarray]:
        try:
            return {"digits": np.array([int(digit, self.base) + 1 for digit in value], "int32")}
        except ValueError:
            raise BadInput(f"expected digits below {self.base}, got {value!r:.60}") from None

    def parse(self, text: str) -> str:
        return text.strip().lower()


# CHANGE: the model family: its options, the model, its loss, and what it answers.


@dataclass
class Adder(Recurrent):
    """Options of the family: those of the recurrent layers, and its own."""

    reduce: Literal["sum", "mean"] = option("sum", "How the numbers of all steps become one.")


def build(input_field: Digits, output_field: Number, options: Options) -> keras.Model:
    """Return a model from {"digits": (batch, time), "mask": (batch, time)} to a number, (batch, 1)."""
    digits = keras.Input((None,), dtype="int32", name="digits")
    mask = keras.Input((None,), dtype="bool", name="mask")
    size = input_field.arrays["digits"].size
    states = stack_layers(
        layers.Embedding(size, options.units, name="embedding")(digits),
        mask,
        cell=options.cell,
        units=options.units,
        depth=options.layers,
        dropout=options.dropout,
        block=options.block,
        options=options,
    )
    steps = layers.Dense(1, dtype="float32", name="logits")(states)
    real = ops.expand_dims(ops.cast(mask, "float32"), 2)
    total = ops.sum(steps * real, axis=1)
    if options.reduce == "mean":
        total = total / ops.sum(real, axis=1)
    return keras.Model({"digits": digits, "mask": mask}, total, name="adder")


def loss(output_field: Number, options: Options) -> keras.losses.Loss:
    """Return the squared error, averaged over the examples that are not padding."""
    return keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")


def decode(model: keras.Model, output_field: Number, options: Options) -> keras.Model:
    """Return a model from the same arrays to {"output": (batch,)}: what the output field decodes."""
    return keras.Model(model.input, {"output": ops.squeeze(model.output, 1)})


# CHANGE: the data and the task, as in the other templates.


def generate(options: Options) -> Splits:
    """Return 3,000 rows of 1 to 12 digits below --base, and their sums."""
    chooser = random.Random(0)
    symbols = "0123456789abcdefghijklmnopqrstuvwxyz"[: options.base]
    rows = ["".join(chooser.choices(symbols, k=chooser.randint(1, 12))) for _ in range(3000)]
    return {"train": [Example(row, float(sum(int(digit, options.base) for digit in row))) for row in rows]}


TASK = Task(
    name="NAME",
    summary="What is the sum of the digits?",
    shape="many-to-one",
    sources={"generated": Source("3,000 generated rows of digits", "none needed", generate)},
    input=Configured(Digits),
    output=Configured(Number),
    family=LazyFamily(__name__, Adder),
    metrics=metrics.errors,
    monitor="mae",
    lower_is_better=True,
    options={"units": 32, "dropout": 0.0, "learning_rate": 1e-2, "epochs": 10},
)
