"""What a run pads its batches to: chosen when it begins, kept with it, and the same for all that it answers later."""

import json
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

import tasks
from harness.process.backend import watch_compiling
from harness.training import finish
from harness.training.epochs import Epochs
from pipeline.batches import lengths
from pipeline.errors import BadInput
from tasks.task import Task
from tests.harness import (
    assert_same_run,
    evaluate,
    open_run,
    predict,
    read_record,
    small_options,
    small_splits,
    small_task,
    start_keras,
    stopped_within,
    train,
)

NAME = "pos"
RUN = Path(NAME, "simple-s0")


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Iterator[Task]:
    """The small task, with batches of their own lengths, each worth its compilation."""
    start_keras()
    task = small_task(NAME)
    monkeypatch.setattr(tasks, "get", lambda *_: task)
    monkeypatch.setattr(lengths, "STEPS_TO_COMPILE", 0)
    yield task


def read_lengths(folder: Path) -> dict[str, list[int]]:
    return json.loads((folder / RUN / "config.json").read_text())["lengths"]


def test_a_run_goes_on_with_the_lengths_that_it_began_with(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = small_options(task, epochs=2)
    train(task, options, tmp_path / "whole")
    assert len(read_lengths(tmp_path / "whole")["inputs"]) > 1
    with stopped_within(1):
        train(task, options, tmp_path / "stopped")
    # Another version may choose otherwise.
    monkeypatch.setattr(lengths, "STEPS_TO_COMPILE", 10**6)
    train(task, options, tmp_path / "stopped")
    assert_same_run(tmp_path / "whole" / RUN, tmp_path / "stopped" / RUN)
    train(task, options, tmp_path / "merged")
    assert len(read_lengths(tmp_path / "merged")["inputs"]) == 1


def test_fewer_lengths_change_no_loss_of_a_model_without_dropout(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(self: Epochs) -> list:
        """As the batches are drawn: with several lengths, two come first by which TensorFlow tells axes that vary."""
        return [(self.usual.at(self.epoch), entry) for entry in self.usual.at(self.epoch).plan(self.epoch)]

    monkeypatch.setattr(Epochs, "_plan", plan)
    options = small_options(task, epochs=2, dropout=0.0, word_dropout=0.0)
    several = train(task, options, tmp_path / "several")
    monkeypatch.setattr(lengths, "STEPS_TO_COMPILE", 10**6)
    one = train(task, options, tmp_path / "one")
    assert len(read_lengths(tmp_path / "one")["inputs"]) < len(read_lengths(tmp_path / "several")["inputs"])
    assert one["scores"]["loss"] == pytest.approx(several["scores"]["loss"], rel=1e-5)
    assert one["scores"]["accuracy"] == several["scores"]["accuracy"]


@pytest.mark.skipif(keras.config.backend() != "jax", reason="JAX tells what it compiles")
def test_what_validation_compiles_serves_the_test(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = watch_compiling()
    # One length: which of several occur depends on the split.
    monkeypatch.setattr(lengths, "STEPS_TO_COMPILE", 10**6)

    def test(*arguments: object) -> object:
        before = compiled()
        found = original(*arguments)  # type: ignore[arg-type]
        assert before > start and compiled() == before
        return found

    start, original = compiled(), finish.test
    monkeypatch.setattr(finish, "test", test)
    train(task, small_options(task, epochs=1, limit=8), tmp_path)


def test_a_later_evaluation_and_any_single_input_are_padded_to_the_lengths_of_the_run(
    task: Task, tmp_path: Path
) -> None:
    summary = train(task, small_options(task, epochs=1), tmp_path)
    known, run = read_lengths(tmp_path)["inputs"], open_run(tmp_path / RUN)
    batches = run.experiment.encode(small_splits(NAME)["test"])
    assert {length for length, _, _ in batches.plan()} <= set(known)
    assert evaluate(tmp_path / RUN)["scores"] == summary["scores"]
    for count in (1, 2, 3):
        encoded = [run.experiment.input_field.encode(("Ali",) * count)]
        ((length, members, real),) = run.experiment.batch(["here"], encoded).plan()
        assert length in known and len(members) == real == 1
    assert len(predict(tmp_path / RUN, [("text", "Ali geldi.")])) == 1


@pytest.mark.parametrize("damage", [[], [0, 9], [9, 4], [4, 4], "9", [4.5], None, [-1]])
def test_damaged_lengths_are_refused(damage: object, task: Task, tmp_path: Path) -> None:
    train(task, small_options(task, epochs=1), tmp_path)
    path = tmp_path / RUN / "config.json"
    content = read_record(path)
    content["lengths"]["inputs"] = damage
    path.write_text(json.dumps(content))
    with pytest.raises(BadInput, match=r"config\.json"):
        evaluate(tmp_path / RUN)
