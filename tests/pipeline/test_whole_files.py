"""Files and folders that are finished, or not there."""

import os
import tempfile
from pathlib import Path

import pytest

from pipeline import files
from pipeline.errors import BadInput


def test_what_is_not_finished_is_removed_on_demand(tmp_path: Path) -> None:
    with files.temporary_folder(tmp_path / "new") as folder:
        (folder / "part").touch()
        files.write(tmp_path / "whole", Path.touch)
        with pytest.raises(FileNotFoundError):
            # As a signal does, in a thread of its own.
            files.write(tmp_path / "half", lambda path: (path.touch(), files.remove_unfinished()))
        assert not folder.exists()
    assert {path.name for path in tmp_path.rglob("*")} == {"new", "whole"}


def test_a_folder_for_temporary_files_that_is_missing_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with files.temporary_folder() as folder:
        assert folder.is_dir() and tmp_path not in folder.parents


def test_a_folder_is_known_to_be_of_no_use_before_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.check_folder(tmp_path / "new" / "folder", "--output")
    files.check_folder(Path("new"), "--output")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=f"{tmp_path / 'file'} cannot be written to; name another folder with --output"):
        files.check_folder(tmp_path / "file" / "folder", "--output")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(BadInput, match=f"new: {Path.cwd()} cannot be written to"):
        files.check_folder(Path("new"), "--output")


def test_a_folder_is_written_whole_or_not_at_all_and_one_that_is_there_stays_or_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder"

    def fail(new: Path) -> None:
        (new / "part").touch()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        files.write_folder(path, fail)
    assert not list(path.parent.iterdir())
    files.write_folder(path, lambda new: (new / "first").touch())
    files.write_folder(path, lambda new: (new / "second").touch())
    assert [file.name for file in path.iterdir()] == ["first"]
    with pytest.raises(RuntimeError):
        files.write_folder(path, fail, replace=True)
    assert [file.name for file in path.iterdir()] == ["first"]
    files.write_folder(path, lambda new: (new / "third").touch(), replace=True)
    assert [file.name for file in path.iterdir()] == ["third"]
    assert [file.name for file in path.parent.iterdir()] == ["folder"]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        files.write_folder(tmp_path / "file", lambda new: (new / "first").touch())
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
