"""NAME: a sentence in, one tag a token out. Train it: python run.py train NAME --include PATH"""

import random

from pipeline import metrics
from pipeline.example import Example, Splits
from pipeline.fields import Tags, Tokens
from pipeline.readers import conll
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task


def generate(options) -> Splits:
    # CHANGE: return your own examples. An Example is an input (here a tuple of tokens) and the output to learn (here a
    # tuple of as many tags). Leave out "validation" or "test", and they are taken from "train".
    chooser = random.Random(0)
    examples = []
    for _ in range(2000):
        digits = [chooser.randrange(10) for _ in range(chooser.randint(3, 12))]
        steps = zip([digits[0], *digits], digits, strict=False)
        tags = tuple("up" if after > before else "down" if after < before else "same" for before, after in steps)
        examples.append(Example(tuple(map(str, digits)), tags))
    return {"train": examples[400:], "validation": examples[:200], "test": examples[200:400]}


TASK = Task(
    name="NAME",
    # CHANGE: one line for `run.py list`.
    summary="Is each digit above or below the one before it?",
    shape="many-to-many",
    # CHANGE: the first source is the default; `--data` names another.
    sources={"generated": Source("2,000 generated rows of digits", "none needed", generate)},
    # CHANGE: for your own CoNLL files by `--data PATH`. For spans in BIO tags: partial(conll.read, spans=True),
    # Tags(spans=True) as the output, metrics.spans, monitor "f1".
    reader=Reader(conll.read, "CoNLL columns, CoNLL-U", "tagged"),
    columns=Columns(input=("form",), output=("upos",)),
    input=lambda options: Tokens(options.vocabulary, options.max_length, options.min_count),
    output=lambda options: Tags(),
    model="models.tagger",
    # CHANGE: (references, predictions) -> named scores, and the one that picks the best epoch.
    metrics=metrics.tag_accuracy,
    monitor="accuracy",
    # CHANGE: defaults of this task; `run.py show NAME` lists all of them.
    options={"min_count": 1, "units": 32, "epochs": 5},
)
