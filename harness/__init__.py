"""The door for Python programs and notebooks; run.py is the same for a terminal.

    import harness

    run = harness.train("sentiment", data="reviews.csv", cell="gru")
    run.scores["accuracy"]
    run.predict(["not a bad film"])

    run = harness.load("runs/sentiment/gru-s0")
    run.evaluate("other_reviews.csv", label_column="verdict")

    found = harness.compare(["adding"], cells=["simple", "lstm"], seeds=3)
    found = harness.cross_validate("sentiment", data="reviews.csv", folds=5)

    harness.list_tasks()                 # names, those of one's own tasks too
    harness.list_options("sentiment")    # what train takes, with the defaults
    harness.include("my_task.py")        # tasks and cells of a file
    harness.register(TASK)               # a task that is made here

Mistakes are `harness.BadInput`. Nothing is imported before it is used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.door import Run, compare, cross_validate, include, list_options, list_tasks, load, train
    from pipeline.errors import BadInput
    from tasks import register

# Where each name is defined.
_DOOR = {
    **dict.fromkeys(
        ("Run", "compare", "cross_validate", "include", "list_options", "list_tasks", "load", "train"), "harness.door"
    ),
    "BadInput": "pipeline.errors",
    "register": "tasks",
}

__all__ = [
    "BadInput",
    "Run",
    "compare",
    "cross_validate",
    "include",
    "list_options",
    "list_tasks",
    "load",
    "register",
    "train",
]


def __getattr__(name: str) -> object:
    if name in _DOOR:
        return vars(importlib.import_module(_DOOR[name]))[name]
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
