"""Chaos: trainings that are killed at random moments, and gone on with, end as one that never was killed.

    python benchmarks/chaos.py [--kills 50] [--seed 0]

Small runs are trained by the command line, in processes of their own, and killed (SIGKILL) up to four times each: at
any time between their beginning and their end, or right before, or a few milliseconds after, any of the files that they
open, rename, link or remove. Half of them keep their state within an epoch too. In the end a run is gone on with until
it is complete: weights and state have to be those of a run that was never killed, bit for bit, and so have its metrics,
scores and predictions, and nothing is left over. The exit code is 1 where one is not.

A process is forked from this one, which has imported what the command line imports, and nothing more: no device has
been asked for, nothing is compiled. What is killed begins with the first line of the command.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

# Before Keras is imported, which is done once, here.
os.environ.setdefault("KERAS_BACKEND", "jax")

import run  # isort: skip (it sets the allocator)

import random

import harness.commands.train
import harness.learning_curve
import harness.training.train  # noqa: F401
from harness.process import interrupt, streams
from harness.process.console import print_table
from harness.runs import states
from tests.harness import assert_same_run
from tests.test_run import TINY, write_reviews

RUN = Path("sentiment", "chaos")
# By what they keep: the options of each kind of run.
KINDS = {
    "epochs": ["--epochs", "12", "--patience", "12"],
    "steps": ["--epochs", "2", "--passes", "120", "--save-every", "0.05s"],
}
# Events of Python's audit hooks that change what is on the disk, or are about to.
EVENTS = ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir")
MOST_KILLS, LATER = 4, 0.005


@dataclass(frozen=True)
class Moment:
    """When a process is killed: after so many seconds; or after so many file operations, and seconds more."""

    seconds: float
    operations: int | None = None


@dataclass
class Life:
    """A process that has ended. seconds, operations: that it took. killed: whether it was."""

    seconds: float
    operations: int
    killed: bool


def live(arguments: list[str], folder: Path, moment: Moment | None) -> Life:
    """Run a command in a process forked from this one, and kill it at a moment; raise RuntimeError where it fails."""
    said, counted = folder / "said", folder / "counted"
    begun = time.monotonic()
    child = os.fork()
    if not child:
        be_command(arguments, said, counted, watched=str(folder), moment=moment)
    if moment and moment.operations is None:
        time.sleep(moment.seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status)
    if not killed and os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"exit code {os.waitstatus_to_exitcode(status)}: {said.read_text()}")
    operations = counted.stat().st_size if counted.exists() else 0
    return Life(time.monotonic() - begun, operations, killed)


def be_command(arguments: list[str], said: Path, counted: Path, watched: str, moment: Moment | None) -> None:
    """Be the command line, in a process that was forked; end with its exit code."""
    for number in (1, 2):
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if moment is None:
        count = os.open(counted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    left = moment.operations if moment else None

    def watch(event: str, given: tuple) -> None:
        nonlocal left
        if event not in EVENTS or not str(given[0]).startswith(watched):
            return
        if moment is None:
            os.write(count, b".")
        elif left is not None:
            left -= 1
            if left == 0 and moment.seconds:
                threading.Timer(moment.seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
            elif left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    code = 70
    try:
        sys.addaudithook(watch)
        streams.prepare()
        interrupt.listen(arguments)
        code = run.main(arguments)
    finally:
        os._exit(code)


def choose(random_: random.Random, whole: Life) -> Moment:
    """Return a moment in the life of a process that would live as long as one that was never killed."""
    if random_.random() < 0.5:
        return Moment(random_.uniform(0, whole.seconds))
    return Moment(random_.choice((0, random_.uniform(0, LATER))), random_.randint(1, whole.operations))


def describe(directory: Path) -> str:
    """Return how far a run had come that was killed."""
    if (directory / "scores.json").exists():
        return "after its test"
    if not (found := states.find(directory)):
        return "before its first state"
    return "within an epoch that was kept" if found[0].name == states.WITHIN else "after an epoch"


def main() -> int:
    """Kill as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="of all runs together [50]")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance, kills, wrong = random.Random(given.seed), 0, 0
    places: Counter[str] = Counter()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        os.environ["UNROLLED_CACHE"] = str(folder / "cache")
        (folder / "cache").mkdir(mode=0o700)
        data = write_reviews(folder / "reviews.csv")
        whole: dict[str, Life] = {}

        def command(kind: str, runs: Path) -> list[str]:
            words = ["train", "sentiment", "--data", str(data), "--runs", str(runs), *TINY, *KINDS[kind]]
            return [*words, "--name", RUN.name]

        for kind in KINDS:
            # What is compiled is kept: the second process lives as long as those that are killed would.
            for runs in (folder / f"first-{kind}", folder / kind):
                runs.mkdir()
                whole[kind] = live(command(kind, runs), runs, None)
        number = 0
        while kills < given.kills:
            kind = list(KINDS)[number % len(KINDS)]
            runs = folder / f"runs-{number}"
            runs.mkdir()
            moments = []
            for _ in range(min(chance.randint(1, MOST_KILLS), given.kills - kills)):
                moment = choose(chance, whole[kind])
                # One that was to be killed later has ended by itself.
                if live(command(kind, runs), runs, moment).killed:
                    moments.append(moment)
                    places[describe(runs / RUN)] += 1
            try:
                live(command(kind, runs), runs, None)
                assert_same_run(folder / kind / RUN, runs / RUN)
                left = [path.name for path in runs.rglob(".*") if path.name != f".{RUN.name}.lock"]
                assert not left, f"left over: {left}"
            except (AssertionError, RuntimeError) as error:
                wrong += len(moments)
                print(f"run {number} ({kind}), killed at {moments}: {error}", file=sys.stderr, flush=True)
            kills, number = kills + len(moments), number + 1
            print(f"{kills} kills, {number} runs, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print_table([{"killed": place, "times": str(count)} for place, count in places.most_common()])
    print(f"{kills - wrong} of {kills} kills: the runs ended bit-equal to one that was never killed")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
