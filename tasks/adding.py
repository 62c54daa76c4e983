"""Adding: can a network remember two numbers out of many? How many is `--delay`."""

from functools import partial

from models.families import CLASSIFIER
from pipeline import metrics
from pipeline.corpora import memory_tasks
from pipeline.fields import Number, Series
from pipeline.option import Configured
from tasks.task import Source, Task

TASK = Task(
    name="adding",
    summary="What is the sum of the two marked numbers?",
    shape="many-to-one",
    sources={
        "generated": Source(
            "--delay numbers between 0 and 1, two of them marked: 20,000 sequences, 1,000 and 2,000, made once",
            "Apache-2.0 (Unrolled)",
            load=memory_tasks.adding,
            options=memory_tasks.Delay,
        ),
    },
    input=Configured(Series, width=2),
    output=Configured(Number),
    family=CLASSIFIER,
    metrics=partial(metrics.squared_error, tolerance=0.04),
    monitor="mse",
    lower_is_better=True,
    baselines={"no memory": memory_tasks.score_adding_baseline},
    # One direction, and its last state: with the others a network need not remember.
    # Nothing is learned for long, then all at once, so an epoch without a better score is no reason to stop.
    options={
        "delay": 200,
        "chrono": 200,
        "pooling": "last",
        "bidirectional": False,
        "dropout": 0.0,
        "units": 64,
        "batch_size": 64,
        "learning_rate": 4e-3,
        "epochs": 5,
        "patience": 5,
    },
)
