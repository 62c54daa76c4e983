"""The model card: README.md of a run directory, for whoever is given the model.

What it says follows from the files of the run. Its layout is that of Hugging Face's model cards: metadata in front,
which their hub reads, and Markdown, which a person reads. What it looks like is in harness/templates/card.md.j2.
"""

import json
import math
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import tasks
from harness import data, runs
from harness.cells import explain_limitation
from harness.comparison.results import Result
from harness.comparison.significance import read_predictions, rounded
from harness.experiment import Experiment
from harness.options import type_in
from harness.process.console import say
from harness.runs.intervals import CONFIDENCE, FEWEST_EXAMPLES, Interval, estimate_intervals
from harness.runs.listing import find_changed
from harness.runs.location import locate
from harness.runs.schema import History, Seen, Summary
from harness.training.request import settled_defaults
from pipeline import fields
from pipeline.errors import BadInput
from pipeline.fields import (
    Corrections,
    Draft,
    Horizon,
    Image,
    Label,
    Labels,
    NextWord,
    Number,
    Passages,
    Pixels,
    Prompt,
    Sound,
    SourceText,
    Tags,
    TargetText,
    Text,
    Tokens,
    Transcript,
    WordsSoFar,
)
from pipeline.option import Value, make_flag
from pipeline.printable import show_controls
from tasks.task import Scores, Task

# Of the seconds of a training, the share that the bootstrap of its scores may take; and its bounds, in seconds.
SPENT, SHORTEST_BOOTSTRAP, LONGEST_BOOTSTRAP = 0.02, 0.15, 2.0

NAME = "README.md"
TEMPLATE = Path(__file__).parents[1] / "templates" / "card.md.j2"
# By the fields of a task, what Hugging Face calls it; a task of one's own may be none of these.
HUB_TASKS = {
    (Text, Label): "text-classification",
    (Text, Labels): "text-classification",
    (Text, Number): "text-classification",
    (Tokens, Tags): "token-classification",
    (SourceText, TargetText): "translation",
    (Draft, Corrections): "text-generation",
    (Image, TargetText): "image-to-text",
    (Pixels, Label): "image-classification",
    (Prompt, Passages): "text-generation",
    (WordsSoFar, NextWord): "text-generation",
    (Sound, Transcript): "automatic-speech-recognition",
    (fields.History, Horizon): "time-series-forecasting",
}
# Licences of data that the hub knows by a name of its own, which is theirs of SPDX in lower case.
HUB_LICENCES = ("apache-2.0", "mit", "cc-by-4.0", "cc-by-sa-4.0", "bsd-3-clause", "gpl-2.0", "gpl-3.0", "lgpl-2.1")


@dataclass(frozen=True)
class Row:
    """A score as the table shows it: on the test, its interval, on validation, and of the baselines."""

    name: str
    test: str
    interval: str
    validation: str
    baselines: list[str]


def write_card(experiment: Experiment, *, scores: Scores | None = None) -> None:
    """Write README.md of a complete run, in place of an earlier one.

    scores: of the test, measured anew from the answers that predictions/test.jsonl has; else those of scores.json.
    Where it cannot be written, for the run is another user's or a file of it is damaged, that is said.
    """
    path = experiment.directory / NAME
    try:
        runs.write_text(path, format_card(experiment, scores=scores))
    except OSError as error:
        say(f"{path}: the model card cannot be written there: {error.strerror}")
    except BadInput as error:
        say(f"{path}: the model card stays as it was: {error}")


