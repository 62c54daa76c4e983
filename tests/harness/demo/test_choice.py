"""Which runs a demo shows."""

import json
import shutil
from pathlib import Path

import pytest

from harness.demo import choice
from harness.runs.restored import do_nothing
from pipeline.errors import BadInput
from tests.harness import read_bytes, read_record, small, start_keras, train_small

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of a task whose score is better when lower, the second better, and one of another task."""
    folder = tmp_path_factory.mktemp("runs")
    for name, seeds in (("copy", 2), ("sentiment", 1)):
        with small(name) as task:
            for seed in range(seeds):
                directory = train_small(task, folder, seed=seed, epochs=1)
                found = read_record(directory / "scores.json")
                found["scores"][found["monitor"]] = 1.0 - seed / 2
                (directory / "scores.json").write_text(json.dumps(found))
    return folder


def name_runs(folder: Path, *named: Path) -> list[str]:
    return [str(one.directory.relative_to(folder)) for one in choice.find_runs(named, folder, do_nothing)]


def test_the_best_complete_run_of_each_task_is_taken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert name_runs(folder) == ["copy/simple-s1", "sentiment/simple-s0"]
    assert "2 of 3 complete runs in" in capsys.readouterr().err


def test_what_is_not_complete_is_not_taken_but_may_be_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "runs")
    (tmp_path / "runs/copy/simple-s1/scores.json").unlink()
    assert name_runs(tmp_path / "runs") == ["copy/simple-s0", "sentiment/simple-s0"]
    capsys.readouterr()
    assert name_runs(tmp_path / "runs", tmp_path / "runs/copy/simple-s1") == ["copy/simple-s1"]
    assert "its training is not complete; the best model so far answers" in capsys.readouterr().err


def test_a_damaged_run_is_left_out_unless_it_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "runs")
    (tmp_path / "runs/sentiment/simple-s0/fields/input.json").write_text("{")
    assert name_runs(tmp_path / "runs") == ["copy/simple-s1"]
    assert "left out: " in capsys.readouterr().err
    with pytest.raises(BadInput, match=r"input\.json"):
        name_runs(tmp_path / "runs", tmp_path / "runs/sentiment/simple-s0")


def test_a_run_that_is_named_twice_has_one_tab(folder: Path) -> None:
    one = folder / "copy/simple-s0"
    assert name_runs(folder, one, one) == ["copy/simple-s0"]


def test_a_folder_without_runs_has_none(tmp_path: Path) -> None:
    assert name_runs(tmp_path) == name_runs(tmp_path / "missing") == []


def test_small_runs_are_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start_keras()
    tiny = {"limit": 40, "epochs": 1, "units": 8, "embedding_size": 8}
    monkeypatch.setattr(choice, "SMALL", {"sentiment": tiny})
    (directory,) = choice.train_small(tmp_path, lambda: "here")
    assert directory.parent == tmp_path / "sentiment" and choice.is_complete(directory)
    before = read_bytes(directory)
    assert choice.train_small(tmp_path, lambda: pytest.fail("Keras is started again")) == [directory]
    assert read_bytes(directory) == before
    assert name_runs(tmp_path) == [str(directory.relative_to(tmp_path))]


def test_the_small_runs_have_options_that_their_tasks_take() -> None:
    import tasks
    from harness.options import check, defaults

    for name, options in choice.SMALL.items():
        check(defaults(tasks.get(name)).replace(**options), tasks.get(name))
    # One of each shape.
    assert len({tasks.get(name).shape for name in choice.SMALL}) == len(choice.SMALL) == 4
