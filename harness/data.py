"""From a task and its options to examples, and to the fields that are fitted to them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import attrgetter
from pathlib import Path

import numpy as np

from harness.options import FROZEN_VECTORS
from pipeline import findings, splits
from pipeline.errors import BadInput
from pipeline.example import Alternatives, Example, Splits, Value
from pipeline.fields import InputField, OutputField, inherit
from pipeline.files import exists, expand_home
from pipeline.findings import Finding, sort_worst_first
from pipeline.on_disk import concatenate, keep_as, read_side, select
from pipeline.option import Options, make_flag
from pipeline.readers import tfds
from pipeline.readers.boundary import check_links
from pipeline.readers.files import check_exists
from pipeline.readers.grouping import Grouping
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular.columns import divide_names
from tasks.task import Task

# The warnings that training says; `run.py data` says them all.
WARNINGS = 3
SPLITS = ("train", "validation", "test")


def keep_quiet(line: str) -> None:
    """Say nothing of how the data was read: it has been said before."""


def name_source(task: Task, options: Options) -> str:
    """Return what --data names: the task's first source where it is left out; of the user's own files the full path."""
    name = options.data
    if name is None:
        own = (options.train_file, options.validation_file, options.test_file) if task.reader else ()
        name = next(filter(None, own), None) or next(iter(task.sources))
    return name if name in task.sources or name.startswith("tfds:") else str(expand_home(name).absolute())


def load(task: Task, options: Options, say: Say = keep_quiet) -> Splits:
    """Return the train, validation and test examples of what --data names; BadInput if there is no such data.

    Not cut to --limit yet (see `limit`): the tags or labels that exist are those of all the training data.
    """
    check_folds(task, options)
    side, stratify = find_labels(task, options)
    grouping = find_grouping(task, options)
    found = there = read(task, options, say)
    if grouping:
        check_groups(task, options, found)
        if options.leave_out is not None:
            found = splits.leave_out(found, options.leave_out)
        say(describe_groups(found))
        side = "group"
    found = draw_fold(options, found, side=side, stratify=stratify)
    found = splits.complete(found, options.split_seed, side=side, stratify=stratify)
    if name_source(task, options) not in task.sources:
        say(describe_read(there, found))
    return found


def describe_read(there: Splits, divided: Splits) -> str:
    """Return in one line how many examples there are in each split, and how they are divided where one is missing."""

    def count(found: Splits) -> str:
        return ", ".join(f"{len(found[split]):,} ({split})" for split in SPLITS if split in found)

    every = sum(map(len, there.values()))
    told = f"read: {every:,} example{'s' * (every != 1)}, {count(there)}"
    return told if count(there) == count(divided) else f"{told}; divided: {count(divided)}"


def find_grouping(task: Task, options: Options) -> Grouping | None:
    """Return which rows belong in one split; None where any may be in any; BadInput for half of what says it."""
    if not task.reader:
        return None
    for flag, value in (("--split-pattern", options.split_pattern), ("--leave-out", options.leave_out)):
        if value is not None and options.split_by is None:
            raise BadInput(f"{flag} {value}: of which column? Name it with --split-by")
    return None if options.split_by is None else Grouping(options.split_by, options.split_pattern)


def check_groups(task: Task, options: Options, found: Splits) -> None:
    """Raise BadInput where examples are of no group: they are no rows of a table."""
    if any(example.group is None for examples in found.values() for example in examples):
        name = name_source(task, options)
        raise BadInput(f"--split-by {options.split_by}: only a table has columns, and {name} is none; leave it out")


def describe_groups(found: Splits) -> str:
    """Return in one line how many groups there are in each split."""
    groups = {split: {example.group for example in examples} for split, examples in found.items()}
    counts = [f"{len(known):,} group{'s' * (len(known) > 1)} in {split}" for split, known in groups.items()]
    return f"by --split-by: {', '.join(counts)}"


def check_folds(task: Task, options: Options) -> None:
    """Raise BadInput for options of cross-validation that do not go together, or that the task cannot have."""
    if options.folds is None:
        for name in ("fold", "pool_splits"):
            if (value := getattr(options, name)) not in (None, False):
                raise BadInput(f"{make_flag(name)} {value}: of how many folds? Give --folds too")
        return
    if task.ordered:
        raise BadInput(
            f"--folds {options.folds}: the examples of {task.name!r} follow each other, and only what comes last can "
            "test what came before; leave it out"
        )
    if group := options.as_dict().get("leave_out"):
        raise BadInput(f"--leave-out {group}: each of the --folds leaves out some of the groups; leave it out")
    if options.fold is None:
        raise BadInput(
            f"--folds {options.folds}: this is one run; give --fold, from 1 to {options.folds}, or train all of them: "
            f"run.py train {task.name} --folds {options.folds}"
        )
    if options.fold > options.folds:
        raise BadInput(f"--fold {options.fold}: expected a number from 1 to --folds {options.folds}")


def draw_fold(options: Options, found: Splits, *, side: splits.Side, stratify: bool) -> Splits:
    """Return splits of which the test is the fold that is asked for; those that the data has where none is.

    Raises BadInput for data with a test of its own, unless --pool-splits makes it a part of the whole.
    """
    if options.folds is None:
        return found
    if options.pool_splits:
        # What has no outputs can test nothing.
        pooled = reduce(concatenate, found.values())
        found = {"train": select(pooled, np.array([one.output is not None for one in pooled], bool))}
    elif "test" in found:
        raise BadInput(
            f"--folds {options.folds}: {options.data} comes with a test of its own, so that its scores can be compared "
            "with those of others; leave --folds out, or give --pool-splits to draw the folds from all of its splits"
        )
    return splits.take_fold(
        found,
        options.fold,
        options.folds,
        seed=options.split_seed,
        side=side,
        stratify=stratify,
    )


def find_labels(task: Task, options: Options) -> tuple[splits.Side, bool]:
    """Return the side of an example that two splits never share, and whether the other one holds labels to draw by."""
    side = task.reader.split_key if task.reader else "input"
    other = task.output.kind if side == "input" else task.input.kind
    return side, options.stratify and other.categorical


def read(task: Task, options: Options, say: Say = keep_quiet) -> Splits:
    """Return the splits that the data comes with; all of it as "train" if it comes with none.

    say: takes what is guessed, and what is left out, in one line each.
    """
    name = options.data or name_source(task, options)
    if name in task.sources:
        if task.reader and (options.text_column or options.label_column):
            raise BadInput(f"--text-column, --label-column: the source {name!r} has fixed columns; leave them out")
        return task.sources[name].load(options)
    if task.reader and task.reader.dataset and name.startswith("tfds:"):
        # A dataset may have millions: no more is read than --limit asks for, but enough to meet every tag or label.
        enough = options.limit and max(options.limit, 10_000)
        columns = replace(task.columns, given_input=options.text_column, given_output=options.label_column)
        found = tfds.read(name.removeprefix("tfds:"), task.reader.dataset, columns=columns, limit=enough)
        return task.reader.preprocess(found)
    if task.reader and exists(path := expand_home(name)):
        return task.reader.preprocess(task.reader.files(make_request(task, options, path), say))
    own = f", or the path of a file or folder ({task.reader.formats})" if task.reader else ""
    if task.reader and task.reader.dataset:
        own = f", tfds:NAME{own}"
    raise BadInput(
        f"--data {name}: there is no such path under {Path.cwd()}, and the task {task.name!r} has no source of "
        f"that name; expected {' or '.join(task.sources)}{own}"
    )


def make_request(task: Task, options: Options, path: Path, *, inputs_only: bool = False) -> Request:
    """Return the request for a path of the user's, as the options have it; BadInput for a link that leaves it."""
    features = divide_names(options.as_dict().get("feature_columns"))  # type: ignore[arg-type]
    given = {"train": options.train_file, "validation": options.validation_file, "test": options.test_file}
    request = Request(
        check_exists(path),
        replace(
            task.columns,
            given_input=options.text_column,
            given_output=options.label_column,
            given_features=features,
        ),
        files={split: expand_home(file) for split, file in given.items() if file},
        header=options.header,
        encoding=options.encoding,
        strict=options.strict,
        allow_outside=options.allow_outside,
        inputs_only=inputs_only,
        options=options,
        grouping=None if inputs_only else find_grouping(task, options),
    )
    check_links(request)
    return request


