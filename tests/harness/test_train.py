"""Stops, damage and repeated commands: what a run directory holds afterwards."""

import dataclasses
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from harness import runs
from harness.comparison import plan
from harness.comparison.sweep import Sweep
from harness.evaluate import Answer, Scored, Scorer, write_answers
from harness.process.lock import hold
from harness.training import begin as beginning
from harness.training.checkpoint import Checkpoint
from harness.training.learning_rate import make_rate
from harness.training.optimizer import make_optimizer
from harness.training.schedule import Schedule
from pipeline.batches.bucketing import Batches
from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.files import UNFINISHED
from pipeline.option import Options
from tasks.task import Source, Task
from tests.harness import (
    NOT_MEASURED,
    assert_same_run,
    read_bytes,
    read_metrics,
    small,
    small_options,
    small_splits,
    stopped_within,
    train,
)

NAME = "pos"
RUN = Path(NAME, "simple-s0")


@pytest.fixture(scope="module")
def task() -> Iterator[Task]:
    """The small task, monitored by its loss, so that every one of a few epochs is the best."""
    with small(NAME) as task:
        yield dataclasses.replace(task, monitor="loss", lower_is_better=True)


@pytest.fixture(scope="module")
def options(task: Task) -> Options:
    return small_options(task)


@pytest.fixture(scope="module")
def complete(task: Task, options: Options, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that trained without a stop."""
    folder = tmp_path_factory.mktemp("complete")
    train(task, options, folder)
    return folder


@pytest.fixture
def stopped(task: Task, options: Options, tmp_path: Path) -> Path:
    """The folder of a run stopped in its second epoch."""
    with stopped_within(1):
        train(task, options, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "epoch", "after"),
    [
        ("config.json", 0, True),
        ("input.json", 0, True),
        ("best.keras", 1, True),
        ("state.npz", 1, False),
        ("state.npz", 1, True),
        ("best.keras", 2, False),
        ("best.keras", 2, True),
        ("state.npz", 2, False),
        ("state.npz", 3, False),
        ("state.npz", 3, True),
        ("test.jsonl", 3, False),
        ("test.jsonl", 3, True),
        ("scores.json", 3, False),
    ],
)
def test_a_run_stopped_at_any_write_ends_as_one_that_was_not(
    name: str,
    epoch: int,
    after: bool,
    complete: Path,
    task: Task,
    options: Options,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write, lines = runs.write, tmp_path / RUN / "metrics.jsonl"

    def stop(path: Path, save: Any) -> None:
        done = len(lines.read_text().splitlines()) if lines.exists() else 0
        # The best model of an epoch is written before its line in metrics.jsonl.
        now = path.name == name and done == epoch - (name == "best.keras")
        if now and not after:
            raise KeyboardInterrupt
        write(path, save)
        if now:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runs, "write", stop)
        train(task, options, tmp_path)
    train(task, options, tmp_path)
    assert_same_run(complete / RUN, tmp_path / RUN)


def test_a_line_cut_short_by_a_crash_is_dropped(complete: Path, stopped: Path, task: Task, options: Options) -> None:
    with (stopped / RUN / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "lo')
    train(task, options, stopped)
    assert_same_run(complete / RUN, stopped / RUN)


def test_training_stops_early_once_and_for_all(
    task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With a learning rate of next to nothing no epoch has a higher score than the first.
    task = dataclasses.replace(task, monitor="accuracy", lower_is_better=False)
    options = dataclasses.replace(options, learning_rate=1e-9, dropout=0.0, epochs=9, patience=2)
    summary = train(task, options, tmp_path)
    assert summary["epochs"] == 3
    assert [line["epoch"] for line in read_metrics(tmp_path / RUN)] == [1, 2, 3]
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: pytest.fail("the run was trained again"))
    assert train(task, options, tmp_path) == summary
    (tmp_path / RUN / "scores.json").unlink()
    assert train(task, options, tmp_path) | NOT_MEASURED == summary | NOT_MEASURED


@pytest.mark.parametrize(
    ("scores", "losses", "lower", "epoch"),
    [
        ([0.2, 0.9, 0.1], [1.0, 1.0, 0.5], False, 2),
        ([0.2, 0.9, 0.1], [0.5, 1.0, 1.0], True, 3),
        # Of equals that with the lower loss.
        ([0.9, 0.9, 0.9], [0.5, 0.3, 0.4], False, 2),
        ([0.9, 0.9, 0.2], [0.5, 0.5, 0.1], False, 1),
    ],
)
def test_the_best_epoch_is_chosen_by_the_monitored_score(
    scores: list[float],
    losses: list[float],
    lower: bool,
    epoch: int,
    task: Task,
    options: Options,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of three epochs, then of the test split.
    found = iter([*zip(scores, losses, strict=True), (0.6, 1.0)])

    def measure(*_, **__) -> Scored:
        score, loss = next(found)
        return Scored({"accuracy": score, "loss": loss}, [])

    monkeypatch.setattr(Scorer, "measure", measure)
    monkeypatch.setattr("harness.evaluate.write_answers", lambda *_: None)
    task = dataclasses.replace(task, monitor="accuracy", lower_is_better=lower)
    summary = train(task, options, tmp_path)
    assert (summary["best_epoch"], summary["validation"]) == (epoch, scores[epoch - 1])
    assert summary["scores"]["accuracy"] == 0.6


def test_a_loss_that_is_not_a_number_ends_training_with_advice(
    task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = Batches.draw

    def overflow(batches: Batches, *entry: Any) -> tuple:
        inputs, outputs, weights = draw(batches, *entry)
        return inputs, outputs, weights * np.nan

    monkeypatch.setattr(Batches, "draw", overflow)
    with pytest.raises(BadInput, match="epoch 1, step 1 of 3: the loss is nan, .*lower --learning-rate"):
        train(task, options, tmp_path)


def test_options_that_differ_are_listed_and_the_run_is_kept(complete: Path, task: Task, options: Options) -> None:
    before = read_bytes(complete)
    with pytest.raises(BadInput) as caught:
        train(task, dataclasses.replace(options, units=9, learning_rate=0.5), complete)
    text = str(caught.value)
    assert "--units: 8 then, 9 now" in text and "--learning-rate: 0.01 then, 0.5 now" in text and "--fresh" in text
    assert "--dropout" not in text
    assert read_bytes(complete) == before


def test_fresh_starts_over(stopped: Path, task: Task, options: Options, tmp_path: Path) -> None:
    summary = train(task, dataclasses.replace(options, units=9, epochs=1), stopped, fresh=True)
    assert summary["epochs"] == 1
    assert json.loads((stopped / RUN / "config.json").read_text())["options"]["units"] == 9
    assert [line["epoch"] for line in read_metrics(stopped / RUN)] == [1]


@pytest.mark.parametrize("fresh", [False, True])
def test_a_run_that_another_process_trains_is_refused_and_kept(
    fresh: bool, stopped: Path, task: Task, options: Options
) -> None:
    with hold(stopped / RUN):
        before = read_bytes(stopped)
        with pytest.raises(BadInput, match="another process trains this run"):
            train(task, options, stopped, fresh=fresh)
        assert read_bytes(stopped) == before


def test_a_complete_run_is_read_where_nothing_can_be_written(
    complete: Path, task: Task, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise BadInput(f"{path}: a read-only file system")

    monkeypatch.setattr(beginning, "hold", refuse)
    assert train(task, options, complete)["epochs"] == 3


def test_a_run_that_was_killed_at_its_first_file_is_begun_anew(
    complete: Path, task: Task, options: Options, tmp_path: Path
) -> None:
    (tmp_path / RUN).mkdir(parents=True)
    (tmp_path / RUN / f"{UNFINISHED}7.config.json").touch()
    train(task, options, tmp_path)
    assert_same_run(complete / RUN, tmp_path / RUN)
    assert {path.name for path in (tmp_path / NAME).iterdir()} == {RUN.name}


def test_what_was_left_undone_when_a_run_was_complete_is_done(
    complete: Path, task: Task, options: Options, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(complete, tmp_path / "copy"))
    before = read_bytes(folder)
    (folder / RUN / "README.md").rename(folder / RUN / f"{UNFINISHED}7.README.md")
    shutil.copy(folder / RUN / "state.npz", folder / RUN / "state.previous.npz")
    train(task, options, folder)
    assert read_bytes(folder).keys() == before.keys()
    assert (folder / RUN / "README.md").stat().st_size > 500


def test_a_clock_that_is_far_off_is_refused_before_anything_is_written(
    task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(time, "localtime", lambda: time.gmtime(0))
        for begin in (
            lambda: train(task, options, tmp_path),
            lambda: plan.settle(Sweep({NAME: options}, ("simple",), 1, "units", tmp_path)),
        ):
            with pytest.raises(BadInput, match="the clock of this machine says 1970-01-01"):
                begin()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_that_is_no_run_is_never_touched(fresh: bool, task: Task, options: Options, tmp_path: Path) -> None:
    (tmp_path / RUN).mkdir(parents=True)
    (tmp_path / RUN / "thesis.txt").write_text("years of work")
    with pytest.raises(BadInput, match="neither empty nor a run directory"):
        train(task, options, tmp_path, fresh=fresh)
    assert read_bytes(tmp_path / RUN) == {"thesis.txt": b"years of work"}


def test_data_that_changed_is_not_trained_on_with_the_old_state(stopped: Path, task: Task, options: Options) -> None:
    before = read_bytes(stopped)
    splits = small_splits(NAME)
    changed = {**splits, "train": splits["train"][:-1]}
    other = dataclasses.replace(task, sources={"small": Source("", "", lambda _: changed)})
    with pytest.raises(BadInput, match="data has changed"):
        train(other, options, stopped)
    assert read_bytes(stopped) == before


def test_an_empty_split_is_refused_before_anything_is_written(task: Task, options: Options, tmp_path: Path) -> None:
    other = dataclasses.replace(task, sources={"small": Source("", "", lambda _: {**small_splits(NAME), "test": []})})
    with pytest.raises(BadInput, match="small: the test split is empty"):
        train(other, options, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_tag_seen_in_test_only_is_refused_with_its_place_if_strict(
    task: Task, options: Options, tmp_path: Path
) -> None:
    strange = [Example(("a", "b"), ("NOUN", "NOWN"), "test.tsv:7")]
    other = dataclasses.replace(
        task, sources={"small": Source("", "", lambda _: {**small_splits(NAME), "test": strange})}
    )
    with pytest.raises(BadInput, match=r"^test.tsv:7: unknown label 'NOWN'. Did you mean 'NOUN'\?"):
        train(other, dataclasses.replace(options, strict=True), tmp_path)
    assert not list(tmp_path.iterdir())


def test_limit_keeps_the_tags_of_all_the_training_data(task: Task, options: Options, tmp_path: Path) -> None:
    splits = small_splits(NAME)
    rare = [Example(("x", "y"), ("RARE", "RARE"))]
    data = {"train": splits["train"] + rare, "validation": rare + splits["validation"], "test": rare}
    other = dataclasses.replace(task, sources={"small": Source("", "", lambda _: data)})
    assert train(other, dataclasses.replace(options, limit=1, epochs=1), tmp_path)["epochs"] == 1


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"\x00\xff" * 50, lambda b: b""])
def test_a_damaged_state_is_refused_and_the_run_is_kept(
    damage: Any, stopped: Path, task: Task, options: Options
) -> None:
    path = stopped / RUN / "state.npz"
    path.write_bytes(damage(path.read_bytes()))
    before = read_bytes(stopped)
    with pytest.raises(BadInput, match=r"state.npz: the file is damaged.*--fresh"):
        train(task, options, stopped)
    assert read_bytes(stopped) == before


def test_a_run_says_what_it_was(complete: Path, options: Options) -> None:
    config = json.loads((complete / RUN / "config.json").read_text())
    assert config["options"] == options.as_dict() | {"data": "small"}
    environment = json.loads((complete / RUN / "environment.json").read_text())
    assert environment["packages"]["keras"] == keras.__version__
    assert {"command", "python", "machine", "device", "commit"} <= environment.keys()
    files = {path.name for path in (complete / RUN).iterdir()}
    assert files == {
        "config.json", "environment.json", "fields", "metrics.jsonl", "best.keras", "state.npz", "scores.json",
        "predictions", "data.json", "README.md",
    }  # fmt: skip


def test_without_a_terminal_an_epoch_is_one_line(
    task: Task, options: Options, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    train(task, options, tmp_path)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if line.startswith("epoch ")]
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "\x1b" not in captured.err and "\r" not in captured.err
    # Compiled in the first epoch, and then no more.
    metrics = [json.loads(line) for line in (tmp_path / RUN / "metrics.jsonl").read_text().splitlines()]
    if keras.config.backend() == "jax":
        assert [line["compiling"] > 0 for line in metrics] == [True, False, False]
    for line in metrics:
        assert 0 <= line["compiling"] < line["seconds"]
        # As near as three decimals of the seconds tell.
        speed, spent = line["tokens_per_second"], line["seconds"] - line["compiling"]
        tokens = sum(len(example.input) for example in small_splits(NAME)["train"])
        assert (speed - 0.5) * (spent - 0.001) <= tokens <= (speed + 0.5) * (spent + 0.001)


def test_predictions_are_written_with_their_origin(tmp_path: Path) -> None:
    answer = Answer("b", {"probability": 0.75})
    write_answers(tmp_path / "new" / "test.jsonl", [Example("ünï", "a", "x.csv:3")], [answer])
    text = (tmp_path / "new" / "test.jsonl").read_text(encoding="utf-8")
    expected = {"input": "ünï", "output": "a", "prediction": "b", "probability": 0.75, "origin": "x.csv:3"}
    assert json.loads(text) == expected and "ünï" in text


def test_scored_and_kept_is_the_running_average_of_the_weights_and_training_goes_on_from_their_last_values(
    task: Task, options: Options, tmp_path: Path
) -> None:
    options = dataclasses.replace(options, ema_decay=0.8)
    seen: list[list[np.ndarray]] = []
    inside: list[np.ndarray] = []
    after: list[np.ndarray] = []

    def read(model: keras.Model) -> list[np.ndarray]:
        return [np.array(weight) for weight in model.trainable_variables]

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            # On JAX the model itself is brought up to date when asked to.
            if keras.config.backend() == "jax":
                self.model.jax_state_sync()
            seen.append(read(self.model))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            with checkpoint.averages():
                inside.extend(read(self.model))
            after.extend(read(self.model))

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    schedule = Schedule(epochs=1, patience=1, passes=1, steps=6)
    model.compile(optimizer=make_optimizer(options, make_rate(options, schedule), rows=0), loss="mse")
    checkpoint = Checkpoint(task, tmp_path, schedule=schedule, bar=None, validate=None)  # type: ignore[arg-type]
    checkpoint.set_model(model)
    generator = np.random.default_rng(0)
    model.fit(
        generator.normal(size=(12, 3)), generator.normal(size=(12, 1)), batch_size=2, callbacks=[Watch()], verbose=0
    )
    assert len(seen) == 6
    assert any(np.abs(one - other).max() > 1e-4 for one, other in zip(seen[0], seen[-1], strict=True))
    average = seen[0]
    for weights in seen[1:]:
        average = [0.8 * kept + 0.2 * weight for kept, weight in zip(average, weights, strict=True)]
    for found, expected in zip(inside, average, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    for found, expected in zip(after, seen[-1], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_lazy_embeddings_train_as_adam_where_every_word_is_in_every_batch_and_otherwise_not(
    task: Task, options: Options, tmp_path: Path
) -> None:
    # Rows of words that no batch has are alike either way.
    options = dataclasses.replace(options, min_count=1, word_dropout=0.0)

    def learn(size: int, lazy: bool) -> np.ndarray:
        folder = tmp_path / f"{size}-{lazy}"
        train(task, dataclasses.replace(options, batch_size=size, lazy_embeddings=lazy), folder)
        return np.array(keras.models.load_model(folder / RUN / "best.keras").get_layer("embedding").embeddings)

    everything = len(small_splits(NAME)["train"])
    np.testing.assert_allclose(learn(everything, True), learn(everything, False), atol=1e-5)
    assert np.abs(learn(4, True) - learn(4, False)).max() > 1e-3


@pytest.mark.slow
def test_a_run_with_lazy_embeddings_goes_on_after_a_stop_as_if_there_had_been_none(
    task: Task, options: Options, tmp_path: Path
) -> None:
    # One example has fewer words than the vocabulary, so its step is one by rows.
    options = dataclasses.replace(options, batch_size=1, min_count=1, lazy_embeddings=True, ema_decay=0.9)
    train(task, options, tmp_path / "at once")
    with stopped_within(1):
        train(task, options, tmp_path / "stopped")
    train(task, options, tmp_path / "stopped")
    assert_same_run(tmp_path / "at once" / RUN, tmp_path / "stopped" / RUN)
