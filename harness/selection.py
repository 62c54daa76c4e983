"""Selection: the examples that a stored run is to be scored on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness import data
from harness.experiment import Experiment
from harness.process.console import say
from pipeline import findings
from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.option import PERMISSIONS, Options, Value, declared, make_flag
from pipeline.readers.request import Files, Reading


@dataclass(frozen=True)
class Selection:
    """Examples to score a run on. split: what they are called. training: those it was trained on, if they are known.

    With other data than the run's own they are not: they may be gone.
    """

    split: str
    examples: Sequence[Example]
    training: Sequence[Example]


def select(run: Experiment, source: str | None, split: str, *, reading: Mapping[str, Value] | None = None) -> Selection:
    """Return the examples of a split of a run's own data, or of `source`; BadInput if there are none, or no outputs.

    Own data must be what it was in training. Other data that comes without splits, one file say, is taken whole.
    reading: options of how `source` is read; columns that are not given are the run's own.
    """
    reading = reading or {}
    strict = bool(reading.get("strict"))
    if source is None:
        if others := [name for name in reading if name not in PERMISSIONS]:
            raise BadInput(f"{', '.join(map(make_flag, others))}: for another --data, which is not given")
        options = run.options.replace(**reading)
        found = read_own(run, options)
        if split == "validation" and options.train_on_validation:
            say("validation: the run has learned these examples; what it scores on them says nothing of others")
        chosen = Selection(split, found[split], data.join(options, found)["train"])
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
    if source is not None:
        say_learned(run, chosen)
    for line in findings.find_unseen({chosen.split: chosen.examples}, run.output_field, strict=strict):
        say(line.text)
    return chosen


def read_own(run: Experiment, options: Options) -> Splits:
    """Return the splits of a run's own data, read by its options or others; BadInput if they have changed."""
    loaded = data.limit(run.task, options, data.load(run.task, options))
    strict_then = options.strict if run.task.reader else False
    found = data.leave_out(loaded, run.input_field, strict=strict_then, say=data.keep_quiet)
    if data.fingerprint(found) != run.fingerprint:
        raise BadInput(
            f"{run.directory}: the data {options.data} has changed since training; to score the run on it as it is "
            f"now, give --data {options.data}"
        )
    return found


def say_learned(run: Experiment, chosen: Selection) -> None:
    """Say how many examples of other data the run was trained on; or that its own data is gone, so nobody knows."""
    try:
        training = data.join(run.options, read_own(run, run.options))["train"]
    except BadInput:
        say(f"{chosen.split}: the run may have learned some of this; its own data is not there as it was")
        return
    for line in findings.find_learned(chosen.split, chosen.examples, training, run.input_field):
        say(line.text)


def read_other(run: Experiment, source: str, reading: Mapping[str, Value]) -> Splits:
    """Return the splits of other data than a run's own; what is guessed, and what is left out, is said."""
    options = run.options.replace(data=source, limit=None)
    if run.task.reader:
        options = read_as(options, reading)
        if source in run.task.sources and not {"text_column", "label_column"} & reading.keys():
            # A source has columns of its own.
            options = options.replace(text_column=None, label_column=None)
    elif reading:
        raise BadInput(f"{', '.join(map(make_flag, reading))}: the task {run.task.name!r} reads no files")
    strict = bool(reading.get("strict"))
    return data.leave_out(data.read(run.task, options, say), run.input_field, strict=strict, say=say)


def read_as(options: Options, reading: Mapping[str, Value]) -> Options:
    """Return options for other files than those of the training: only the columns are those of the run.

    reading: those that are given.
    """
    usual = {one.name: one.default for kind in (Files, Reading) for one in declared(kind, "data").values()}
    columns = {"text_column": options.text_column, "label_column": options.label_column}
    return options.replace(**{**usual, **columns, **reading})
