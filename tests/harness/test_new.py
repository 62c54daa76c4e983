"""Task files written by `run.py new`."""

from pathlib import Path

import pytest

import tasks
from harness.new import write_task
from pipeline.batches import bucketing
from pipeline.errors import BadInput
from run import main
from tasks.task import SHAPES
from tests.harness import start_keras


@pytest.mark.parametrize("shape", SHAPES)
def test_a_new_task_is_found_by_its_name(shape: str, tmp_path: Path) -> None:
    path = write_task("mine", shape, tmp_path)
    task = tasks.get("mine", (path,))
    assert task.shape == shape
    assert "CHANGE" in path.read_text() and "NAME" not in path.read_text()
    examples = next(iter(task.sources.values())).load(None)
    assert min(len(split) for split in examples.values()) >= 100


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_a_new_task_trains_as_it_is(shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_task("mine", shape, tmp_path)
    # One shape to compile.
    monkeypatch.setattr(bucketing, "choose_lengths", lambda lengths, *_, **__: [max(lengths)])
    start_keras()
    few = ["--limit", "64", "--epochs", "2"]
    assert main(["train", "mine", "--include", str(path), "--runs", str(tmp_path / "runs"), *few]) == 0
    assert (tmp_path / "runs" / "mine" / "simple-s0" / "scores.json").exists()


@pytest.mark.parametrize("name", ["two words", "class", "../up", ""])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="letters, digits"):
        write_task(name, "many-to-one", tmp_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = write_task("mine", "many-to-one", tmp_path)
    path.write_text("precious")
    with pytest.raises(BadInput, match="exists already"):
        write_task("mine", "many-to-one", tmp_path)
    assert path.read_text() == "precious"
    with pytest.raises(BadInput, match="a task of this name"):
        write_task("sentiment", "many-to-one", tmp_path)
    with pytest.raises(BadInput, match="no such folder"):
        write_task("other", "many-to-one", tmp_path / "missing")
