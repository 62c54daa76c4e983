"""Task files written by `run.py new`."""

import json
from pathlib import Path

import pytest

import tasks
from harness.new import write_task
from harness.options import defaults
from pipeline.errors import BadInput
from run import main
from tasks.task import SHAPES
from tests.harness import start_keras


@pytest.mark.parametrize("shape", SHAPES)
def test_a_new_task_is_found_by_its_name(shape: str, tmp_path: Path) -> None:
    path = write_task("mine", shape, tmp_path)
    tasks.include([path])
    task = tasks.get("mine")
    assert task.shape == shape
    assert "CHANGE" in path.read_text() and "NAME" not in path.read_text()
    examples = next(iter(task.sources.values())).load(defaults(task))
    assert min(len(split) for split in examples.values()) >= 100


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_a_new_task_trains_as_it_is(shape: str, tmp_path: Path) -> None:
    path = write_task("mine", shape, tmp_path)
    start_keras()
    few = ["--limit", "64", "--epochs", "2"]
    assert main(["train", "mine", "--include", str(path), "--runs", str(tmp_path / "runs"), *few]) == 0
    assert (tmp_path / "runs" / "mine" / "simple-s0-epochs=2,limit=64" / "scores.json").exists()


@pytest.mark.slow
def test_a_new_task_with_a_field_and_a_family_of_its_own_trains_with_their_options(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    start_keras()
    assert main(["new", "mine", "--parts", "--folder", str(tmp_path)]) == 0
    include = ["--include", str(tmp_path / "mine.py")]
    with pytest.raises(SystemExit):
        main(["train", "mine", *include, "--help"])
    shown = capsys.readouterr().out
    assert "--base N" in shown and "--reduce sum|mean" in shown
    own = ["--base", "3", "--reduce", "mean", "--limit", "64", "--epochs", "1"]
    command = ["train", "mine", *include, "--runs", str(tmp_path / "runs"), *own]
    assert main(command) == 0
    (directory,) = (tmp_path / "runs" / "mine").iterdir()
    assert directory.name == "simple-s0-base=3,epochs=1,limit=64,reduce=mean"
    options = json.loads((directory / "config.json").read_text())["options"]
    assert (options["base"], options["reduce"]) == (3, "mean")
    capsys.readouterr()
    # The same command goes on, or is done; a value out of bounds is refused, and a run keeps its own.
    assert main(command) == 0
    assert "is complete" in capsys.readouterr().err
    assert main([*command, "--base", "1"]) == 2
    assert "--base 1: expected a whole number between 2 and 36" in capsys.readouterr().err
    assert main(["predict", str(directory), "2102", "--json"]) == 0
    assert main(["predict", str(directory), "9"]) == 2
    assert "expected digits below 3" in capsys.readouterr().err


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
    with pytest.raises(BadInput, match="--parts: the template is for --shape many-to-one"):
        write_task("other", "many-to-many", tmp_path, parts=True)
    with pytest.raises(BadInput, match="no such folder"):
        write_task("other", "many-to-one", tmp_path / "missing")
