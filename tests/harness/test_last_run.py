"""Runs that learn the validation examples too: as long as another was, and without a validation score."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tasks
from harness import data, runs
from harness.commands.printing import describe
from harness.learning_curve import draw, read_learning_curve
from harness.runs.restored import read_run
from harness.runs.schema import Summary
from harness.selection import select
from harness.training import fine_tuning, last_run
from harness.training.schedule import KnownLength, plan_epochs
from harness.training.train import read_fitted, train
from pipeline.errors import BadInput
from pipeline.option import Options
from tasks.task import Task
from tests.harness import assert_same_run, read_state, small, small_options, small_splits, stopped_after

NAME = "sentiment"
BEST = 2


@pytest.fixture(scope="module")
def task() -> Iterator[Task]:
    with small(NAME) as task:
        yield task


@pytest.fixture(scope="module")
def options(task: Task) -> Options:
    return small_options(task, epochs=3, patience=3)


def claim_best(folder: Path) -> Path:
    """Make the second epoch the best one of the run that a folder holds, whatever its scores were."""
    (path,) = folder.glob("*/*/scores.json")
    known = json.loads(path.read_text())
    # As earlier versions wrote it: without a checksum.
    known.pop("checksum")
    path.write_text(json.dumps(known | {"best_epoch": BEST}))
    return path.parent


@pytest.fixture(scope="module")
def first(task: Task, options: Options, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run, in a directory of a name of its own."""
    folder = tmp_path_factory.mktemp("runs")
    train(task, options, folder, name="named")
    return claim_best(folder)


@pytest.fixture(scope="module")
def last(task: Task, options: Options, first: Path) -> Summary:
    return train(task, options.replace(train_on_validation=True), first.parents[1])


def test_it_is_as_long_as_the_other_was_best_and_has_no_validation_score(last: Summary, first: Path) -> None:
    assert (last["epochs"], last["best_epoch"], last["validation"]) == (BEST, BEST, None)
    assert last["length_from"] == str(first)
    assert np.isfinite(last["scores"]["accuracy"])  # type: ignore[arg-type]
    lines = runs.read_metrics(Path(last["run"]), BEST, "accuracy")
    assert [line["validation_accuracy"] for line in lines] == [None, None]
    said = describe(last)
    assert f"as many as were best in {first}" in said["best epoch"] and "validation accuracy" not in said["best epoch"]


def test_the_model_card_is_honest(last: Summary, first: Path) -> None:
    card = (Path(last["run"]) / "README.md").read_text()
    assert f"as was best in {first} on less data" in card and "on the validation examples too" in card
    assert "chose the epoch" not in card and "a little too good" not in card


def test_it_learns_all_examples_and_the_schedule_is_that_of_the_other(
    task: Task, options: Options, last: Summary
) -> None:
    prepared = data.fit(task, options.replace(train_on_validation=True))
    splits = small_splits(NAME)
    assert prepared.examples["train"] == [*splits["train"], *splits["validation"]] and prepared.own == 12
    words = {word for one in prepared.examples["train"] for word in prepared.input_field.divide(one.input)}
    assert words == set(prepared.input_field.known_tokens)
    # 18 examples by 4, over the 3 epochs of the other: where it ends, the learning rate has not fallen to 0.
    with np.load(Path(last["run"]) / "state.npz") as state:
        assert json.loads(str(state["progress"]))["epoch"] == BEST
    seen = json.loads((Path(last["run"]) / "data.json").read_text())
    assert seen["examples"] == {"train": 18, "test": 6}


def test_a_stopped_one_goes_on_to_the_same_end(
    task: Task, options: Options, first: Path, last: Summary, tmp_path: Path
) -> None:
    wanted = options.replace(train_on_validation=True)
    folder = first.parents[1]
    with stopped_after(1):
        train(task, wanted, folder, name="stopped")
    train(task, wanted, folder, name="stopped")
    assert_same_run(Path(last["run"]), folder / NAME / "stopped")


