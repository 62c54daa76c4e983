"""Copy after a delay: can a network remember ten symbols? The delay is `--delay`; `--selective` scatters them."""

from functools import partial

from models.families import TAGGER
from pipeline import metrics
from pipeline.corpora import memory_tasks
from pipeline.fields import Tags, Text
from pipeline.option import Configured
from tasks.task import Source, Task

TASK = Task(
    name="copy",
    summary="Which ten symbols came before the delay?",
    shape="many-to-many",
    sources={
        "generated": Source(
            "ten symbols out of eight, --delay steps, then the same ten: 20,000 sequences, 1,000 and 2,000, "
            "made once, all of them different",
            "Apache-2.0 (Unrolled)",
            load=memory_tasks.copy,
            options=memory_tasks.Copying,
        ),
    },
    input=Configured(Text, unit="character"),
    output=Configured(Tags),
    family=TAGGER,
    metrics=partial(metrics.recall_accuracy, blank=memory_tasks.BLANK),
    monitor="loss",
    lower_is_better=True,
    baselines={"no memory": memory_tasks.score_copy_baseline},
    # With a backward direction there would be nothing to remember.
    options={
        "delay": 50,
        "chrono": 70,
        "max_length": 100_000,
        "bidirectional": False,
        "embedding": "onehot",
        "dropout": 0.0,
        "batch_size": 64,
        "learning_rate": 1.6e-2,
        "epochs": 20,
        "patience": 20,
    },
)
