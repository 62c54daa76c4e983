"""One command of run.py with a clock: for how many seconds it does what. benchmarks/seconds.py starts it.

    python benchmarks/stopwatch.py FILE STARTED train ner --limit 256 --epochs 1

FILE: takes the seconds of each part as JSON. STARTED: when the process was started, in seconds since 1970.
"""

import importlib
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

# Which function begins which part. A part within another is taken off the outer one's time.
PARTS = {
    "harness.data": {"load": "data", "prepare": "fields"},
    "harness.experiment": {"Experiment.encode": "fields", "Experiment.build": "build", "Experiment.decode": "build"},
    "harness.training.train": {"build": "build", "fit": "training", "test": "test"},
    "harness.training.checkpoint": {"Checkpoint._validate": "validation"},
    "harness.runs": {"write": "saving", "write_text": "saving", "begin": "saving"},
    "harness.runs.model_file": {"load": "loading"},
    "harness.runs.trained": {"open_model": "loading"},
    "harness.predict": {"predict": "answering"},
    "harness.score": {"score": "test"},
    "harness.commands.train": {"print_summary": "printing"},
    "harness.commands.predict": {"find_run": "run"},
}
# The others import Keras.
BEFORE_KERAS = ("harness.data", "harness.experiment", "harness.commands.train", "harness.commands.predict")


class Stopwatch:
    """Seconds by part, each second in the innermost part only."""

    def __init__(self, started: float):
        self.parts: dict[str, float] = defaultdict(float)
        self.stack = ["imports"]
        self.started = started
        self.last = started
        self.marks: dict[str, float] = {}
        # For how many seconds JAX has compiled, once it is there, and had at the last switch.
        self.compiled: Callable[[], float] = lambda: 0.0
        self.before = 0.0

    def switch(self) -> None:
        """Count the time since the last switch for the innermost part."""
        now, compiled = time.time(), self.compiled()
        compiling = compiled - self.before
        self.parts[self.stack[-1]] += now - self.last - compiling
        if compiling:
            self.parts[f"compiling, {self.stack[-1]}"] += compiling
        self.last, self.before = now, compiled

    @contextmanager
    def inside(self, part: str) -> Iterator[None]:
        self.switch()
        self.stack.append(part)
        yield
        self.switch()
        self.stack.pop()

    def mark(self, name: str) -> None:
        """Note when something happens for the first time."""
        self.marks.setdefault(name, round(time.time() - self.started, 2))

    def wrap(self, owner: Any, name: str, part: str) -> None:
        """Have a function of a module or class count for a part."""
        function: Callable[..., Any] = getattr(owner, name)

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.inside(part):
                return function(*arguments, **named)

        setattr(owner, name, timed)


def time_modules(stopwatch: Stopwatch, names: Iterable[str]) -> None:
    """Have the functions of some modules count for their parts."""
    for name in names:
        module = importlib.import_module(name)
        for path, part in PARTS[name].items():
            *outer, last = path.split(".")
            owner = getattr(module, outer[0]) if outer else module
            stopwatch.wrap(owner, last, part)


def time_rest(stopwatch: Stopwatch) -> None:
    """Once Keras has started, time what needs it, what JAX compiles, and when the first step has ended."""
    time_modules(stopwatch, [name for name in PARTS if name not in BEFORE_KERAS])
    from harness.process.backend import watch_compiling
    from harness.training.train import ProgressBar

    stopwatch.compiled = watch_compiling()

    original = ProgressBar.on_train_batch_end

    def on_train_batch_end(self: Any, batch: int, logs: Any = None) -> None:
        stopwatch.mark("first step")
        original(self, batch, logs)

    ProgressBar.on_train_batch_end = on_train_batch_end  # type: ignore[method-assign]


def main() -> None:
    file, started, *arguments = sys.argv[1:]
    stopwatch = Stopwatch(float(started))
    import run
    from harness.process import backend, console

    said, start = console.say, backend.start

    def say(line: str) -> None:
        stopwatch.mark("first line")
        said(line)

    def start_and_time(*given: Any, **named: Any) -> str:
        with stopwatch.inside("Keras"):
            found = start(*given, **named)
        time_rest(stopwatch)
        return found

    console.say = say
    time_modules(stopwatch, BEFORE_KERAS)
    backend.start = start_and_time
    code = run.main(arguments)
    stopwatch.switch()
    parts = {name: round(seconds, 2) for name, seconds in stopwatch.parts.items()}
    Path(file).write_text(json.dumps({"parts": parts, **stopwatch.marks}))
    # As run.py ends: to take Python down takes a second.
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
