"""Runs that are looked at together, example by example or averaged; what cannot be is told before Keras starts."""

from collections.abc import Sequence

from harness.experiment import Experiment
from harness.selection import Selection
from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.fields import save

# A run, and what it is to be scored on.
Scored = tuple[Experiment, Selection]


def check_runs(command: str, runs: Sequence[Experiment]) -> None:
    """Raise BadInput for one run given twice, and for runs of different tasks. command: which asks for them."""
    first = runs[0]
    for number, other in enumerate(runs[1:], 1):
        if any(other.directory.resolve() == one.directory.resolve() for one in runs[:number]):
            raise BadInput(f"{command}: {other.directory} is given twice; expected different runs")
        if other.task.name != first.task.name:
            raise BadInput(
                f"{command}: {first.directory} is of the task {first.task.name!r}, and {other.directory} of "
                f"{other.task.name!r}; expected runs of one task"
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


def check_members(members: Sequence[Experiment], *, own: bool = True) -> None:
    """Raise BadInput for runs whose answers cannot be averaged: there are fewer than two, or they are of other fields.

    Runs of one command with other seeds can be, and those of other cells, sizes and training options.
    own: they are scored on the data of the first: that of another may have been trained on what is scored.
    """
    first = members[0]
    if len(members) < 2:
        raise BadInput("ensemble: expected two runs or more, such as runs/sentiment/gru-s0 runs/sentiment/gru-s1")
    if rate := first.options.as_dict().get("dynamic_evaluation"):
        raise BadInput(f"--dynamic-evaluation {rate}: it goes on training one model, not several; give 0")
    check_runs("ensemble", members)
    for other in members[1:]:
        for mine, others in ((first.input_field, other.input_field), (first.output_field, other.output_field)):
            if save(mine) != save(others):
                raise BadInput(
                    f"ensemble: {other.directory} has another vocabulary, or other labels, than {first.directory}: "
                    "train both on the same data, with the same options of reading"
                )
        if own and other.fingerprint != first.fingerprint:
            raise BadInput(
                f"ensemble: {other.directory} was trained on other examples than {first.directory}, on whose own it "
                "may have learned the answers; give --data that neither has seen, or train both on the same"
            )