def limit(task: Task, options: Options, found: Splits) -> Splits:
    """Return as many examples of each split as --limit says, all without it."""
    if options.limit is None:
        return dict(found)
    if not options.stratify:
        return {split: examples[: options.limit] for split, examples in found.items()}
    side, stratify = find_labels(task, options)
    return splits.limit(found, options.limit, seed=options.split_seed, side=side, stratify=stratify)


def join(options: Options, found: Splits) -> Splits:
    """Return splits of which "train" has the validation examples too, with --train-on-validation; else as they are."""
    if not options.train_on_validation:
        return found
    return {**found, "train": concatenate(found["train"], found["validation"])}


def fingerprint(found: Splits) -> str:
    """Return a hash of all examples, in order: the same for the same data only."""
    digest = hashlib.sha256()
    for split, examples in found.items():
        digest.update(split.encode())
        for example in examples:
            digest.update(repr((example.input, example.output)).encode())
    return digest.hexdigest()[:16]


def expand(examples: Sequence[Example]) -> Sequence[Example]:
    """Return the examples to learn: one for each of the right outputs of an input that has several."""
    if not any(isinstance(example.output, Alternatives) for example in examples):
        return examples
    return keep_as(
        examples,
        (
            one
            for example in examples
            for one in (
                [replace(example, output=output) for output in example.output]
                if isinstance(example.output, Alternatives)
                else [example]
            )
        ),
    )


