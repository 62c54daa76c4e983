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
