"""Ctrl-C while a model trains."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from harness.console import say


class Interrupt(keras.callbacks.Callback):
    """Stops between two steps when Ctrl-C was pressed; at once when it is pressed again.

    Raised just anywhere, KeyboardInterrupt may be lost: Python drops it inside the callbacks of its garbage collector,
    of which JAX has one.
    """

    pressed = False

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Take Ctrl-C over, in the main thread; elsewhere it never arrives."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._press)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _press(self, number: int, frame: Any) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
        say("stopping after this step; Ctrl-C again stops at once")

    def _stop_if_pressed(self) -> None:
        if self.pressed:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._stop_if_pressed()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._stop_if_pressed()
