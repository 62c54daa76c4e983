"""From a task and its options to examples, and to encoded examples."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.cells import check_lengths
from harness.options import Options
from pipeline import findings, splits
from pipeline.batches import encoded_cache
from pipeline.batches.bucketing import Batches
from pipeline.batches.padding import Arrays
from pipeline.errors import BadInput
from pipeline.example import Alternatives, Example, Splits, first
from pipeline.readers import tfds
from pipeline.readers.files import check_exists
from pipeline.readers.request import Request, Say
from tasks.task import Task


def keep_quiet(line: str) -> None:
    """Say nothing of how the data was read: it has been said before."""


def name_source(task: Task, options: Options) -> str:
    """Return what --data names: the task's first source where it is left out; of the user's own files the full path."""
    name = options.data
    if name is None:
        own = (options.train_file, options.validation_file, options.test_file)
        name = next(filter(None, own), None) or next(iter(task.sources))
    return name if name in task.sources or name.startswith("tfds:") else str(Path(name).expanduser().absolute())


def load(task: Task, options: Options, say: Say = keep_quiet) -> Splits:
    """Return the train, validation and test examples of what --data names; BadInput if there is no such data.

    Not cut to --limit yet (see `limit`): the tags or labels that exist are those of all the training data.
    """
    side, stratify = find_labels(task, options)
    return splits.complete(read(task, options, say), options.split_seed, side=side, stratify=stratify)


def find_labels(task: Task, options: Options) -> tuple[splits.Side, bool]:
    """Return the side of an example that two splits never share, and whether the other one holds labels to draw by."""
    side = task.reader.apart if task.reader else "input"
    other = task.output(options) if side == "input" else task.input(options)
    return side, options.stratify and other.closed


def read(task: Task, options: Options, say: Say = keep_quiet) -> Splits:
    """Return the splits that the data comes with; all of it as "train" if it comes with none.

    say: takes what is guessed, and what is left out, in one line each.
    """
    name = options.data or name_source(task, options)
    columns = replace(task.columns, given_input=options.text_column, given_output=options.label_column)
    # Of a dataset of millions, no more is read than --limit asks for; but enough to meet every tag or label.
    enough = options.limit and max(options.limit, 10_000)
    if name in task.sources:
        if options.text_column or options.label_column:
            raise BadInput(f"--text-column, --label-column: the source {name!r} has fixed columns; leave them out")
        return task.sources[name].load(options)
    if task.reader and task.reader.dataset and name.startswith("tfds:"):
        return task.reader.arrange(tfds.read(name.removeprefix("tfds:"), task.reader.dataset, columns, enough))
    if task.reader and (path := Path(name).expanduser()).exists():
        return task.reader.arrange(task.reader.files(make_request(task, options, path), say))
    own = f", or the path of a file or folder ({task.reader.formats})" if task.reader else ""
    if task.reader and task.reader.dataset:
        own = f", tfds:NAME{own}"
    raise BadInput(
        f"--data {options.data}: there is no such path under {Path.cwd()}, and the task {task.name!r} has no source of "
        f"that name; expected {' or '.join(task.sources)}{own}"
    )


def make_request(task: Task, options: Options, path: Path, inputs_only: bool = False) -> Request:
    """Return the request for a path of the user's, as the options have it."""
    given = {"train": options.train_file, "validation": options.validation_file, "test": options.test_file}
    return Request(
        check_exists(path),
        replace(task.columns, given_input=options.text_column, given_output=options.label_column),
        {split: Path(file).expanduser() for split, file in given.items() if file},
        options.header,
        options.encoding,
        options.strict,
        inputs_only,
    )


def limit(task: Task, options: Options, found: Splits) -> Splits:
    """Return as many examples of each split as --limit says, all without it."""
    if options.limit is None:
        return dict(found)
    if not options.stratify:
        return {split: examples[: options.limit] for split, examples in found.items()}
    side, stratify = find_labels(task, options)
    return splits.limit(found, options.limit, options.split_seed, side, stratify)


def fingerprint(found: Splits) -> str:
    """Return a hash of all examples, in order: the same for the same data only."""
    digest = hashlib.sha256()
    for split, examples in found.items():
        digest.update(split.encode())
        for example in examples:
            digest.update(repr((example.input, example.output)).encode())
    return digest.hexdigest()[:16]


@contextmanager
def pointing_at(origin: str) -> Iterator[None]:
    """Put the place that an example comes from before the message of any BadInput raised inside."""
    try:
        yield
    except BadInput as error:
        raise BadInput(f"{origin}: {error}") from error


def expand(examples: list[Example]) -> list[Example]:
    """Return the examples to learn: one for each of the right outputs of an input that has several."""
    return [
        one
        for example in examples
        for one in (
            [replace(example, output=output) for output in example.output]
            if isinstance(example.output, Alternatives)
            else [example]
        )
    ]


def to_plain(value: Any) -> Any:
    """Return an input as JSON can hold it: texts and tuples as they are, of a picture its name."""
    return value if isinstance(value, (str, tuple, int, float)) else str(value)


