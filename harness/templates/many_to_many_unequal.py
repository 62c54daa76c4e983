"""NAME: a sequence in, another of any length out. Train it: python run.py train NAME --include PATH"""

import random
from dataclasses import dataclass

from models.families import ENCODER_DECODER
from pipeline import metrics
from pipeline.example import Example, Splits
from pipeline.fields import TargetText, Text
from pipeline.option import Configured, Options, option
from tasks.task import Source, Task


@dataclass
class Own:
    # CHANGE: options of this task alone, which `run.py train NAME --help` shows, and every run keeps.
    examples: int = option(6000, "Words to generate.", low=30)


def generate(options: Options) -> Splits:
    # CHANGE: return your own examples. An Example is an input and the output to learn (here two texts, read and written
    # character by character). Leave out "validation" or "test", and they are taken from "train".
    chooser = random.Random(0)
    words = ["".join(chooser.choices("aeioubcdfg", k=chooser.randint(2, 5))) for _ in range(options.examples)]
    examples = [Example(word, "".join(letter for letter in word if letter not in "aeiou")) for word in words]
    tenth = options.examples // 10
    return {"train": examples[2 * tenth :], "validation": examples[:tenth], "test": examples[tenth : 2 * tenth]}


TASK = Task(
    name="NAME",
    # CHANGE: one line for `run.py list`.
    summary="What is left of a word without its vowels?",
    shape="many-to-many-unequal",
    # CHANGE: the first source is the default; `--data` names another.
    sources={"generated": Source("6,000 generated words", "none needed", generate)},
    input=Configured(Text, unit="character"),
    output=Configured(TargetText, unit="character", lowercase=False),
    family=ENCODER_DECODER,
    # CHANGE: (references, predictions) -> named scores, and the one that picks the best epoch.
    metrics=metrics.exact,
    monitor="exact_match",
    own=Own,
    # CHANGE: defaults of this task; `run.py show NAME` lists all of them.
    options={"attention": "luong", "beam": 1, "units": 96, "embedding_size": 32, "dropout": 0.1, "epochs": 10},
)