def to_plain(value: Value) -> Value:
    """Return an input as JSON can hold it: texts and tuples as they are, the name of a picture."""
    return value if isinstance(value, (str, tuple, int, float)) else str(value)


@dataclass(frozen=True)
class Origin:
    """Where examples come from. name: of a source or TensorFlow dataset, or a path. holds: what it is, in words."""

    name: str
    licence: str
    holds: str


def find_origin(task: Task, options: Options) -> Origin:
    """Return where the examples come from that --data names."""
    name = name_source(task, options)
    if name in task.sources:
        return Origin(name, task.sources[name].licence, task.sources[name].summary)
    if name.startswith("tfds:"):
        return Origin(name, "as its catalogue page says", "a data set of TensorFlow Datasets")
    return Origin(name, "yours", "your own files")


@dataclass(frozen=True)
class Prepared:
    """What a model is built from and trained on: examples, fields fitted to those of training, and a fingerprint.

    findings: what is worth knowing of the examples. own: how many of the training examples, the first, are not those of
    validation.
    """

    examples: Splits
    input_field: InputField
    output_field: OutputField
    fingerprint: str
    own: int
    findings: tuple[Finding, ...] = ()

    def is_labelled(self, split: str) -> bool:
        """Return whether the outputs of a split's examples are known."""
        return self.examples[split][0].output is not None


@dataclass(frozen=True)
class Fields:
    """The fields of a run that another one starts from."""

    input: InputField
    output: OutputField


def prepare(task: Task, options: Options, say: Say = keep_quiet, earlier: Fields | None = None) -> Prepared:
    """Return the data that a model is trained on, as `fit` does, with what is soon found in it.

    say: takes what is guessed, left out or cut, and what is worth knowing of the data, in one line each.
    """
    fitted = fit(task, options, say, earlier)
    examples, given, wanted = fitted.examples, fitted.input_field, fitted.output_field
    found = (
        *inspect(fitted, task, options),
        *findings.find_cut(examples, given, options.as_dict().get("max_length")),
        *findings.sample_flaws(examples, given, wanted),
    )
    say_findings(found, task, say)
    return replace(fitted, findings=found)


def inspect(fitted: Prepared, task: Task, options: Options) -> Iterator[Finding]:
    """Yield what is soon found in the data; BadInput where nothing can be learned from it."""
    strict = options.strict if task.reader else False
    examples = dict(fitted.examples)
    if options.train_on_validation:
        # All of them are known by now.
        del examples["validation"]
    return findings.inspect_data(examples, fitted.input_field, fitted.output_field, strict=strict)