def encode(examples: list[Example], input_field: Any, output_field: Any) -> tuple[list[Arrays], list[Arrays]]:
    """Return the encoded inputs and outputs of examples; BadInput with the file and line of one that cannot be.

    Of several right outputs the first: the loss of validation and test examples is that of one answer each. Examples
    without an output have an encoded input alone.
    """
    inputs: list[Arrays] = []
    outputs: list[Arrays] = []
    before = None
    # An output field may say which outputs an input is too short for.
    check = getattr(output_field, "check", None)
    for example in examples:
        with pointing_at(example.origin):
            # The captions of one image follow each other, and share its array.
            inputs.append(inputs[-1] if example.input is before else input_field.encode(example.input))
            before = example.input
            if example.output is None:
                # What is asked of a competition's test: nobody knows the answers.
                continue
            outputs.append(output_field.encode(first(example.output)))
            if check:
                check(inputs[-1], outputs[-1])
    return inputs, outputs


def make_batches(
    options: Options,
    input_field: Any,
    output_field: Any,
    origins: Sequence[str],
    inputs: Sequence[Arrays],
    outputs: Sequence[Arrays] | None = None,
    seed: int | None = None,
) -> Batches:
    """Return encoded examples as batches of the size that the options say; seed: of their order, if any.

    origins: where each example comes from; BadInput names that of one that is too long for the cell.
    """
    check_lengths(options, origins, inputs, input_field.arrays)
    return Batches(
        inputs,
        input_field.arrays,
        options.batch,
        outputs,
        {} if outputs is None else output_field.arrays,
        seed,
        None if outputs is None else output_field.start,
        options.batch_tokens,
    )


def encode_batches(
    options: Options,
    input_field: Any,
    output_field: Any,
    examples: list[Example],
    seed: int | None = None,
    name: str | None = None,
) -> Batches:
    """Return examples as batches; BadInput with the file and line of one that cannot be encoded. See `make_batches`.

    name: under which they are kept, once encoded, if that takes long; see pipeline/batches/encoded_cache.py.
    """
    arrays = input_field.arrays, output_field.arrays
    inputs, outputs = encoded_cache.keep(name, arrays, lambda: encode(examples, input_field, output_field))
    origins = [example.origin for example in examples]
    return make_batches(options, input_field, output_field, origins, inputs, outputs, seed)


@dataclass(frozen=True)
class Prepared:
    """What a model is built from and trained on: examples, fields fitted to those of training, and a fingerprint."""

    options: Options
    examples: Splits
    input_field: Any
    output_field: Any
    fingerprint: str

    def is_labelled(self, split: str) -> bool:
        """Return whether the outputs of a split's examples are known."""
        return self.examples[split][0].output is not None

    def batches(self, split: str, seed: int | None = None) -> Batches:
        """Return the batches of a split; see `encode_batches`. They have no outputs where these are not known."""
        fields, examples = (self.input_field, self.output_field), self.examples[split]
        if not self.is_labelled(split):
            inputs, _ = encode(examples, *fields)
            return make_batches(self.options, *fields, [example.origin for example in examples], inputs)
        # Of an input that is the path of a file, the fingerprint does not know what is in it.
        stamp = getattr(self.input_field, "stamp", None)
        stamps = [stamp(example.input) for example in examples] if stamp else []
        name = encoded_cache.name((self.fingerprint, split, stamps), *fields)
        return encode_batches(self.options, *fields, examples, seed, name)


def prepare(task: Task, options: Options, say: Say = keep_quiet) -> Prepared:
    """Load and cut the data, and fit the fields; BadInput for bad data, and for a split without examples.

    say: takes what is guessed, left out or cut, and what is worth knowing of the data, in one line each.
    """
    loaded = load(task, options, say)
    input_field, output_field = task.input(options), task.output(options)
    if input_field.closed:
        # However few examples are used, all of the categories are known.
        input_field.fit(example.input for example in loaded["train"])
    examples = leave_out(limit(task, options, loaded), input_field, options, say)
    for split in ("train", "validation", "test"):
        if not examples[split]:
            raise BadInput(f"--data {options.data}: the {split} split is empty; expected at least one example")
    known = fingerprint(examples)
    examples["train"] = expand(examples["train"])
    if not input_field.closed:
        input_field.fit(example.input for example in examples["train"])
    output_field.fit(example.output for example in expand(loaded["train"]))
    for line in findings.look(examples, input_field, output_field, options.max_length, options.strict):
        say(line)
    return Prepared(options, examples, input_field, output_field, known)


def leave_out(found: Splits, input_field: Any, options: Options, say: Say) -> Splits:
    """Return the examples whose inputs can be read, and say how many cannot; BadInput for the first with --strict."""
    kept: Splits = {}
    for split, examples in found.items():
        reasons = [input_field.refuse(example.input) for example in examples]
        kept[split] = [example for example, reason in zip(examples, reasons, strict=True) if not reason]
        bad = [(example, reason) for example, reason in zip(examples, reasons, strict=True) if reason]
        if not bad:
            continue
        example, reason = bad[0]
        if options.strict or not kept[split]:
            raise BadInput(f"{example.origin}: {reason}; mend it, or remove it")
        say(f"{split}: {len(bad):,} of {len(examples):,} examples left out: {reason} ({example.origin})")
    return kept
