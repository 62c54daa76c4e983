"""Selection: the examples that a stored run is to be scored on."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from harness import data
from harness.options import AS_STORED, Reading
from harness.process.console import say
from harness.runs.stored import Stored
from pipeline import findings
from pipeline.errors import BadInput
from pipeline.example import Example, Splits


@dataclass(frozen=True)
class Selection:
    """Examples to score a run on. split: what they are called. training: those it was trained on, if they are known.

    With other data than the run's own they are not: they may be gone.
    """

    split: str
    examples: list[Example]
    training: list[Example]


def select(run: Stored, source: str | None, split: str, reading: Reading = AS_STORED) -> Selection:
    """Return the examples of a split of a run's own data, or of `source`; BadInput if there are none, or no outputs.

    Own data must be what it was in training. Other data that comes without splits, one file say, is taken whole.
    reading: how `source` is read; columns that are not given are the run's own.
    """
    if source is None:
        if reading != AS_STORED:
            raise BadInput("--text-column, --label-column, --header, --encoding, --strict: they are for another --data")
        options = run.options
        loaded = data.limit(run.task, options, data.load(run.task, options))
        found = data.leave_out(loaded, run.input_field, options, data.keep_quiet)
        if data.fingerprint(found) != run.data:
            raise BadInput(
                f"{run.directory}: the data {options.data} has changed since training; to score the run on it as it is "
                f"now, give --data {options.data}"
            )
        chosen = Selection(split, found[split], found["train"])
    else:
        found = read_other(run, source, reading)
        if found.keys() == {"train"}:
            chosen = Selection("all", found["train"], [])
        elif not found.get(split):
            raise BadInput(f"--split {split}: {source} has no examples there; it has {', '.join(found)}")
        else:
            chosen = Selection(split, found[split], [])
    if chosen.examples[0].output is None:
        raise BadInput(f"--split {split}: it has no outputs to score by; choose another, or other --data")
    for line in findings.find_unseen({chosen.split: chosen.examples}, run.output_field, reading.strict):
        say(line)
    return chosen


def read_other(run: Stored, source: str, reading: Reading) -> Splits:
    """Return the splits of other data than a run's own; what is guessed, and what is left out, is said."""
    given: dict[str, Any] = asdict(reading)
    if source not in run.task.sources:
        # A source has columns of its own.
        for name in ("text_column", "label_column"):
            given[name] = given[name] or getattr(run.options, name)
    given |= dict.fromkeys(("train_file", "validation_file", "test_file", "limit"))
    options = replace(run.options, data=source, **given)
    return data.leave_out(data.read(run.task, options, say), run.input_field, options, say)
