"""The lock on a run directory: one process at a time, and no longer than it lives."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.process import lock
from harness.process.lock import hold
from pipeline.errors import BadInput
from tests.harness import ROOT, linux, read_bytes

HOLDER = """
import sys
from pathlib import Path
from harness.process.lock import hold

with hold(Path(sys.argv[1])):
    print(flush=True)
    sys.stdin.read()
"""


def start_holder(directory: Path) -> subprocess.Popen:
    """Start a process that holds a directory until it is killed, or its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.readline()
    return process


def test_a_second_process_is_told_which_has_the_run_and_changes_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "pos" / "gru-s0"
    directory.mkdir(parents=True)
    (directory / "config.json").write_text("{}")
    holder = start_holder(directory)
    before = read_bytes(tmp_path)
    with pytest.raises(BadInput) as caught, hold(directory):
        pytest.fail("held twice")
    expected = rf"{directory}: another process trains this run: process {holder.pid} on {os.uname().nodename}, since "
    assert str(caught.value).startswith(expected) and f"run.py {directory}" in str(caught.value)
    assert read_bytes(tmp_path) == before
    # It is not held by what a killed process leaves.
    holder.kill()
    holder.wait()
    assert (tmp_path / "pos" / ".gru-s0.lock").exists()
    with hold(directory):
        pass
    assert read_bytes(tmp_path) == {"pos/gru-s0/config.json": b"{}"}


def test_a_process_that_ends_by_itself_leaves_nothing(tmp_path: Path) -> None:
    holder = start_holder(tmp_path / "runs" / "pos" / "gru-s0")
    assert (tmp_path / "runs" / "pos" / ".gru-s0.lock").exists()
    holder.communicate()
    assert holder.returncode == 0 and not list(tmp_path.iterdir())


def test_two_threads_of_one_process_do_not_both_hold(tmp_path: Path) -> None:
    with hold(tmp_path / "run"):
        with pytest.raises(BadInput, match=f"process {os.getpid()} on "), hold(tmp_path / "run"):
            pytest.fail("held twice")
        with hold(tmp_path / "other"):
            pass


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    (directory / "fields").mkdir(parents=True)
    (directory / "state.npz").touch()
    (directory / ".unfinished.7.state.npz").touch()
    (directory / "fields" / ".unfinished.7.input.json").touch()
    with hold(directory):
        assert read_bytes(directory) == {"state.npz": b""}


def test_a_lock_whose_file_is_removed_before_it_is_locked_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock = tmp_path / ".run.lock", fcntl.flock
    calls: list[int] = []

    def lock_late(file: Any, operation: int) -> None:
        # The process that had the lock ends in between.
        if not calls:
            path.unlink()
        calls.append(operation)
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    with hold(tmp_path / "run"):
        assert len(calls) == 2
        with pytest.raises(BadInput), hold(tmp_path / "run"):
            pytest.fail("held twice")


def test_where_files_cannot_be_locked_that_is_said_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Any, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    said: list[str] = []
    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(lock, "say", said.append)
    with hold(tmp_path / "run"):
        (line,) = said
        assert line.startswith(f"{tmp_path}: files cannot be locked there (No locks available)")


@linux
def test_a_folder_in_which_no_file_can_be_made_is_named_at_once() -> None:
    with (
        pytest.raises(BadInput, match="--runs: /proc/runs/pos cannot be written: No such file or directory"),
        hold(Path("/proc/runs/pos/gru-s0")),
    ):
        pytest.fail("held")


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    folder = tmp_path / "runs" / "pos"
    with pytest.raises(BadInput, match=f"--runs: {folder} cannot be written: Not a directory"), hold(folder / "gru-s0"):
        pytest.fail("held")
    assert read_bytes(tmp_path) == {"runs": b"a file"}
