"""NAME: a category in, a sequence out. Train it: python run.py train NAME --include PATH"""

import random
from dataclasses import dataclass
from string import ascii_lowercase

from models.families import GENERATOR
from pipeline import metrics
from pipeline.example import Example, Splits
from pipeline.fields import Category, TargetText
from pipeline.option import Configured, Options, option
from tasks.task import Source, Task


@dataclass
class Own:
    # CHANGE: options of this task alone, which `run.py train NAME --help` shows, and every run keeps.
    examples: int = option(2000, "Pairs to generate.", low=30)


def generate(options: Options) -> Splits:
    # CHANGE: return your own examples. An Example is an input (here a category) and the output to learn (here a text,
    # written character by character). Every category must be among the training examples.
    chooser = random.Random(0)
    starts = [chooser.randrange(20) for _ in range(options.examples)]
    examples = [Example(ascii_lowercase[start], ascii_lowercase[start + 1 : start + 6]) for start in starts]
    tenth = options.examples // 10
    return {"train": examples[2 * tenth :], "validation": examples[:tenth], "test": examples[tenth : 2 * tenth]}


TASK = Task(
    name="NAME",
    # CHANGE: one line for `run.py list`.
    summary="Which five letters follow a letter?",
    shape="one-to-many",
    # CHANGE: the first source is the default; `--data` names another.
    sources={"generated": Source("2,000 generated pairs", "none needed", generate)},
    input=Configured(Category),
    output=Configured(TargetText, unit="character", lowercase=False),
    family=GENERATOR,
    # CHANGE: (references, predictions) -> named scores, and the one that picks the best epoch.
    metrics=metrics.exact,
    monitor="exact_match",
    own=Own,
    # CHANGE: defaults of this task; `run.py show NAME` lists all of them.
    options={"units": 64, "embedding_size": 32, "dropout": 0.0, "epochs": 10},
)
