"""Pairs of runs that can be compared example by example; what cannot be is told before Keras starts."""

from harness.experiment import Experiment
from harness.selection import Selection
from pipeline.errors import BadInput
from pipeline.example import Example

# A run, and what it is to be scored on.
Scored = tuple[Experiment, Selection]


def check_runs(one: Experiment, other: Experiment) -> None:
    """Raise BadInput for one run given twice, and for runs of different tasks."""
    if one.directory.resolve() == other.directory.resolve():
        raise BadInput(f"analyse: {one.directory} is given twice; expected two runs, or one alone")
    if one.task.name != other.task.name:
        raise BadInput(
            f"analyse: {one.directory} is of the task {one.task.name!r}, and {other.directory} of "
            f"{other.task.name!r}; expected two runs of one task"
        )


def check_examples(one: Scored, other: Scored) -> None:
    """Raise BadInput for runs that would be scored on different examples."""
    (first, mine), (second, others) = one, other
    if [_identify(example) for example in mine.examples] != [_identify(example) for example in others.examples]:
        raise BadInput(
            f"analyse: {first.directory} and {second.directory} have different examples to be scored on "
            f"({len(mine.examples):,} and {len(others.examples):,}); give --data for both, or train both on the same "
            "data, with the same --limit and --split-seed"
        )


def _identify(example: Example) -> tuple[str, str]:
    # Pictures of one file are equal, and not the same.
    return repr(example.input), repr(example.output)
