"""What is kept within an epoch: a run that goes on from there ends as one that never stopped."""

import dataclasses
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.process import interrupt
from harness.runs import states
from harness.runs.seal import open_archive
from harness.training import fit, step_checkpoint
from harness.training.divergence import Divergence
from harness.training.save_every import read_duration
from harness.training.step_checkpoint import StepCheckpoint
from harness.training.variables import bring_up_to_date
from pipeline.errors import BadInput
from pipeline.option import Options
from tasks.task import Task
from tests.harness import assert_same_run, evaluate, read_metrics, small, small_options, train

NAME = "pos"
RUN = Path(NAME, "simple-s0")
# Twelve steps in each epoch.
STEPS = 12


@pytest.fixture(scope="module")
def task() -> Iterator[Task]:
    with small(NAME) as task:
        yield dataclasses.replace(task, monitor="loss", lower_is_better=True)


@pytest.fixture(scope="module")
def options(task: Task) -> Options:
    return small_options(task, batch_size=1, epochs=2, ema_decay=0.5)


@pytest.fixture(scope="module")
def complete(task: Task, options: Options, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("complete")
    train(task, options, folder)
    return folder / RUN


def read_progress(directory: Path) -> dict[str, Any]:
    with np.load(states.find(directory)[0]) as saved:
        return json.loads(str(saved["progress"]))


def stop_after(patch: pytest.MonkeyPatch, epoch: int, step: int) -> None:
    """Have a state written after every step, and training stopped after one of them."""
    save = StepCheckpoint.save

    def stop(self: StepCheckpoint, at: int) -> None:
        save(self, at)
        if (self.divergence.epoch + 1, at) == (epoch, step):
            raise KeyboardInterrupt

    patch.setattr(StepCheckpoint, "save", stop)
    patch.setattr(step_checkpoint, "SHARE", 0)


@pytest.mark.parametrize(("epoch", "step"), [(1, 1), (2, 5), (2, STEPS)])
def test_a_run_stopped_after_any_step_ends_as_one_that_was_not(
    epoch: int,
    step: int,
    complete: Path,
    task: Task,
    options: Options,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, epoch, step)
        train(task, options, tmp_path, save_every=1e-9)
    found = read_progress(tmp_path / RUN)
    assert (found["epoch"], found["within"]["step"]) == (epoch - 1, step)
    capsys.readouterr()
    train(task, options, tmp_path)
    assert f"going on after step {step} of {STEPS} of epoch {epoch}\n" in capsys.readouterr().err
    assert_same_run(complete, tmp_path / RUN)
    assert [path.name for path in states.find(tmp_path / RUN)] == [states.LAST]


def test_a_damaged_one_makes_room_for_that_of_the_epoch_before(
    complete: Path, task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 2, 5)
        train(task, options, tmp_path, save_every=1e-9)
    path = tmp_path / RUN / states.WITHIN
    path.write_bytes(path.read_bytes()[:-30])
    said: list[str] = []
    monkeypatch.setattr(states, "say", said.append)
    train(task, options, tmp_path)
    assert len(said) == 1 and said[0].endswith("going on from the state before it, of epoch 1")
    assert_same_run(complete, tmp_path / RUN)


def test_one_that_a_training_removes_while_it_is_read_makes_room_for_the_state_after_it(
    complete: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(complete / states.LAST, tmp_path / "after.npz")
    path = tmp_path / states.WITHIN
    path.write_bytes(b"of an epoch that ends now")

    def end_epoch(at: Path) -> AbstractContextManager[zipfile.ZipFile]:
        if path.exists():
            (tmp_path / "after.npz").rename(tmp_path / states.LAST)
            path.unlink()
        return open_archive(at)

    monkeypatch.setattr(states, "open_archive", end_epoch)
    found = states.read_newest(tmp_path)
    assert found is not None and found["epoch"] == 2


@pytest.mark.slow
def test_an_earlier_one_of_a_process_killed_at_the_end_of_an_epoch_changes_nothing(
    complete: Path, task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 1, 5)
        train(task, options, tmp_path, save_every=1e-9)
    kept = shutil.copy(tmp_path / RUN / states.WITHIN, tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, 2, 1)
        train(task, options, tmp_path, save_every=1e-9)
    shutil.copy(kept, tmp_path / RUN / states.WITHIN)
    train(task, options, tmp_path)
    assert_same_run(complete, tmp_path / RUN)


def test_a_stop_within_a_validation_keeps_what_was_trained(
    complete: Path, task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[str] = []

    def note(place: str) -> None:
        interrupt._unsaved = False
        if interrupt._asked.is_set():
            places.append(place)

    begun = StepCheckpoint.on_train_batch_end

    def ask_at_the_end(self: StepCheckpoint, batch: int, logs: Any = None) -> None:
        begun(self, batch, logs)
        if (self.divergence.epoch, batch) == (1, STEPS - 1):
            interrupt._asked.set()

    with monkeypatch.context() as patch, pytest.raises(interrupt.Stopped):
        patch.setattr(StepCheckpoint, "on_train_batch_end", ask_at_the_end)
        patch.setattr(interrupt, "note_saved", note)
        try:
            train(task, options, tmp_path)
        finally:
            interrupt._asked.clear()
    assert places == ["the last step of epoch 2, which is still to be validated"]
    assert len(read_metrics(tmp_path / RUN)) == 1 and read_progress(tmp_path / RUN)["within"]["step"] == STEPS
    train(task, options, tmp_path)
    assert_same_run(complete, tmp_path / RUN)


def test_to_save_takes_a_fiftieth_of_the_time_at_most(
    task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    saved: list[int] = []
    save = StepCheckpoint.save

    def count(self: StepCheckpoint, at: int) -> None:
        saved.append(at)
        save(self, at)

    monkeypatch.setattr(StepCheckpoint, "save", count)
    train(task, options, tmp_path, save_every=1e-9)
    # To write a file takes longer than a fiftieth of a few steps.
    assert saved == [1] and capsys.readouterr().err.count(": 2% of the time") == 1


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("60s", 60), ("5m", 300), ("1.5h", 5400), ("0.5 s", 0.5)])
def test_a_time_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5m", "m", "5 minutes", "1e9", "5d", "٣s", "nan", "9" * 20])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--save-every .*: expected a time above 0, such as 60s, 5m or 1h"):
        read_duration(text)


def break_weights(patch: pytest.MonkeyPatch, epoch: int, step: int, *, after: bool = False) -> None:
    """Make a weight no number before a step, or after it."""
    kind, name = fit.Callbacks, "on_train_batch_end" if after else "on_train_batch_begin"
    usual = getattr(kind, name)

    def breaking(self: Any, batch: int, logs: Any = None) -> None:
        found = next(one for one in self.callbacks if isinstance(one, StepCheckpoint))
        if (found.divergence.epoch + 1, batch + 1) == (epoch, step):
            bring_up_to_date(found.model)
            weight = found.model.trainable_variables[-1]
            weight.assign(np.full(weight.shape, np.nan))
        usual(self, batch, logs)

    patch.setattr(kind, name, breaking)


def expected_rate(options: Options, step: int) -> float:
    """Return the learning rate of a step, from 0: a linear warm-up of a tenth of the steps, then a cosine decay."""
    steps = 2 * STEPS
    rise = round(0.1 * steps)
    if step < rise:
        return options.learning_rate * step / rise
    return options.learning_rate * (1 + np.cos(np.pi * (step - rise) / (steps - rise))) / 2


@pytest.mark.parametrize("step", [7])
def test_a_loss_that_is_no_number_ends_training_with_its_step_and_the_last_good_weights(
    step: int, complete: Path, task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(BadInput) as caught:
        break_weights(patch, 2, step)
        train(task, options, tmp_path)
    rate = expected_rate(options, STEPS + step - 1)
    assert str(caught.value) == (
        f"epoch 2, step {step} of 12: the loss is nan, at a learning rate of {rate:.2g}: training diverged. The model "
        "of epoch 1 is kept, and the state after epoch 1. Try a lower --learning-rate (0.0025, say), a lower "
        "--clip-norm (0.25)"
    )
    # It can be used, and goes on.
    assert np.isfinite(evaluate(tmp_path / RUN)["scores"]["loss"])
    train(task, options, tmp_path)
    assert_same_run(complete, tmp_path / RUN)


@pytest.mark.parametrize("step", [pytest.param(3, marks=pytest.mark.slow), STEPS])
def test_weights_that_are_no_numbers_are_not_kept(
    step: int, task: Task, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The loss of the last step before that is one.
    break_weights(monkeypatch, 1, step, after=True)
    monkeypatch.setattr(step_checkpoint, "SHARE", 0)
    message = f"epoch 1, step {step} of 12: the weights .* are no numbers any more, .* no model is kept."
    with pytest.raises(BadInput, match=message):
        train(task, options, tmp_path, save_every=1e-9 if step < STEPS else 600)
    for path in states.find(tmp_path / RUN):
        with np.load(path) as saved:
            assert all(np.isfinite(saved[name]).all() for name in saved.files if name != "progress")
    assert not (tmp_path / RUN / "best.keras").exists()


@pytest.mark.slow
def test_a_pretraining_that_diverges_says_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaking(self: Divergence, batch: int, logs: Any = None) -> None:
        if batch == 1:
            bring_up_to_date(self.model)
            for weight in self.model.trainable_variables:
                weight.assign(np.full(weight.shape, np.nan))

    monkeypatch.setattr(Divergence, "on_train_batch_begin", breaking)
    message = r"^--pretrain: epoch 1, step 2 of 3: the loss is nan, at a learning rate of 0\.01: training diverged\."
    with small("sentiment") as task, pytest.raises(BadInput, match=message):
        train(task, small_options(task, pretrain=1), tmp_path)
