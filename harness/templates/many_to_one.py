"""NAME: a text in, a label out. Train it: python run.py train NAME --include PATH"""

import random
from dataclasses import dataclass

from models.families import CLASSIFIER
from pipeline import metrics
from pipeline.example import Example, Splits
from pipeline.fields import Label, Text
from pipeline.option import Configured, Options, option
from pipeline.readers.tabular import tables
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task


@dataclass
class Own:
    # CHANGE: options of this task alone, which `run.py train NAME --help` shows, and every run keeps.
    examples: int = option(2000, "Opinions to generate.", low=30)


def generate(options: Options) -> Splits:
    # CHANGE: return your own examples. An Example is an input (here a text) and the output to learn (here a label).
    # Leave out "validation" or "test", and they are taken from "train".
    chooser = random.Random(0)
    examples = []
    for _ in range(options.examples):
        thing, denial = chooser.choice(["film", "book", "play", "song"]), chooser.choice(["", "not "])
        word, good = chooser.choice([("good", True), ("great", True), ("bad", False), ("dull", False)])
        text = f"{chooser.choice(['I think', 'they said', 'it seems'])} the {thing} was {denial}{word}"
        examples.append(Example(text, "positive" if good != bool(denial) else "negative"))
    tenth = options.examples // 10
    return {"train": examples[2 * tenth :], "validation": examples[:tenth], "test": examples[tenth : 2 * tenth]}


TASK = Task(
    name="NAME",
    # CHANGE: one line for `run.py list`.
    summary="Is an opinion positive, with or without a not?",
    shape="many-to-one",
    # CHANGE: the first source is the default; `--data` names another.
    sources={"generated": Source("2,000 generated opinions", "none needed", generate)},
    # CHANGE: for your own CSV, TSV or JSONL by `--data PATH`: the columns' names. To predict a number, not a label:
    # partial(tables.read, number=True), Number() as the output, metrics.errors, monitor="mae", lower_is_better=True.
    reader=Reader(tables.read, "CSV, TSV, JSONL", "labelled"),
    columns=Columns(input=("text",), output=("label",)),
    input=Configured(Text),
    output=Configured(Label),
    family=CLASSIFIER,
    # CHANGE: (references, predictions) -> named scores, and the one that picks the best epoch.
    metrics=metrics.accuracy,
    monitor="accuracy",
    own=Own,
    # CHANGE: defaults of this task; `run.py show NAME` lists all of them.
    options={"pooling": "last", "units": 32, "epochs": 5},
)
