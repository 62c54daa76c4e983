"""Readers: what `train`, `data` and `predict` read of files that were changed by chance."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tasks
from harness import data
from harness.data_report.report import look, summarise
from harness.experiment import Experiment
from harness.options import defaults
from harness.training.vectors import read_vectors
from pipeline import fields, record
from pipeline.batches.bucketing import Batches
from pipeline.errors import BadInput
from pipeline.example import Alternatives, Example, Splits
from pipeline.fields import Arrays, Signal
from pipeline.option import Options, Value
from pipeline.readers import files
from tasks.task import Task
from tests.fuzzing.mutations import Files, Random, change_bytes, mutate
from tests.fuzzing.sandbox import LONGEST, Broken, check_message
from tests.fuzzing.starts import STARTS, make

# How files are read; one of these takes the place of the usual ones in some of the cases.
READING: tuple[Mapping[str, Value], ...] = (
    {"strict": True}, {"header": "yes"}, {"header": "no"}, {"text_column": "1"}, {"label_column": "2"},
    {"text_column": "2", "label_column": "1"}, {"text_column": "text"}, {"label_column": "label"},
    {"text_column": "en"}, {"label_column": "99"}, {"label_column": "0"}, {"text_column": "-1"}, {"text_column": ""},
    {"text_column": "a.b.c"}, {"text_column": "²"}, {"label_column": "1" * 5000},
    {"text_column": "1", "label_column": "1"}, {"encoding": "utf-16"}, {"encoding": "latin-1"},
    {"encoding": "cp1252"}, {"encoding": "utf-7"}, {"encoding": "idna"}, {"encoding": "punycode"},
    {"encoding": "undefined"}, {"encoding": "hex"}, {"encoding": "zlib"}, {"encoding": "rot13"},
    {"encoding": "unicode_escape"}, {"encoding": "x\0y"}, {"encoding": ""}, {"encoding": "utf-8-sig"},
    {"encoding": "é" * 99}, {"split_by": "1"}, {"split_by": "who"}, {"split_by": "label"},
    {"split_by": "text", "split_pattern": "(.)"}, {"split_by": "1", "split_pattern": "("},
    {"split_by": "1", "split_pattern": "(a*)*b"}, {"split_by": "path"}, {"split_by": "1", "leave_out": "x"},
    {"limit": 1}, {"limit": 5}, {"limit": 5, "stratify": False}, {"stratify": False}, {"folds": 3, "fold": 1},
    {"folds": 3, "fold": 3, "pool_splits": True}, {"folds": 1000, "fold": 7}, {"train_file": "a.csv"},
    {"train_file": "train.csv", "test_file": "train.csv"}, {"test_file": "../x"}, {"train_file": "\0"},
    {"validation_file": "x" * 300}, {"train_file": "/dev/null"}, {"split_seed": 2**70},
    {"feature_columns": "1,lemma"}, {"feature_columns": ","}, {"max_length": 1}, {"max_length": 2}, {"vocabulary": 4},
    {"unit": "character"}, {"unit": "subword"}, {"lowercase": True}, {"min_count": 99}, {"train_on_validation": True},
    {"time_column": "none"}, {"series_column": "1"}, {"target_column": "1,2"}, {"known_columns": "2"}, {"window": 1},
    {"horizon": 1}, {"image_size": 8}, {"downsample": 4}, {"order": "pixels"}, {"tokenizer": "blank"},
)  # fmt: skip
LEFT_OUT = re.compile(r": ([\d,]+) of ([\d,]+) (?:row|sentence|file|pair|unit|recording)s left out: ")


@dataclass(frozen=True)
class Case:
    """One changed data set. name: of the start. options: beside --data."""

    name: str
    files: Files
    options: Mapping[str, Value]


def draw(name: str, random: Random) -> Case:
    """Return a case: the files of a start, most of them changed, and how they are read."""
    start = STARTS[name]
    options = dict(start.options)
    if random.random() < 0.25:
        known = defaults(tasks.get(start.task)).as_dict()
        options |= {key: value for key, value in READING[int(random.integers(len(READING)))].items() if key in known}
    return Case(name, mutate(make(name), random), options)


def write(found: Files, folder: Path) -> None:
    for name, content in found.items():
        path = folder / name
        # A file that was renamed by chance may have the name of a folder.
        if path.is_dir() or any(parent.is_file() for parent in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def ask(case: Case, folder: Path, random: Random) -> None:
    """Read a case as `train` does, or as `data` or `predict --input`; BadInput, or Broken where that says no truth."""
    task = tasks.get(STARTS[case.name].task)
    options = defaults(task).replace(**{"data": str(folder / STARTS[case.name].data), **case.options})
    if options.as_dict().get("vectors"):
        options = options.replace(vectors=str(folder / options.vectors))
    door = random.random()
    if door < 0.12:
        report = look(task, options)
        record.load(record.dump(summarise(report)))
        return
    path = Path(str(options.data))
    assert task.reader
    if door < 0.24 and files.suffix(path) in task.reader.inputs:
        read_inputs(task, options, path)
        return
    said: list[str] = []
    found = data.read(task, options, said.append)
    check_read(task, found, said, alone=sum(map(len, found.values())))
    if door < 0.3 and data.fingerprint(data.read(task, options)) != data.fingerprint(found):
        raise Broken("read twice, the data is not the same")
    said.clear()
    prepared = data.prepare(task, options, said.append)
    check_said(said)
    check_splits(prepared.examples, options, task)
    experiment = Experiment(
        task, options, folder / "run", prepared.input_field, prepared.output_field, prepared.fingerprint
    )
    for field in (prepared.input_field, prepared.output_field):
        check_saved(task, options, field)
    for split, examples in prepared.examples.items():
        check_batches(experiment.encode(examples, seed=0 if split == "train" else None), len(examples))
    for vector in read_vectors(options, prepared.input_field, said.append).values():
        if vector.ndim != 1 or not np.isfinite(vector).all():
            raise Broken(f"no vector: {vector!r:.300}")
    check_typed(prepared.input_field, prepared.examples["test"][0].input, random)


def check_typed(field: Any, value: Any, random: Random) -> None:
    """Check an input as it is typed after `predict`, changed by chance."""
    typed = " ".join(value) if isinstance(value, tuple) else str(value)
    changed = change_bytes("typed", typed.encode("utf-8", "replace"), random).decode("utf-8", "replace")
    check_parsed(field, " ".join(changed.splitlines()))


def check_parsed(field: Any, typed: str) -> None:
    """Check that a line that was typed is an input that can be encoded, or is refused in one line."""
    try:
        parsed = field.parse(typed)
        if not field.refuse(parsed):
            check_arrays(field.encode(parsed), field.arrays)
    except BadInput as error:
        check_message(str(error))


def read_inputs(task: Task, options: Options, path: Path) -> None:
    """Read the inputs alone, as `predict --input` does."""
    request = data.make_request(task, options, path, inputs_only=True)
    assert task.reader
    said: list[str] = []
    for examples in task.reader.files(request, said.append).values():
        for example in examples:
            # A forecast's are the future of what is known ahead.
            if example.output is not None and task.name != "forecast":
                raise Broken(f"an output, where only inputs are asked for: {example!r:.300}")
            check_value(example.input, example)
    check_said(said)


def check_read(task: Task, found: Splits, said: list[str], alone: int) -> None:
    """Check what a reader gives, before any of it is divided or encoded."""
    if not found.get("train"):
        raise Broken(f"no train split, and no message: {list(found)}")
    for split, examples in found.items():
        if split not in ("train", "validation", "test"):
            raise Broken(f"a split of the name {split!r}")
        for example in examples:
            check_example(task, example)
    check_said(said)
    # Of one file, as many are kept as are read and not left out; captions and time tables join several rows.
    counts = [
        tuple(int(one.replace(",", "")) for one in match.groups()) for line in said if (match := LEFT_OUT.search(line))
    ]
    if len(counts) == 1 and len(found) == 1 and task.name in ("sentiment", "rating", "ner", "pos", "translation"):
        left, total = counts[0]
        if alone != total - left:
            raise Broken(f"{left} of {total} are said to be left out, and {alone} are there")


def check_said(said: Sequence[str]) -> None:
    """Check that what is told of the data are lines that one can read."""
    for line in said:
        if "\n" in line or len(line) > LONGEST:
            raise Broken(f"a line of {len(line)} characters, or two: {line!r:.600}")


def check_example(task: Task, example: Example) -> None:
    if not example.origin:
        raise Broken(f"no origin: {example!r:.300}")
    values = [example.input, *(example.output if isinstance(example.output, Alternatives) else [example.output])]
    for value in values:
        check_value(value, example)
    if task.name in ("ner", "pos") and example.output is not None:
        if not example.input or len(example.input) != len(example.output):
            raise Broken(f"{len(example.input)} tokens and {len(example.output)} tags: {example!r:.300}")
        if not all(example.input) or not all(example.output):
            raise Broken(f"an empty token or tag: {example!r:.300}")
    if (
        task.name == "sentiment"
        and example.output is not None
        and not (isinstance(example.output, str) and example.output.strip())
    ):
        raise Broken(f"no label: {example!r:.300}")
    if (
        task.name == "rating"
        and example.output is not None
        and not (isinstance(example.output, float) and math.isfinite(example.output))
    ):
        raise Broken(f"no number: {example!r:.300}")
    if task.name in ("sentiment", "rating", "translation") and not (
        isinstance(example.input, str) and example.input.strip()
    ):
        raise Broken(f"no text: {example!r:.300}")


def check_value(value: Any, example: Example) -> None:
    """Check one side of an example at any depth: texts are Unicode, series are of finite numbers or gaps."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Broken(f"half of a surrogate pair: {example!r:.300}") from None
    elif isinstance(value, tuple):
        for part in value:
            check_value(part, example)
    elif isinstance(value, Signal) and (
        value.values.ndim != 2 or not value.values.size or np.isinf(value.values).any()
    ):
        raise Broken(f"no series: {value.values.shape}: {example!r:.300}")


