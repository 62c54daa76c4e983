"""Workers: what they answer, and that they end with the process that started them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.worker import Ended, Worker
from tests.harness import ROOT, linux


class Unwritable(Exception):
    """Cannot be sent to another process."""

    def __init__(self) -> None:
        super().__init__("no such luck")
        self.inside = lambda: None


def refuse() -> None:
    raise BadInput("not this")


def fail() -> None:
    raise Unwritable


def work_on(folder: str) -> None:
    """Leave a file of this process's number, and work until the process is ended."""
    Path(folder, str(os.getpid())).touch()
    while True:
        sum(range(1000))


def is_alive(process: int) -> bool:
    """Return whether there is a process of this number that has not ended."""
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def wait_for_end(process: int) -> float:
    """Return after how many seconds a process had ended."""
    begun = time.monotonic()
    while is_alive(process):
        assert time.monotonic() - begun < 10
        time.sleep(0.01)
    return time.monotonic() - begun


def wait_for_file(folder: Path) -> int:
    """Return the number that is the name of the file in a folder, once it is there."""
    end = time.monotonic() + 60
    while not (names := [path.name for path in folder.iterdir()]):
        assert time.monotonic() < end
        time.sleep(0.01)
    return int(names[0])


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.end()
    worker.process.join()


def test_a_worker_answers_and_raises_what_the_function_raises(worker: Worker) -> None:
    number = worker.call(os.getpid)
    assert number != os.getpid()
    with pytest.raises(BadInput, match="not this") as caught:
        worker.call(refuse)
    assert "in refuse" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="Unwritable: no such luck"):
        worker.call(fail)
    assert worker.call(os.getpid) == number


def test_a_worker_that_ends_by_itself_is_an_error_and_not_waited_for(worker: Worker) -> None:
    for _ in range(2):
        with pytest.raises(Ended, match="ended abruptly"):
            worker.call(os._exit, 3)


def test_a_worker_hears_no_ctrl_c(worker: Worker) -> None:
    number = worker.call(os.getpid)
    os.kill(number, signal.SIGINT)
    assert worker.call(os.getpid) == number


@linux
def test_a_worker_ends_whatever_it_is_at(worker: Worker, tmp_path: Path) -> None:
    worker.line.send((work_on, (str(tmp_path),)))
    number = wait_for_file(tmp_path)
    worker.end()
    assert wait_for_end(number) < 2


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_ends_when_the_process_that_started_it_does(number: int, tmp_path: Path) -> None:
    program = (
        "from pipeline.worker import Worker\n"
        "from tests.pipeline.test_worker import work_on\n"
        f"if __name__ == '__main__': Worker().call(work_on, {str(tmp_path)!r})\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE)
    worker = wait_for_file(tmp_path)
    parent.send_signal(number)
    assert wait_for_end(worker) < 2
    # And neither is mourned.
    assert parent.communicate(timeout=10)[1] == b""