def fit(task: Task, options: Options, say: Say = keep_quiet, earlier: Fields | None = None) -> Prepared:
    """Load and cut the data, and fit the fields; BadInput for bad data, and for a split without examples.

    say: takes what is guessed, left out or cut, in one line each. earlier: what is known already; it is extended.
    """
    loaded = load(task, options, say)
    input_field, output_field = task.input(options), task.output(options)
    if earlier:
        input_field, output_field = inherit(input_field, earlier.input), inherit(output_field, earlier.output)
    # What is new to a field has vectors that are trained, or has no use. Labels and tags have none.
    frozen = options.freeze in FROZEN_VECTORS
    teach_input = partial(teach, input_field, known=earlier is not None, frozen=frozen)
    teach_output = partial(teach, output_field, known=earlier is not None, frozen=frozen and has_vectors(output_field))
    new: list[str] = []
    every = join(options, loaded)["train"]
    whole = input_field.categorical or input_field.fitted_whole
    if whole:
        # However few examples are used, all of the categories are known.
        new += teach_input(read_side(every, attrgetter("input")))
    strict = options.strict if task.reader else False
    examples = leave_out(limit(task, options, loaded), input_field, strict=strict, say=say)
    for split in SPLITS:
        if not examples[split]:
            raise BadInput(f"--data {options.data}: the {split} split is empty; expected at least one example")
    known = fingerprint(examples)
    own = len(expand(examples["train"]))
    examples = join(options, examples)
    examples["train"] = expand(examples["train"])
    outputs = read_side(expand(every), attrgetter("output"))
    if not whole:
        input_field.read_outputs(outputs)
        new += teach_input(read_side(examples["train"], attrgetter("input")))
    output_field.attach(input_field)
    new += teach_output(outputs)
    if new:
        say(f"{options.from_}: {', '.join(new)}")
    return Prepared(examples, input_field, output_field=output_field, fingerprint=known, own=own)


def teach(field: InputField | OutputField, values: Iterable[Value], *, known: bool, frozen: bool) -> Sequence[str]:
    """Let a field learn from training examples; return what is new to one that has learned from others before.

    known: whether it has. frozen: whether it stays as it is then.
    """
    if not known:
        field.fit(values)
        return ()
    if frozen:
        return ["the vocabulary as it is, for its vectors are frozen"] if field.known_tokens else ()
    return field.extend(values)


def has_vectors(output_field: OutputField) -> bool:
    """Return whether a model reads the symbols of its answers too, by a vector of each."""
    return output_field.autoregressive or output_field.suggests


def say_findings(found: Sequence[Finding], task: Task, say: Say) -> None:
    """Say what is worth knowing, and the worst of the warnings."""
    warnings = sort_worst_first(found)
    for one in [*(one for one in found if not one.weight), *warnings[:WARNINGS]]:
        say(one.text)
    if (rest := len(warnings) - WARNINGS) > 0:
        say(f"and {rest} more warning{'s' * (rest > 1)}: run.py data {task.name}, with the same options, shows all")


def leave_out(found: Splits, input_field: InputField, *, strict: bool, say: Say) -> Splits:
    """Return the examples whose inputs can be read, and say how many cannot; BadInput for the first with --strict."""
    kept: Splits = {}
    for split, examples in found.items():
        good = np.ones(len(examples), bool)
        first: tuple[Example, str] | None = None
        for place, example in enumerate(examples):
            if reason := input_field.refuse(example.input):
                good[place] = False
                first = first or (example, reason)
        if not first:
            kept[split] = examples
            continue
        kept[split] = select(examples, good)
        example, reason = first
        if strict or not kept[split]:
            raise BadInput(f"{example.origin}: {reason}; mend it, or remove it")
        bad = len(examples) - len(kept[split])
        say(f"{split}: {bad:,} of {len(examples):,} examples left out: {reason} ({example.origin})")
    return kept
