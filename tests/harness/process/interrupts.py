"""Signals to `run.py train` at random moments: python -m tests.harness.process.interrupts --count 200 --signal SIGINT

Each trial starts a run, stops it somewhere between its first line and its end, and starts it again: it must end as one
that was never stopped. Too slow for every day; test_interrupt.py has a few of them.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness import ROOT, assert_same_run, handled
from tests.test_run import NAMED, write_reviews

RUN = Path("sentiment", "simple-s0")


@dataclass
class Trial:
    """What became of a command that was stopped: its exit code, how long that took, and what it said."""

    code: int
    seconds: float
    errors: str

    @property
    def last(self) -> str:
        """What it had said before."""
        lines = [line for line in self.errors.splitlines() if line and not line.startswith("stopped")]
        return (lines[-1] if lines else "")[:12]


def start(*arguments: object, **options: Any) -> subprocess.Popen:
    """Start the command line; return when it listens to signals."""
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with handled(signal.SIG_DFL):
        process = subprocess.Popen([sys.executable, "run.py", *map(str, arguments)], cwd=ROOT, **given | options)
    while process.poll() is None and not listens(process.pid):
        time.sleep(0.001)
    return process


def listens(process: int) -> bool:
    """Return whether a process has a handler for SIGTERM, which the command line takes over."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def stop(process: subprocess.Popen, number: int) -> Trial:
    """Send a signal; return what came of it."""
    begun = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    return Trial(process.returncode, time.monotonic() - begun, errors)


def command(folder: Path, data: Path) -> list[str]:
    """Return the arguments of a run of seconds, with as many epochs as make the saving a good part of it."""
    more = ["--epochs", "30", "--patience", "30"]
    return ["train", "sentiment", "--data", str(data), "--runs", str(folder), *NAMED, *more]


def wait_for(process: subprocess.Popen, text: str) -> None:
    """Read what a process says until it has said a text."""
    assert process.stderr
    while text not in (process.stderr.readline() if text else ""):
        assert process.poll() is None


def main() -> None:
    """Print how many trials ended how, and fail if one ended otherwise than it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--signal", default="SIGINT")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    number, chance = signal.Signals[given.signal], random.Random(given.seed)
    codes: Counter[int] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = write_reviews(folder / "reviews.csv")
        begun = time.monotonic()
        whole = start(*command(folder / "whole", data))
        said = [line[:12] for line in whole.communicate()[1].splitlines()]
        longest = time.monotonic() - begun
        assert whole.returncode == 0
        while codes.total() < given.count:
            runs = folder / f"runs-{time.monotonic_ns()}"
            process = start(*command(runs, data))
            # At any time of the command: mostly its imports. And after anything it says: mostly training and saving.
            place = "" if codes.total() % 2 else chance.choice(said)
            wait_for(process, place)
            time.sleep(chance.uniform(0, 0.3 if place else longest))
            complete = (runs / RUN / "scores.json").exists()
            trial = stop(process, number)
            # All was done, but for what is printed.
            if complete and trial.code in (0, 128 + number):
                continue
            codes[trial.code] += 1
            slowest = max(slowest, trial.seconds)
            print(f"{codes.total()}: {trial.code}, {trial.seconds:.2f} s, {place or trial.last!r}", flush=True)
            if trial.code != 128 + number or "Traceback" in trial.errors or "stopped; the same" not in trial.errors:
                print(trial.errors[-500:], flush=True)
            again = start(*command(runs, data))
            errors = again.communicate()[1]
            assert again.returncode == 0, errors
            assert_same_run(folder / "whole" / RUN, runs / RUN)
            assert not list(runs.rglob(".*"))
    print(f"{given.signal}: {dict(codes)}, each within {slowest:.2f} s; all went on and ended as one never stopped")
    sys.exit(codes.keys() != {128 + number})


if __name__ == "__main__":
    main()
