"""Small data and small runs for the tests: any task of the registry, any cell."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import contextlib
import dataclasses
import json
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tasks
from harness.options import cell_options, defaults, find_options, override
from harness.process import interrupt
from models.cells import CELLS
from pipeline import files
from pipeline import splits as splits_of_data
from pipeline.batches import bucketing
from pipeline.batches.padding import measure
from pipeline.errors import BadInput
from pipeline.example import Continued, Example, Splits, first
from pipeline.fields import UNSEEN, Picture
from pipeline.option import Options
from tasks.task import Task

ROOT = Path(__file__).parent.parent.parent
# Six examples validate, by which an epoch is chosen all the same.
SMALL = {
    "units": 8, "embedding_size": 8, "batch_size": 4, "epochs": 3, "learning_rate": 0.01, "keep_epoch": "best"
}  # fmt: skip
# Of the tasks that have these options: for data that is short, too.
SMALL_DATA = {
    "delay": 4, "chrono": 8, "image_size": 16, "window": 60, "pairs": 2, "length": 24, "symbols": 9
}  # fmt: skip

# What follows processes in /proc, or needs /dev/full.
linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux has /proc and /dev/full")

# Of a run's summary: what is not the same every time.
NOT_MEASURED = {"seconds": 0, "compiling": 0, "tokens_per_second_answering": 0, "megabytes": 0}


@cache
def small_splits(name: str) -> Splits:
    """Return 12 examples to train on, 6 to validate and 6 to test, short, out of a task's default source.

    The tags, labels or categories of validation and test all occur in train. They are drawn once per session.
    """
    path = Path(os.environ["UNROLLED_CACHE"]) / "small" / f"{name}.pickle"
    if not path.exists():
        files.write(path, lambda temporary: temporary.write_bytes(pickle.dumps(draw_small_splits(name))))
    return pickle.loads(path.read_bytes())


def draw_small_splits(name: str) -> Splits:
    """Return them; see `small_splits`."""
    # The registry itself: a small task may stand in for `tasks.get`.
    task = tasks.find()[name]
    loaded = next(iter(task.sources.values())).load(small_options(task, limit=500))
    loaded = splits_of_data.complete(loaded, validation=0.2)
    steps = measure_steps(task, loaded["train"][:500])

    def short(split: str) -> list[Example]:
        # What goes on from another example cannot be typed.
        whole = [example for example in loaded[split][:500] if not isinstance(example.input, Continued)]
        distinct = {(example.input, example.output): example for example in whole}
        return sorted((example for example in distinct.values() if steps(example) >= 3), key=steps)[:96]

    # One example of each output first, so that a classifier has labels to tell apart.
    candidates = short("train")[::4]
    distinct = list({example.output: example for example in reversed(candidates)}.values())[-6:]
    others = [example for example in candidates if example not in distinct]
    splits = {"train": distinct + others[: 12 - len(distinct)]}
    given, output = task.input(defaults(task)), task.output(defaults(task))
    given.fit(example.input for example in splits["train"])
    output.attach(given)
    output.fit(example.output for example in splits["train"])
    for split in ("validation", "test"):
        known = [one for one in short(split) if _encodes(given, one.input) and _encodes(output, first(one.output))]
        splits[split] = known[::3][:6]
    assert [len(examples) for examples in splits.values()] == [12, 6, 6], f"{name}: too few short examples"
    return splits


def measure_steps(task: Task, training: list[Example]) -> Callable[[Example], int]:
    """Return a function of an example to the time steps of its longer side."""
    given, wanted = task.input(small_options(task)), task.output(defaults(task))
    given.fit(example.input for example in training)
    wanted.attach(given)
    wanted.fit(first(example.output) for example in training)

    def steps(example: Example) -> int:
        length = measure(given.encode(example.input), given.arrays)
        # A tag or label that is not among the training examples has no length.
        output = first(example.output)
        return max(length, measure(wanted.encode(output), wanted.arrays)) if _encodes(wanted, output) else length

    return steps


def _encodes(field: Any, value: Any) -> bool:
    """Return whether a field encodes a value as one of the training data."""
    try:
        found = field.encode(value)
    except BadInput:
        return False
    return all(array.dtype.kind != "i" or (array != UNSEEN).all() for array in found.values())


def as_typed(value: Any, folder: Path) -> str:
    """Return what a user types for an input: its text, its tokens with spaces between, or the path of its picture."""
    if isinstance(value, Picture):
        path = folder / f"{value.digest}.png"
        value.save(path)
        return str(path)
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def small_task(name: str) -> Task:
    """Return the task with its small splits as its only source."""
    return with_source(tasks.find()[name], "small", lambda _: small_splits(name))


def with_source(task: Task, name: str, load: Callable[[Any], Splits]) -> Task:
    """Return a task with one source of data, which has the options of its own first one."""
    source = dataclasses.replace(next(iter(task.sources.values())), load=load)
    return dataclasses.replace(task, sources={name: source})


def small_options(task: Task, **changed: Any) -> Options:
    """Return the task's options, with a model that trains in no time."""
    known = find_options(task)
    usual = {name: value for name, value in (SMALL | SMALL_DATA).items() if name in known}
    cell = changed.get("cell", defaults(task).cell)
    # An option of cells, which this one may not have; of use where a task sets it.
    if "chrono" not in task.options or "chrono" not in cell_options(cell):
        usual.pop("chrono", None)
    if "min_count" in task.output.declared("data"):
        # In twelve examples no answer is seen often.
        usual["min_count"] = 1
    return defaults(task).replace(**usual | changed)