def format_card(experiment: Experiment, *, scores: Scores | None = None) -> str:
    """Return the model card of a complete run; see `write_card`. BadInput for a file of the run that is damaged."""
    # Not with the others: it is needed once, when a training has ended.
    import jinja2

    directory, task, options = experiment.directory, experiment.task, experiment.options
    config = runs.read_config(directory)
    summary, history = runs.read_scores(directory, config), runs.read_history(directory)
    known = summary["scores"] if scores is None else scores
    found = {name: math.nan if value is None else value for name, value in known.items()}
    path = directory / "data.json"
    # Runs of earlier versions have none.
    seen = runs.read_json(path, Seen) if path.exists() else None
    # Resamples are worth a small share of the time that the training took.
    spend = min(LONGEST_BOOTSTRAP, max(SHORTEST_BOOTSTRAP, SPENT * summary["seconds"]))
    count, intervals = read_answers(experiment, found, seconds=spend)
    origin = data.find_origin(task, options)
    changed = find_changed(config)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE.parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": escape, "code": quote, "json": dump, "sentence": end}
    return environment.get_template(TEMPLATE.name).render(
        task=task,
        cell=options.cell,
        directory=directory,
        hub_task=find_hub_task(task),
        licence=name_licence(origin.licence),
        origin=origin,
        input=experiment.input_field.describe(),
        output=experiment.output_field.describe(),
        summary=summary,
        started_from=config.get("started_from"),
        frozen=options.freeze,
        seen=seen,
        count=count,
        scores={name: value for name, value in found.items() if math.isfinite(value)},
        rows=list(list_rows(summary, found, intervals=intervals, best=read_best(experiment, summary))),
        methods=sorted({one.method for one in intervals.values()}),
        confidence=CONFIDENCE,
        anew=scores is not None,
        changed={make_flag(name): value for name, value in changed.items()},
        train=clean(shlex.join(["python", "run.py", *name_command(experiment, changed)])),
        run=clean(shlex.quote(str(directory))),
        typed=clean(shlex.quote(experiment.input_field.typed)),
        facts=list_facts(history),
        limits=list(list_limits(experiment, summary, seen=seen, count=count)),
        unrolled=config.get("unrolled") or "",
    )


def find_hub_task(task: Task) -> str | None:
    """Return what Hugging Face calls a task; None for one that it has no name for."""
    fits = (
        name
        for (given, wanted), name in HUB_TASKS.items()
        if issubclass(task.input.kind, given) and issubclass(task.output.kind, wanted)
    )
    return next(fits, None)


def read_answers(experiment: Experiment, scores: Scores, *, seconds: float) -> tuple[int, dict[str, Interval]]:
    """Return how many examples the test has, and the intervals of its scores; none where they cannot be known.

    seconds: about how long that may take.
    """
    try:
        references, (predictions,) = read_predictions([cast(Result, {"run": str(experiment.directory)})])
    except (OSError, ValueError, KeyError):
        return 0, {}
    if not references or references[0] is None:
        return len(references or ()), {}
    found = estimate_intervals(experiment.task, references, predictions, seconds=seconds)
    return len(references), {name: one for name, one in found.items() if name in scores}


def read_best(experiment: Experiment, summary: Summary) -> Scores:
    """Return the validation scores of the best epoch; none if the file is missing or damaged: nothing depends on it."""
    try:
        lines = runs.read_metrics(experiment.directory, summary["epochs"], summary["monitor"])
    except BadInput:
        return {}
    best = lines[summary["best_epoch"] - 1]
    return {
        name.removeprefix("validation_"): value
        for name, value in best.items()
        if name.startswith("validation_") and value is not None
    }


def list_rows(summary: Summary, scores: Scores, *, intervals: dict[str, Interval], best: Scores) -> Iterator[Row]:
    """Yield the scores, the monitored one first."""
    monitor = summary["monitor"]
    for name in [monitor, *(name for name in scores if name != monitor)]:
        interval = intervals.get(name)
        half = (interval.high - interval.low) / 2 if interval else None

        def show(value: float | None, half: float | None = half) -> str:
            return "" if value is None or not math.isfinite(value) else rounded(value, half)

        yield Row(
            name,
            show(scores.get(name)) or "not a number",
            f"{show(interval.low)} to {show(interval.high)}" if interval else "",
            show(best.get(name)),
            [show(known.get(name)) for known in summary["baselines"].values()],
        )


def name_command(experiment: Experiment, changed: Mapping[str, Value]) -> list[str]:
    """Return the words after run.py that train the run again, in a directory of the same name."""
    directory, task = experiment.directory, experiment.task
    words = ["train", task.name, *type_in(changed, task)]
    usual = settled_defaults(task, experiment.options)
    folder = directory.parent.parent
    if locate(folder, experiment.options, usual) != directory:
        words += ["--name", directory.name]
    if folder != Path("runs"):
        words += ["--runs", str(folder)]
    return words + [word for file in tasks.included() for word in ("--include", str(file.path))]


