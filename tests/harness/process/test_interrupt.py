"""Signals: a command ends at once, whatever it is at, and nothing of a run is lost."""

import json
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.process.interrupt import say_stopped
from harness.runs import states
from run import main
from tests.harness import ROOT, assert_same_run, handled, linux, start_keras
from tests.harness.process.interrupts import RUN, command, start, stop, wait_for
from tests.test_run import write_reviews

# To be stopped while its main thread runs what comes after.
PROGRAM = """
import sys
from harness.process import interrupt, streams
streams.prepare()
interrupt.listen(["list"])
"""
TRAINING = PROGRAM.replace('["list"]', '["train", "pos", "--fresh", "--units", "8"]')
AGAIN = "python run.py train pos --units 8"


def begin(program: str, listening: str = PROGRAM, **options: Any) -> subprocess.Popen:
    """Run a program that listens to signals; return when it has printed a line."""
    with handled(signal.SIG_DFL):
        process = subprocess.Popen(
            [sys.executable, "-c", listening + program],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )
    assert process.stdout
    process.stdout.readline()
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "busy",
    [
        # As libraries do.
        "while True:\n    try:\n        sum(range(1000))\n    except BaseException:\n        pass",
        # In C, for hours.
        "import hashlib; hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)",
        # Where Python drops every error.
        "import gc; gc.callbacks.append(lambda *_: [0 for _ in iter(int, 1)]); gc.collect()",
        # A library that has taken the signals over.
        "import signal, threading\nfor one in interrupt.SIGNALS:\n    signal.signal(one, lambda *_: None)\n"
        "threading.Event().wait()",
    ],
)
def test_a_signal_ends_a_program_whatever_it_is_at(number: int, busy: str) -> None:
    process = begin(f"print(flush=True)\n{busy}")
    time.sleep(0.1)
    begun = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number and errors == b"\nstopped\n"
    assert time.monotonic() - begun < 2


def test_an_ignored_signal_stays_so() -> None:
    with handled(signal.SIG_DFL), handled(signal.SIG_IGN, [signal.SIGHUP]):
        command = [sys.executable, "-c", f"{PROGRAM}print(flush=True); import threading; threading.Event().wait()"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143


def test_a_child_that_a_library_forks_is_ended_alone() -> None:
    process = begin(
        "import os, signal, time\n"
        "for _ in range(200):\n"
        "    child = os.fork()\n"
        "    time.sleep(60 * (child == 0))\n"
        "    os.kill(child, signal.SIGTERM)\n"
        "    assert os.waitpid(child, 0)[1] == signal.SIGTERM\n"
        "print(flush=True)\n"
        "time.sleep(0.2)\n"
    )
    assert process.wait(10) == 0


def test_messages_that_nobody_reads_keep_nothing_up() -> None:
    process = begin("import os\nprint(flush=True)\nwhile True:\n    os.write(2, b'x' * 4096)")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143


def test_what_is_not_finished_is_removed(tmp_path: Path) -> None:
    process = begin(
        "from pathlib import Path\n"
        "from pipeline import files\n"
        "interrupt.before_end.append(files.remove_unfinished)\n"
        "def save(path):\n"
        "    path.write_text('half')\n"
        "    (folder / 'other half').touch()\n"
        "    print(path, flush=True)\n"
        "    sys.stdin.read()\n"
        f"with files.temporary_folder(Path({str(tmp_path)!r})) as folder:\n"
        f"    files.write(Path({str(tmp_path)!r}) / 'whole', save)\n",
        stdin=subprocess.PIPE,
    )
    assert len(list(tmp_path.iterdir())) == 2
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert not list(tmp_path.iterdir())


def test_within_another_program_signals_are_left_to_it(capsys: pytest.CaptureFixture) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main(["list"])))
    thread.start()
    thread.join()
    assert main(["list"]) == 0 and codes == [0]
    assert [signal.getsignal(number) for number in numbers] == before


