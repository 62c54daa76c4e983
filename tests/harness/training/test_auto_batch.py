"""Where memory does not suffice for a batch, it is computed in parts: the same curve, within rounding."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from harness import evaluate
from harness.process import backend
from harness.runs import states
from harness.training import auto_batch
from models.backends import parts
from pipeline.errors import BadInput
from tests.harness import read_metrics, small, small_options, stopped_after, train

# As XLA says it; and as Python, TensorFlow and torch do.
FULL = "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 137438953472 bytes."


class ResourceExhaustedError(Exception):
    """As TensorFlow's."""


def fill_memory(patch: pytest.MonkeyPatch, most: int, error: Exception | None = None) -> None:
    """Have a step, a part of one, and an answer of more rows than `most` raise, as where memory is exhausted."""

    if keras.config.backend() == "tensorflow":
        pytest.skip("TensorFlow traces a step for any number of rows")

    def check(rows: int) -> None:
        if rows > most:
            raise error or RuntimeError(FULL)

    step, take_part, answer = keras.Model.train_step, parts.take_part, evaluate.answer_batch

    def train_step(self: keras.Model, *given: Any) -> Any:
        # The data comes last, after the state where there is one; it ends with the weights.
        check(given[-1][2].shape[0])
        return step(self, *given)

    def take(data: tuple, number: Any, count: int) -> tuple:
        check(-(-data[2].shape[0] // count))
        return take_part(data, number, count)

    def answer_batch(model: keras.Model, inputs: Any) -> Any:
        check(len(next(iter(inputs.values()))))
        return answer(model, inputs)

    patch.setattr(keras.Model, "train_step", train_step)
    patch.setattr(parts, "take_part", take)
    patch.setattr(evaluate, "answer_batch", answer_batch)


@pytest.mark.parametrize(
    ("name", "most", "count", "changed"),
    [
        # Of 4 rows: 2 of 2 each.
        ("pos", 2, 2, {"batch_size": 4, "epochs": 2}),
        # Of 5 rows: 4 of 2 each, in the third one row, in the fourth none.
        pytest.param(
            "translation", 2, 4, {"batch_size": 5, "scheduled_sampling": 0.5, "epochs": 2}, marks=pytest.mark.slow
        ),
    ],
)
def test_the_curve_is_that_of_whole_batches(
    name: str,
    most: int,
    count: int,
    changed: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    with small(name) as task:
        # What is drawn by chance, dropout and the model's own symbols, is drawn anew for every part.
        usual = {"dropout": 0.0, "word_dropout": 0.0} | changed
        if "scheduled_sampling" in changed:
            monkeypatch.setattr(keras.random, "uniform", lambda shape, **_: keras.ops.ones(shape))
        options = small_options(
            task, **{key: value for key, value in usual.items() if key in small_options(task).as_dict()}
        )
        whole = Path(train(task, options, tmp_path / "whole")["run"])
        with monkeypatch.context() as patch:
            fill_memory(patch, most)
            found = Path(train(task, options, tmp_path / "parts", auto_batch=True)["run"])
    said = capsys.readouterr().err
    assert f"is computed in {count} parts of 2" in said and "out of memory (RESOURCE_EXHAUSTED" in said
    for one, other in zip(read_metrics(whole), read_metrics(found), strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            np.testing.assert_allclose(other[key], value, rtol=1e-4, atol=1e-5, err_msg=key)
    with np.load(whole / states.LAST) as one, np.load(found / states.LAST) as other:
        for key in (key for key in one.files if key != "progress" and one[key].dtype == "float32"):
            np.testing.assert_allclose(other[key], one[key], rtol=1e-2, atol=1e-3)
    assert json.loads((found / "environment.json").read_text())["batch_parts"] == count


@pytest.mark.parametrize(
    "error",
    [ResourceExhaustedError("OOM when allocating"), pytest.param(MemoryError(), marks=pytest.mark.slow)],
)
def test_it_goes_on_from_what_was_saved_and_remembers(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    with small("pos") as task:
        options = small_options(task, dropout=0.0, epochs=3)
        with stopped_after(1):
            train(task, options, tmp_path)
        fill_memory(monkeypatch, 2, error)
        with stopped_after(2):
            train(task, options, tmp_path, auto_batch=True)
        assert capsys.readouterr().err.count("going on after epoch 1") == 2
        summary = train(task, options, tmp_path, auto_batch=True)
        said = capsys.readouterr().err
    # In the parts that it was computed in before, which it does not have to find again.
    assert summary["epochs"] == 3 and "going on after epoch 2" in said and "out of memory" not in said


def test_without_it_the_message_says_that_there_is_such_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_memory(monkeypatch, 2)
    with small("pos") as task:
        with pytest.raises(RuntimeError, match="RESOURCE_EXHAUSTED") as caught:
            train(task, small_options(task), tmp_path)
        said = backend.describe_out_of_memory(caught.value)
        assert said and "train with --auto-batch, or give a smaller --batch-size" in said
        # Not even one.
        fill_memory(monkeypatch, 0)
        message = r"--auto-batch: one example at a time is too much: out of memory \(RESOURCE_EXHAUSTED"
        with pytest.raises(BadInput, match=message):
            train(task, small_options(task, batch_size=2), tmp_path, auto_batch=True, fresh=True)


def test_another_error_is_raised_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_memory(monkeypatch, 2, ValueError("out of range"))
    monkeypatch.setattr(auto_batch, "double", lambda *_: pytest.fail("it is not for want of memory"))
    with small("pos") as task, pytest.raises(ValueError, match="out of range"):
        train(task, small_options(task), tmp_path, auto_batch=True)


@pytest.mark.parametrize(
    ("begins", "options", "message"),
    [
        (np.array([True, False]), {}, "a row hands its state on to the next batch"),
        (None, {"adversarial": 0.1}, "--adversarial has a training step of its own"),
    ],
)
def test_what_cannot_be_computed_in_parts_is_refused_with_the_reason(
    begins: np.ndarray | None, options: dict[str, Any], message: str
) -> None:
    batches = SimpleNamespace(lengths=[9], rows=lambda length: 8, begins=begins)
    experiment = SimpleNamespace(options=SimpleNamespace(as_dict=lambda: options))
    training: Any = SimpleNamespace(batches={"train": batches}, experiment=experiment)
    with pytest.raises(BadInput, match=f"^--auto-batch: {message}.*: out of memory$"):
        auto_batch.double(training, 1, "out of memory")
