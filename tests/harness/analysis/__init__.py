"""What a run answered, without a run."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

import tasks
from harness.analysis.answered import Answered
from harness.analysis.section import Section
from harness.experiment import Experiment
from harness.options import defaults
from harness.runs.trained import Trained
from harness.selection import Selection
from pipeline.example import Example, first


def make_answered(
    name: str,
    examples: Sequence[Example],
    outputs: Sequence[Any],
    *,
    training: Sequence[Example] = (),
    certainties: list[np.ndarray] | None = None,
    probabilities: Sequence[float] | None = None,
    losses: Sequence[float] | None = None,
    directory: str = "run",
) -> Answered:
    """Return examples of a task with answers to them; the fields are fitted to the training examples, or to these."""
    task = tasks.get(name)
    options = defaults(task)
    fields = task.input(options), task.output(options)
    for field, side in zip(fields, ("input", "output"), strict=True):
        field.fit([first(getattr(example, side)) for example in training or examples])
    experiment = Experiment(task, options, Path(directory), *fields, fingerprint="")
    given = np.array([0.5] * len(examples) if losses is None else losses)
    return Answered(
        cast(Trained, SimpleNamespace(experiment=experiment)),
        Selection("test", list(examples), list(training)),
        None,
        outputs=list(outputs),
        certainties=certainties,
        probabilities=None if probabilities is None else np.array(probabilities),
        losses=given,
        weights=np.ones(len(examples)),
        lengths=np.array([len(example.input) for example in examples]),
        scores=task.metrics([example.output for example in examples], list(outputs)),
        from_answers=True,
    )


def by_name(sections: Any) -> dict[str, Section]:
    """Return sections by their names."""
    return {one.name: one for one in sections}