def test_the_message_says_what_goes_on_and_by_which_command() -> None:
    assert say_stopped(["predict"]) == say_stopped([]) == "stopped"
    for name in ("compare", "tune", "train"):
        told = f"stopped; the same command goes on after what was saved last: python run.py {name} pos"
        assert say_stopped([name, "pos"]) == told
    told = "stopped; the same command goes on after epoch 3: python run.py train pos --name 'a b'"
    assert say_stopped(["train", "pos", "--fresh", "--name", "a b"], "epoch 3") == told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_has_come_further_saves_first(number: int) -> None:
    process = begin(
        "import time\n"
        "interrupt.note_unsaved()\n"
        "print(flush=True)\n"
        "while not interrupt.is_asked():\n"
        "    time.sleep(0.01)\n"
        "print('saving', flush=True)\n"
        "interrupt.note_saved('step 3 of 5 of epoch 2')\n"
        "print('and going on', flush=True)\n",
        TRAINING,
    )
    process.send_signal(number)
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number and out == b"saving\n"
    assert errors.decode() == f"\nstopped; the same command goes on after step 3 of 5 of epoch 2: {AGAIN}\n"


@pytest.mark.parametrize(
    "before", ["", "interrupt.note_unsaved(); interrupt.note_ended()", "interrupt.abandon(); interrupt.note_unsaved()"]
)
def test_where_nothing_is_to_be_saved_nothing_is_waited_for(before: str) -> None:
    process = begin(f"{before}\nprint(flush=True)\nimport threading; threading.Event().wait()", TRAINING)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 143 and time.monotonic() - begun < 2
    assert errors.decode() == f"\nstopped; the same command goes on after what was saved last: {AGAIN}\n"


def test_a_training_that_does_not_answer_is_waited_for_and_ended_by_another_signal() -> None:
    # In C, for hours.
    busy = "interrupt.note_unsaved(); print(flush=True)\n"
    busy += "import hashlib; hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)"
    process = begin(f"interrupt.SILENCE = 0.1\n{busy}", TRAINING)
    process.send_signal(signal.SIGTERM)
    assert process.stderr
    assert process.stderr.readline() == b"\n" and b"being saved; again: at once" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and b"after what was saved last" in errors
    process = begin(f"interrupt.PATIENCE = 0.2\n{busy}", TRAINING)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 143 and b"after what was saved last" in errors


@linux
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_within_an_epoch_goes_on_at_that_step(number: int, tmp_path: Path) -> None:
    data = write_reviews(tmp_path / "reviews.csv")
    # Epochs of seconds.
    more = ["--passes", "400", "--epochs", "2"]
    start_keras()
    assert main([*command(tmp_path / "whole", data), *more]) == 0
    process = start(*command(tmp_path / "runs", data), *more, "--save-every", "0.2s")
    within = tmp_path / "runs" / RUN / states.WITHIN
    while not within.exists():
        assert process.poll() is None
        time.sleep(0.01)
    trial = stop(process, number)
    assert trial.code == 128 + number, trial.errors
    said = re.search(r"stopped; the same command goes on after step (\d+) of \d+ of epoch \d: (.*)\n$", trial.errors)
    assert said and said[2].startswith("python run.py train sentiment --data"), trial.errors
    with np.load(within) as saved:
        assert json.loads(str(saved["progress"]))["within"]["step"] == int(said[1])
    assert main(shlex.split(said[2])[2:]) == 0
    assert_same_run(tmp_path / "whole" / RUN, tmp_path / "runs" / RUN)


@linux
@pytest.mark.slow
def test_a_run_that_is_stopped_again_and_again_ends_as_one_that_was_not(tmp_path: Path) -> None:
    data = write_reviews(tmp_path / "reviews.csv")
    start_keras()
    assert main(command(tmp_path / "whole", data)) == 0
    # At its imports, as the model is built, as it trains and is tested.
    for said, number in {"": signal.SIGINT, "padded to": signal.SIGTERM, "epoch 20/": signal.SIGHUP}.items():
        process = start(*command(tmp_path / "runs", data))
        wait_for(process, said)
        trial = stop(process, number)
        assert trial.code == 128 + number and trial.seconds < 2
        assert re.search(r"\nstopped; the same command goes on after .*: python run.py train .*\n$", trial.errors)
        assert not list((tmp_path / "runs").rglob(".*"))
    assert main(command(tmp_path / "runs", data)) == 0
    assert_same_run(tmp_path / "whole" / RUN, tmp_path / "runs" / RUN)
    # A command that waits for its input.
    process = start("predict", tmp_path / "runs" / RUN, "--input", "-", stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write("a line\n" * 2**16)  # more than a pipe holds: it is being read
    process.stdin.flush()
    trial = stop(process, signal.SIGINT)
    assert trial.code == 130 and trial.errors == "\nstopped\n"
