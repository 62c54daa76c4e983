"""The progress bar of training."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

import keras

from harness.process.backend import watch_compiling
from harness.process.console import console, format_time, make_progress, say

# What Keras gives a callback: the loss and metrics so far, by their names.
Logs = Mapping[str, SupportsFloat]
Shape = tuple[int, int]


class Callbacks(keras.callbacks.CallbackList):
    """Callbacks that are given the loss of a step before it is computed: only one that reads it waits.

    Keras reads it after every step itself, and draws the next batch only when the step has ended.
    done: steps of the first epoch that were trained before, and are not trained again.
    """

    def __init__(self, callbacks: Sequence[keras.callbacks.Callback], *, done: int = 0, **options: Any):
        super().__init__(callbacks, **options)
        self.done = done

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_train_batch_begin(self.done + batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_train_batch_end(self.done + batch, logs)


class ProgressBar(keras.callbacks.Callback):
    """A bar with loss, best score, tokens per second and time left; plain lines where there is no terminal.

    To be shown while training: `with bar.progress: model.fit(...)`, so that an error leaves the terminal as it was.
    epochs: the most that there will be; it may change while training. first, step: epochs, and steps of the next one,
    that were trained before.
    shapes: the padded lengths of each batch of the first epoch; for the first of its kind, JAX compiles a step.
    """

    def __init__(self, epochs: int, first: int, tokens: int):
        super().__init__()
        self.epochs, self.first, self.tokens = epochs, first, tokens
        self.step = self.steps = 0
        self.compiled = watch_compiling()
        self.note = ""
        self.shapes: Sequence[Shape] = ()
        self.met: set[Shape] = set()
        self.progress = make_progress()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.steps:
            # What is left of an epoch under way is trained apart from the others.
            return
        self.started = self.shown = time.perf_counter()
        self.before = self.compiled()
        steps = self.params["steps"]
        done, total = self.first * steps + self.step, self.epochs * steps
        self.line = self.progress.add_task("", total=total, completed=done, detail="compiling")
        self.steps = steps

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        if self.epoch > self.first or keras.config.backend() != "jax" or self.shapes[batch] in self.met:
            return
        self.met.add(self.shapes[batch])
        self.progress.update(self.line, detail=f"compiling {len(self.met)} of {len(set(self.shapes))} lengths")

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        now = time.perf_counter()
        # Reading the loss waits for the step to finish, so it is read a few times a second at most.
        if logs is None or now - self.shown < (0.25 if console.is_terminal else 15):
            return
        self.shown = now
        done = self.epoch * self.steps + batch + 1
        share = (done - self.first * self.steps - self.step) / self.steps
        # What is compiled once says nothing about the steps to come.
        elapsed = now - self.started - (self.compiled() - self.before)
        left = elapsed / share * (self.epochs - done / self.steps)
        if self.met:
            left += (self.compiled() - self.before) / len(self.met) * (len(set(self.shapes)) - len(self.met))
        detail = (
            f"loss {float(logs['loss']):.4f}  {self.note}{share * self.tokens / elapsed:,.0f} tokens/s  "
            f"{format_time(left)} left"
        )
        title = f"epoch {self.epoch + 1}/{self.epochs}"
        total = self.epochs * self.steps
        self.progress.update(self.line, completed=done, total=total, description=title, detail=detail)
        if not console.is_terminal:
            say(f"{title}  step {batch + 1}/{self.steps}  {detail}")