@contextlib.contextmanager
def small(name: str) -> Iterator[Task]:
    """Put the small task in the registry's place, and pad all batches to one length: one shape to compile."""
    start_keras()
    task = small_task(name)
    splits = small_splits(name)
    examples = [example for split in splits.values() for example in split]
    longest = max(map(measure_steps(task, splits["train"]), examples))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "get", lambda *_: task)
        # Fewer examples may give other subwords, and so longer sequences.
        patch.setattr(bucketing, "choose_lengths", lambda lengths, *_, **__: [max(longest, *lengths)])
        yield task


@cache
def start_keras() -> None:
    """Start Keras as the command line does."""
    from harness.process import backend

    backend.start()


def run_on_disk(disk: Path, size: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run Python in a process of its own, for which a folder is a disk of that size, such as 1m.

    Skips the test where none can be mounted: without root, and without namespaces of the user's own.
    """
    mount = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh", size, str(disk)]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    command = [*alone, sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def read_state(directory: Path) -> dict[str, np.ndarray]:
    """Return every variable of a run's model and optimizer after its last epoch."""
    with np.load(directory / "state.npz") as saved:
        return {name: saved[name] for name in saved.files if name != "progress"}


def read_metrics(directory: Path) -> list[dict]:
    """Return the lines of metrics.jsonl, but for what depends on the clock."""
    lines = map(json.loads, (directory / "metrics.jsonl").read_text().splitlines())
    timed = ("seconds", "compiling", "tokens_per_second", "checksum")
    return [{name: value for name, value in line.items() if name not in timed} for line in lines]


def read_record(path: Path) -> Any:
    """Return what a file of a run holds, without its checksum: to be changed and written again, say."""
    found = json.loads(path.read_text())
    found.pop("checksum", None)
    return found


def read_predictions(directory: Path) -> list[dict]:
    """Return the lines of predictions/test.jsonl."""
    return [json.loads(line) for line in (directory / "predictions" / "test.jsonl").read_text().splitlines()]


def assert_same_run(one: Path, other: Path) -> None:
    """Assert that two runs have the same weights, bit for bit, the same metrics and the same scores."""
    first, second = read_state(one), read_state(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert np.array_equal(value, second[name]), f"variable {name} differs"
    assert read_metrics(one) == read_metrics(other)
    assert read_predictions(one) == read_predictions(other)
    scores = [json.loads((directory / "scores.json").read_text()) for directory in (one, other)]
    for name in ("scores", "validation", "best_epoch", "epochs", "weights"):
        assert scores[0][name] == scores[1][name]


def read_bytes(directory: Path) -> dict[str, bytes]:
    """Return every file under a folder."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def encode(examples: Sequence[Example], input_field: Any, output_field: Any) -> Any:
    """Return examples as batches of the fields' arrays, as a run of any task would encode them."""
    from harness.experiment import Experiment

    task = tasks.find()["pos"]
    experiment = Experiment(task, defaults(task), Path(), input_field, output_field, fingerprint="")
    return experiment.encode(examples)


def train(task: Task, options: Options, folder: Path, **given: Any) -> Any:
    """Train a run in folder/TASK/CELL-sSEED, whatever its options; return its summary."""
    from harness.training.train import train

    return train(task, options, folder, name=f"{options.cell}-s{options.seed}", **given)


@contextlib.contextmanager
def stopped_within(epochs: int, batch: int = 0) -> Iterator[None]:
    """Inside, a training is stopped at the end of a batch, once so many epochs are done; that it is, is expected."""
    from harness.training.checkpoint import Checkpoint

    def stop(checkpoint: Any, number: int, logs: Any = None) -> None:
        if checkpoint.progress["epoch"] == epochs and number == batch:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoint, "on_train_batch_end", stop)
        yield


@contextlib.contextmanager
def stopped_after(epochs: int) -> Iterator[None]:
    """Inside, a training is stopped as soon as the state after so many epochs is kept; that it is, is expected."""
    from harness.training.checkpoint import Checkpoint

    end = Checkpoint.on_epoch_end

    def stop(checkpoint: Any, number: int, logs: Any = None) -> None:
        end(checkpoint, number, logs)
        if checkpoint.progress["epoch"] == epochs:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoint, "on_epoch_end", stop)
        yield


