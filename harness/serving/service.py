"""Service: the runs that are served, and whether they are loading, ready or stopping."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

from harness.experiment import Experiment
from harness.runs import tell_device
from harness.serving.batcher import Batcher
from harness.serving.keras_thread import KerasThread
from harness.serving.limits import Limits
from harness.serving.metrics import Metrics
from harness.serving.refusal import Refusal
from harness.serving.served_run import ServedRun, name_runs
from pipeline.readers.request import Say

State = Literal["loading", "ready", "stopping"]
# Seconds after which to ask again while it loads or stops.
PAUSE = 5
# Seconds that requests which have begun may take after a signal to stop.
GRACE = 25.0
TICK = 0.02


class Service:
    """Runs that answer over HTTP.

    start: starts Keras, and returns what it runs on; called in the thread of Keras. tell: takes what is said, in one
    line each. begun: requests that are being read or answered. held: bytes of their bodies.
    """

    def __init__(self, experiments: Sequence[Experiment], limits: Limits, start: Callable[[], str], *, tell: Say):
        limits.check()
        self.runs: Mapping[str, ServedRun] = name_runs(experiments, limits)
        self.limits, self.start, self.tell = limits, start, tell
        self.state: State = "loading"
        self.compiled = 0
        self.begun = self.held = 0
        self.metrics = Metrics()
        self.metrics.watch_ready(lambda: self.state == "ready")
        self.keras = KerasThread()
        self.batchers = {
            name: Batcher(name, partial(self.keras.call, run.answer), limits, metrics=self.metrics)
            for name, run in self.runs.items()
        }
        self._tasks: list[asyncio.Task] = []

    @property
    def programs(self) -> int:
        """Return how many programs are compiled before the first request."""
        return sum(len(run.shapes) for run in self.runs.values())

    async def open(self) -> None:
        """Load the runs, compile their programs and be ready; BadInput for a run whose model cannot be loaded."""
        where = await asyncio.wrap_future(self.keras.call(self.start))
        self.tell(where)
        for run in self.runs.values():
            tell_device(run.experiment.directory, where)
            if run.scores is None:
                self.tell(f"{run.name}: its training is not complete; the best model so far answers")
            started, before = time.monotonic(), self.compiled
            await asyncio.wrap_future(
                self.keras.call(run.open, partial(self._note, before), lambda: self.state == "loading")
            )
            self.tell(
                f"{run.name}: {len(run.shapes)} programs compiled in {time.monotonic() - started:.1f} s, for inputs of "
                f"at most {run.longest:,} steps; nothing is compiled later"
            )
        if self.state == "loading":
            self._tasks = [asyncio.create_task(batcher.run()) for batcher in self.batchers.values()]
            self.state = "ready"

    def _note(self, before: int, count: int) -> None:
        self.compiled = before + count

    def check_ready(self) -> None:
        """Refuse, with 503, what is asked before the runs are loaded or after a signal to stop."""
        if self.state != "ready":
            raise Refusal(503, self.describe_state(), retry_after=PAUSE)

    def describe_state(self) -> str:
        """Return in words what it is at."""
        if self.state == "loading":
            return f"the runs are being loaded: {self.compiled} of {self.programs} programs are compiled"
        return "ready" if self.state == "ready" else "the server is stopping"

    async def stop(self, hurry: asyncio.Event) -> int:
        """Finish what has begun and refuse all else; return how many requests were left when the time was over.

        hurry: set, to wait no longer.
        """
        self.state = "stopping"
        end = time.monotonic() + GRACE
        while self.begun and time.monotonic() < end and not hurry.is_set():
            await asyncio.sleep(TICK)
        for task in self._tasks:
            task.cancel()
        return self.begun
