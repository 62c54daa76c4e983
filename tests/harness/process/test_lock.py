"""The lock on a run directory: one process at a time, and no longer than it lives."""

import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from harness.process import interrupt, lock
from harness.process.lock import hold
from pipeline.errors import BadInput
from pipeline.files import LEFT_OVER
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


ELSEWHERE = "process 7 on elsewhere, since 2026-01-01 00:00:00: run.py train pos\n"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Beats are quick; return what is said."""
    said: list[str] = []
    monkeypatch.setattr(lock, "BEAT", 0.05)
    monkeypatch.setattr(lock, "say", said.append)
    return said


@contextmanager
def beating(path: Path) -> Iterator[None]:
    """Inside, another machine, whose locks are not seen here, holds a run."""
    path.write_text(ELSEWHERE)
    end = Event()

    def beat() -> None:
        while not end.wait(0.02):
            os.utime(path)

    thread = Thread(target=beat)
    thread.start()
    yield
    end.set()
    thread.join()


def test_a_run_that_another_machine_trains_is_not_trained_here(tmp_path: Path, soon: list[str]) -> None:
    with (
        beating(tmp_path / ".run.lock"),
        pytest.raises(BadInput, match="another process trains this run: process 7 on elsewhere"),
        hold(tmp_path / "run"),
    ):
        pytest.fail("held")
    assert (tmp_path / ".run.lock").read_text() == ELSEWHERE and "waiting for 0 seconds" in soon[0]


def test_a_run_whose_process_was_killed_on_another_machine_goes_on_after_some_beats(
    tmp_path: Path, soon: list[str]
) -> None:
    path = tmp_path / ".run.lock"
    path.write_text(ELSEWHERE)
    with hold(tmp_path / "run"):
        assert path.read_text().startswith(f"process {os.getpid()} on ") and len(soon) == 1
    assert not path.exists()


def test_a_run_that_was_killed_on_this_machine_goes_on_at_once(tmp_path: Path, soon: list[str]) -> None:
    (tmp_path / ".run.lock").write_text(ELSEWHERE.replace("elsewhere", os.uname().nodename))
    with hold(tmp_path / "run"):
        assert not soon


def test_where_files_cannot_be_locked_a_beat_keeps_others_off(
    tmp_path: Path, soon: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Any, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    # Of the same machine, too.
    with (
        hold(tmp_path / "run"),
        pytest.raises(BadInput, match=f"process {os.getpid()} on "),
        hold(tmp_path / "run"),
    ):
        pytest.fail("held twice")


def test_a_process_whose_run_was_taken_is_interrupted(
    tmp_path: Path, soon: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = Event()

    def kill(process: int, number: int) -> None:
        assert process == os.getpid()
        killed.set()

    monkeypatch.setattr(os, "kill", kill)
    abandoned: list[bool] = []
    monkeypatch.setattr(interrupt, "abandon", lambda: abandoned.append(not killed.is_set()))
    with hold(tmp_path / "run"):
        # It was asleep for long, say.
        (tmp_path / ".run.lock").write_text(ELSEWHERE)
        assert killed.wait(5)
    assert "the run was taken by process 7 on elsewhere" in soon[0]
    # Before the end nothing more is written there.
    assert abandoned == [True]


def test_what_was_left_beside_a_run_for_a_day_is_removed(tmp_path: Path) -> None:
    for name, age in ((".unfinished.old", LEFT_OVER + 60), (".unfinished.new", 60), ("old", LEFT_OVER + 60)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    with hold(tmp_path / "run"):
        pass
    assert sorted(os.listdir(tmp_path)) == [".unfinished.new", "old"]


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