def train_small(task: Task, folder: Path, **changed: Any) -> Path:
    """Train a small run of a small task, and return its directory."""
    return Path(train(task, small_options(task, **changed), folder)["run"])


def open_run(directory: Path, **decoding: Any) -> Any:
    """Return a trained run with its model; decoding: options in place of its own."""
    from harness.runs.restored import read_run
    from harness.runs.trained import open_model

    return open_model(override(read_run(directory), decoding))


def evaluate(directory: Path, source: str | None = None, split: str = "test", **decoding: Any) -> dict:
    """Return what `run.py evaluate` prints as JSON."""
    from harness.runs.restored import read_run
    from harness.score import score
    from harness.selection import select

    experiment = override(read_run(directory), decoding)
    return score(experiment, select(experiment, source, split), source=source, keep=not decoding)


def predict(directory: Path, texts: Sequence[tuple[str, str]], *, attention: bool = False, **decoding: Any) -> list:
    """Return the answers of a run to (origin, text)."""
    from harness import inputs, predict
    from harness.runs.restored import read_run
    from harness.runs.trained import open_model

    experiment = override(read_run(directory), decoding)
    asked = inputs.parse(experiment, texts)
    inputs.check_any(asked)
    return predict.predict(open_model(experiment), asked, attention=attention)


@contextlib.contextmanager
def without_new_cells() -> Iterator[None]:
    """Take the cells that are added inside out of the table again."""
    known = set(CELLS)
    yield
    for name in set(CELLS) - known:
        del CELLS[name]


@contextlib.contextmanager
def handled(handler: Any, numbers: Iterable[int] = interrupt.SIGNALS) -> Iterator[None]:
    """Have processes start with signals ignored, or obeyed though the tests run in the background or under nohup."""
    before = {number: signal.signal(number, handler) for number in numbers}
    yield
    for number in before:
        signal.signal(number, before[number])
