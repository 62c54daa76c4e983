"""NAME: a sentence in, one tag a token out. Train it: python run.py train NAME --include PATH"""

import random
from dataclasses import dataclass

from models.families import TAGGER
from pipeline import metrics
from pipeline.example import Example, Splits
from pipeline.fields import Tags, Tokens
from pipeline.option import Configured, Options, option
from pipeline.readers import conll
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task


@dataclass
class Own:
    # CHANGE: options of this task alone, which `run.py train NAME --help` shows, and every run keeps.
    examples: int = option(2000, "Rows of digits to generate.", low=30)


def generate(options: Options) -> Splits:
    # CHANGE: return your own examples. An Example is an input (here a tuple of tokens) and the output to learn (here a
    # tuple of as many tags). Leave out "validation" or "test", and they are taken from "train".
    chooser = random.Random(0)
    examples = []
    for _ in range(options.examples):
        digits = [chooser.randrange(10) for _ in range(chooser.randint(3, 12))]
        steps = zip([digits[0], *digits], digits, strict=False)
        tags = tuple("up" if after > before else "down" if after < before else "same" for before, after in steps)
        examples.append(Example(tuple(map(str, digits)), tags))
    tenth = options.examples // 10
    return {"train": examples[2 * tenth :], "validation": examples[:tenth], "test": examples[tenth : 2 * tenth]}


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
    input=Configured(Tokens),
    output=Configured(Tags),
    family=TAGGER,
    # CHANGE: (references, predictions) -> named scores, and the one that picks the best epoch.
    metrics=metrics.tag_accuracy,
    monitor="accuracy",
    own=Own,
    # CHANGE: defaults of this task; `run.py show NAME` lists all of them.
    options={"min_count": 1, "units": 32, "epochs": 5},
)