def test_without_a_complete_run_the_command_that_trains_it_is_told(
    task: Task, options: Options, first: Path, tmp_path: Path
) -> None:
    for changed, folder in (({}, tmp_path), ({"units": 9}, first.parents[1])):
        with pytest.raises(
            BadInput, match="none is complete in .*train that first: python run.py train sentiment"
        ) as told:
            train(task, options.replace(train_on_validation=True, **changed), folder)
        assert f"--units {changed.get('units', 8)}" in str(told.value)
        assert "--train-on-validation" not in str(told.value).partition("train that first")[2]
    assert not list(tmp_path.rglob("config.json"))


def test_of_other_data_it_is_refused(task: Task, options: Options, first: Path) -> None:
    source = dataclasses.replace(
        task.sources["small"], load=lambda _: small_splits(NAME) | {"train": small_splits(NAME)["train"][1:]}
    )
    other = dataclasses.replace(task, sources={"small": source})
    with pytest.raises(BadInput, match="its data has changed since"):
        train(other, options.replace(train_on_validation=True), first.parents[1], name="other")


def test_scores_on_validation_are_called_what_they_are(last: Summary, capsys: pytest.CaptureFixture) -> None:
    run = read_run(Path(last["run"]))
    assert len(select(run, None, "validation").examples) == 6
    assert "the run has learned these examples" in capsys.readouterr().err


def test_the_learning_curve_is_drawn_without_a_validation_score(last: Summary, tmp_path: Path) -> None:
    directory = Path(last["run"])
    curve = read_learning_curve(directory, "accuracy")
    assert curve and curve.best_epoch == BEST
    draw(directory, "accuracy")


def test_of_a_rate_that_falls_when_it_is_told_the_fall_is_kept(tmp_path: Path, options: Options) -> None:
    # 8 epochs were stable; the rate began to fall at the end of epoch 12, for 2 epochs, of which the first was better.
    schedule = plan_epochs(options.replace(epochs=None, budget="best", steps=20), 4)
    assert schedule.converges and schedule.cool_down(8) == 2
    progress = {"epoch": 14, "best": 0.5, "best_epoch": 13, "waited": 0, "done": True, "seconds": 1.0, "compiling": 0.0}

    def measure(best: int) -> KnownLength:
        np.savez(tmp_path / "state.npz", progress=np.array(json.dumps(progress | {"last": 14, "stable": 8})))
        return last_run.measure(tmp_path, {"best_epoch": best}, schedule)  # type: ignore[typeddict-item]

    assert measure(13) == KnownLength(9, 8, 2)
    assert measure(8) == KnownLength(8)


def test_the_rate_falls_where_it_did_before(
    task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"run": "first", "epochs": 3, "stable": 2, "fall": 2}
    monkeypatch.setattr(last_run, "find_length", lambda *_: found)
    wanted = options.replace(epochs=None, patience=None, budget="best", steps=20, most_epochs=4, passes=1)
    summary = train(task, wanted.replace(train_on_validation=True), tmp_path)
    assert summary["epochs"] == 3
    steps = len(data.fit(task, wanted.replace(train_on_validation=True)).examples["train"]) // 4 + 1
    bounds = [value for value in read_state(Path(summary["run"])).values() if value.shape == (2,)]
    assert [2 * steps, 4 * steps] in [list(one) for one in bounds]


def test_what_decoding_goes_by_is_that_of_the_run_that_says_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.training.train.read_run", lambda directory: directory)
    weights = {"prior/fitted": np.array(2.0), "tags/kernel": np.ones(3)}
    monkeypatch.setattr(fine_tuning, "read_weights", lambda run: weights if run == Path("a") else {})
    correct, other = (SimpleNamespace(task=tasks.find()[name]) for name in ("correct", NAME))
    asked: Any = [SimpleNamespace(experiment=one, length={"run": "a"}) for one in (correct, other)]
    assert [read_fitted(one) for one in asked] == [{"prior/fitted": 2.0}, {}]
    asked[0].length = None
    assert read_fitted(asked[0]) == {}
