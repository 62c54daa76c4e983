import shutil
from pathlib import Path

import pytest

from harness.runs.listing import find_runs
from pipeline.errors import BadInput
from tests.harness import ROOT

FORMAT_1 = ROOT / "tests" / "format_1" / "stopped"


def test_runs_are_listed_with_what_differs_from_the_defaults_of_their_task(tmp_path: Path) -> None:
    for name in ("pos", "adding"):
        shutil.copytree(FORMAT_1 / name, tmp_path / name / "simple-s0")
    rows = find_runs(tmp_path)
    assert [(row["task"], row["complete"], row["score"]) for row in rows] == [
        ("adding", False, None), ("pos", False, None),
    ]  # fmt: skip
    assert rows[1]["options"]["units"] == 8 and "dropout" not in rows[1]["options"]
    assert [row["task"] for row in find_runs(tmp_path, "pos")] == ["pos"]


def test_what_cannot_be_read_is_said_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    shutil.copytree(FORMAT_1 / "pos", tmp_path / "pos" / "a")
    (tmp_path / "pos" / "b").mkdir()
    (tmp_path / "pos" / "b" / "config.json").write_text("{")
    assert len(find_runs(tmp_path)) == 1
    assert f"left out: {tmp_path}/pos/b/config.json:1: the file is damaged" in capsys.readouterr().err


def test_a_folder_or_a_task_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--runs .*: there is no such folder"):
        find_runs(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="Did you mean 'pos'"):
        find_runs(tmp_path, "poss")