def check_splits(splits: Splits, options: Options, task: Task) -> None:
    """Check what training gets: three splits, none of them empty, and as many as --limit at most."""
    for split in ("train", "validation", "test"):
        if not splits[split]:
            raise Broken(f"{split} is empty")
    most = options.limit
    if most and not options.train_on_validation and any(len(splits[split]) > most for split in ("validation", "test")):
        raise Broken(f"more than --limit {most}")


def check_saved(task: Task, options: Options, field: Any) -> None:
    """Check that a fitted field is the same once it is saved and restored."""
    side = task.input if isinstance(field, task.input.kind) else task.output
    saved = record.load(record.dump(fields.save(field)))
    if fields.save(fields.restore(side(options), saved)) != fields.save(field):
        raise Broken(f"restored, it is another one: {type(field).__name__}")


def check_batches(batches: Batches, count: int) -> None:
    """Check encoded examples: each as its field says, each drawn once, none without a step; more padding adds zeros."""
    for side, arrays in ((batches.inputs, batches.input_arrays), (batches.outputs or (), batches.output_arrays)):
        for encoded in side:
            check_arrays(encoded, arrays)
    if (batches.steps < 1).any():
        raise Broken("an input without any time step")
    drawn = np.concatenate([members[:real] for _, members, real in batches.plan()])
    if sorted(set(drawn.tolist())) != list(range(len(batches.inputs))):
        raise Broken(f"{len(set(drawn.tolist()))} of {len(batches.inputs)} examples are drawn")
    if not batches.windows and len(batches.inputs) != count:
        raise Broken(f"{count} examples, and {len(batches.inputs)} encoded ones")
    length, members, real = batches.plan()[0]
    inputs, *outputs = batches.draw(length, members, real)
    longer, *_ = batches.draw(length + 3, members, real)
    for name, array in inputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise Broken(f"{name} has numbers that are not finite")
        if name == "previous" or array.shape == longer[name].shape:
            continue
        if not (longer[name][:, : array.shape[1]] == array).all() or longer[name][:, array.shape[1] :].any():
            raise Broken(f"more padding changes {name}")
    if "mask" in inputs and not inputs["mask"].any(axis=1).all():
        raise Broken("a mask without any step")
    if outputs and (outputs[1] < 0).any():
        raise Broken("a negative weight")


def check_arrays(encoded: Arrays, arrays: Mapping[str, fields.Array]) -> None:
    """Check that encoded arrays are of the shape, the type and the size that their field declares."""
    if encoded.keys() != arrays.keys():
        raise Broken(f"expected the arrays {sorted(arrays)}, got {sorted(encoded)}")
    lengths = set()
    for name, array in arrays.items():
        found = np.asarray(encoded[name])
        fits = found.ndim == len(array.shape) and all(
            size in (None, own) for size, own in zip(array.shape, found.shape, strict=True)
        )
        if not fits or found.dtype != np.dtype(array.dtype):
            raise Broken(f"{name}: expected {array.shape} of {array.dtype}, got {found.shape} of {found.dtype}")
        if array.timed:
            lengths.add(len(found))
        if array.size is not None and found.size and not (found.min() >= -1 and found.max() < array.size):
            raise Broken(f"{name}: an id of {found.min()} to {found.max()}, of {array.size}")
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise Broken(f"{name}: numbers that are not finite")
    if len(lengths) > 1:
        raise Broken(f"arrays of several lengths: {lengths}")
