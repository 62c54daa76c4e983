"""NAME: a sequence in, another of any length out. Train it: python run.py train NAME --include PATH"""

import random

from pipeline import metrics
from pipeline.example import Example, Splits
from pipeline.fields import Text
from pipeline.fields.source_target import Writing
from tasks.task import Source, Task


def generate(options) -> Splits:
    # CHANGE: return your own examples. An Example is an input and the output to learn (here two texts, read and written
    # character by character). Leave out "validation" or "test", and they are taken from "train".
    chooser = random.Random(0)
    words = ["".join(chooser.choices("aeioubcdfg", k=chooser.randint(2, 5))) for _ in range(6000)]
    examples = [Example(word, "".join(letter for letter in word if letter not in "aeiou")) for word in words]
    return {"train": examples[400:], "validation": examples[:200], "test": examples[200:400]}


TASK = Task(
    name="NAME",
    # CHANGE: one line for `run.py list`.
    summary="What is left of a word without its vowels?",
    shape="many-to-many-unequal",
    # CHANGE: the first source is the default; `--data` names another.
    sources={"generated": Source("6,000 generated words", "none needed", generate)},
    input=lambda options: Text(options.vocabulary, options.max_length, unit="character"),
    output=lambda options: Writing(),
    model="models.encoder_decoder",
    # CHANGE: (references, predictions) -> named scores, and the one that picks the best epoch.
    metrics=metrics.exact,
    monitor="exact_match",
    # CHANGE: defaults of this task; `run.py show NAME` lists all of them.
    options={"attention": "luong", "beam": 1, "units": 96, "embedding_size": 32, "dropout": 0.1, "epochs": 10},
)