def list_facts(history: History) -> dict[str, str]:
    """Return with what a run was computed, the last values of one that went on."""
    known: dict = {}
    for part in (history, *history.get("resumed", [])):
        known |= part
    facts = {
        "packages": ", ".join(f"{name} {number}" for name, number in known.get("packages", {}).items()),
        "Python": known.get("python"),
        "machine": known.get("machine"),
        "device": known.get("device"),
        "parts in which each batch was computed": str(known["batch_parts"]) if "batch_parts" in known else None,
        "commit": known.get("commit"),
        "command as it was given": shlex.join(known.get("command", [])),
    }
    return {name: value for name, value in facts.items() if value}


def list_limits(experiment: Experiment, summary: Summary, *, seen: Seen | None, count: int) -> Iterator[str]:
    """Yield what the model cannot do, or what is not known of it, as far as that follows from the run itself."""
    task, options = experiment.task, experiment.options
    if not summary["scores"]:
        chosen = "" if summary.get("keeps_last") else "; it chose the best epoch"
        kept = "no score at all" if "length_from" in summary else f"a validation score only{chosen}"
        yield f"The test had no outputs: the model has {kept}."
    elif 0 < count < FEWEST_EXAMPLES:
        yield f"The test has {count} examples, too few for an interval of its scores."
    if limitation := explain_limitation(options, task):
        yield f"{limitation[0].upper()}{limitation[1:]}."
    if options.from_ is not None:
        yield "What it learned before, from the data of the run that it started from, it may have forgotten in part."
    if options.limit is not None:
        yield f"It was trained with --limit {options.limit}: on a part of the data, for a trial."
    for name, known in summary["baselines"].items():
        own, base = summary["scores"].get(task.monitor), known.get(task.monitor)
        if own is not None and base is not None and (own >= base if task.lower_is_better else own <= base):
            yield f"It is no better than the baseline “{name}”, which needs no network, by {task.monitor}."
    yield "The intervals are for the choice of the test examples. Another --seed gives another network, and score."
    if source := summary.get("length_from"):
        yield (
            "It has learned the validation examples too, so it has no validation score: how good it is, the test alone "
            f"can say. It was trained for {summary['epochs']} epochs, as was best in {source} on less data."
        )
    elif not summary.get("keeps_last"):
        if summary["best_epoch"] == summary["epochs"] and summary["epochs"] > 1:
            yield "The last epoch was the best: a longer training may give a better model."
        yield "The epoch was chosen by the validation score, which is therefore a little too good."
    if seen:
        yield from list_limits_of_data(experiment, seen)


def list_limits_of_data(experiment: Experiment, seen: Seen) -> Iterator[str]:
    """Yield what follows from what training saw."""
    field = experiment.input_field
    timed = any(array.timed for array in field.arrays.values())
    if scripts := seen["scripts"]:
        named = ", ".join(f"{script.capitalize()} ({share:.0%})" for script, share in scripts.items())
        yield f"The letters of its training texts: {named}. Of other languages it knows nothing."
    if timed and (field.greatest_length is None or seen["longest"] < field.greatest_length):
        longest = f"{seen['longest']:,} {field.counted}s"
        yield f"No training example was longer than {longest}: it has no experience of longer inputs."
    if field.known_tokens and "test" in seen["unknown"]:
        share = seen["unknown"]["test"]
        yield f"It knows {len(field.known_tokens):,} {field.counted}s; of those of the test {share:.1%} are others."


def name_licence(text: str) -> dict[str, str]:
    """Return the licence of the data as the hub has it: one that it knows, or another with its name."""
    name = re.split(r"[ ;,(]", text, maxsplit=1)[0].lower().removesuffix("-or-later")
    if name in HUB_LICENCES and not re.search(r"[;,]", text):
        return {"license": name}
    return {"license": "other", "license_name": "that of your data" if text == "yours" else text}


def clean(text: object) -> str:
    """Return a text on one line, its control characters shown."""
    return show_controls(" ".join(str(text).split()))


def escape(text: object) -> str:
    """Return a text that Markdown shows as it is: none of it is markup, or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>#|&$~])", r"\\\1", clean(text))


def end(text: str) -> str:
    """Return a sentence with a mark at its end."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def quote(text: object) -> str:
    """Return a text as code in Markdown, whatever backticks it has."""
    line = clean(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    blank = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{blank}{line}{blank}{fence}"


def dump(value: object) -> str:
    """Return a value as JSON, which YAML includes."""
    return json.dumps(clean(value) if isinstance(value, str) else value, ensure_ascii=False)
