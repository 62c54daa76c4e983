"""The last two states of a run: of them the newer whole one is taken, which is said, and the run ends the same."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.runs import states
from harness.runs.seal import open_archive
from pipeline.errors import BadInput
from tests.harness import read_bytes, small, stopped_after, train_small


def write(directory: Path, epoch: int) -> None:
    states.write(directory, lambda path: np.savez(path, epoch=np.array(epoch)))


def read(path: Path) -> Any:
    with open_archive(path), np.load(path) as saved:
        return {"epoch": int(saved["epoch"])}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(states, "say", lines.append)
    return lines


def test_the_last_two_are_kept_and_the_newer_is_taken(tmp_path: Path, said: list[str]) -> None:
    assert states.restore(tmp_path, read) is None
    for epoch in (1, 2, 3):
        write(tmp_path, epoch)
    assert [read(path)["epoch"] for path in states.find(tmp_path)] == [3, 2]
    assert states.restore(tmp_path, read) == {"epoch": 3} and not said
    states.drop_previous(tmp_path)
    assert list(read_bytes(tmp_path)) == [states.LAST]


def test_where_the_newer_is_damaged_the_older_takes_its_place_and_that_is_said(tmp_path: Path, said: list[str]) -> None:
    for epoch in (1, 2, 3):
        write(tmp_path, epoch)
    path = tmp_path / states.LAST
    path.write_bytes(path.read_bytes()[:-30])
    assert states.restore(tmp_path, read) == {"epoch": 2}
    (line,) = said
    assert line.startswith(f"{path}: the file is damaged (") and line.endswith("from the state before it, of epoch 2")
    # What goes on from there keeps a whole one.
    write(tmp_path, 3)
    assert [read(path)["epoch"] for path in states.find(tmp_path)] == [3, 2]


def test_where_both_are_damaged_both_are_named(tmp_path: Path, said: list[str]) -> None:
    for epoch in (1, 2):
        write(tmp_path, epoch)
    for path in states.find(tmp_path):
        path.write_bytes(b"")
    with pytest.raises(BadInput, match=r"state\.npz: .*; .*state\.previous\.npz: .*; start over with --fresh"):
        states.restore(tmp_path, read)
    assert not said


def test_to_keep_the_older_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 1)
    inode = (tmp_path / states.LAST).stat().st_ino
    write(tmp_path, 2)
    assert (tmp_path / states.PREVIOUS).stat().st_ino == inode


def test_a_process_killed_between_the_two_leaves_nothing_over(tmp_path: Path) -> None:
    for epoch in (1, 2):
        write(tmp_path, epoch)
    (tmp_path / states.PREVIOUS).unlink()
    os.link(tmp_path / states.LAST, tmp_path / states.PREVIOUS)
    write(tmp_path, 3)
    assert [read(path)["epoch"] for path in states.find(tmp_path)] == [3, 2]
    assert set(read_bytes(tmp_path)) == {states.LAST, states.PREVIOUS}


def test_a_file_system_without_second_names_keeps_two_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for epoch in (1, 2):
        write(tmp_path, epoch)
    assert [read(path)["epoch"] for path in states.find(tmp_path)] == [2, 1]


def test_a_failed_write_leaves_what_there_was(tmp_path: Path) -> None:
    for epoch in (1, 2):
        write(tmp_path, epoch)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        states.write(tmp_path, fail)
    assert read(states.find(tmp_path)[0]) == {"epoch": 2}
    assert set(read_bytes(tmp_path)) <= {states.LAST, states.PREVIOUS}


def test_a_run_that_goes_on_from_the_older_ends_as_one_that_never_stopped(tmp_path: Path, said: list[str]) -> None:
    with small("copy") as task:
        whole = train_small(task, tmp_path / "whole", epochs=3)
        with stopped_after(2):
            train_small(task, tmp_path / "stopped", epochs=3)
        directory = tmp_path / "stopped" / whole.relative_to(tmp_path / "whole")
        assert [path.name for path in states.find(directory)] == [states.LAST, states.PREVIOUS]
        state = directory / states.LAST
        content = bytearray(state.read_bytes())
        content[len(content) // 2] ^= 1
        state.write_bytes(content)
        assert train_small(task, tmp_path / "stopped", epochs=3) == directory
    assert len(said) == 1 and said[0].endswith("going on from the state before it, of epoch 1")
    assert not (directory / states.PREVIOUS).exists()
    with np.load(whole / states.LAST) as one, np.load(directory / states.LAST) as other:
        assert one.files == other.files
        assert all(np.array_equal(one[name], other[name]) for name in one.files if name != "progress")
