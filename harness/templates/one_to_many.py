"""NAME: a category in, a sequence out. Train it: python run.py train NAME --include PATH"""

import random
from string import ascii_lowercase

from pipeline import metrics
from pipeline.example import Example, Splits
from pipeline.fields import Category
from pipeline.fields.source_target import Writing
from tasks.task import Source, Task


def generate(options) -> Splits:
    # CHANGE: return your own examples. An Example is an input (here a category) and the output to learn (here a text,
    # written character by character). Every category must be among the training examples.
    chooser = random.Random(0)
    starts = [chooser.randrange(20) for _ in range(2000)]
    examples = [Example(ascii_lowercase[start], ascii_lowercase[start + 1 : start + 6]) for start in starts]
    return {"train": examples[400:], "validation": examples[:200], "test": examples[200:400]}


TASK = Task(
    name="NAME",
    # CHANGE: one line for `run.py list`.
    summary="Which five letters follow a letter?",
    shape="one-to-many",
    # CHANGE: the first source is the default; `--data` names another.
    sources={"generated": Source("2,000 generated pairs", "none needed", generate)},
    input=lambda options: Category(),
    output=lambda options: Writing(),
    model="models.generator",
    # CHANGE: (references, predictions) -> named scores, and the one that picks the best epoch.
    metrics=metrics.exact,
    monitor="exact_match",
    # CHANGE: defaults of this task; `run.py show NAME` lists all of them.
    options={"units": 64, "embedding_size": 32, "dropout": 0.0, "epochs": 10},
)
