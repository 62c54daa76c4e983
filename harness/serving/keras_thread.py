"""The thread that calls Keras: one, for no backend says that a model may be called from several."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class KerasThread:
    """A thread to which calls are given, and which makes them one after the other.

    Not an executor of the standard library: at its end, Python waits for the threads of these, and this one may be
    compiling for seconds.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Future, Callable[..., Any], tuple[Any, ...]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="keras", daemon=True).start()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Future:
        """Have a function called; return its result, or what it raises, as a future."""
        future: Future = Future()
        self._calls.put((future, function, arguments))
        return future

    def _work(self) -> None:
        while True:
            future, function, arguments = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function(*arguments))
            except BaseException as error:
                future.set_exception(error)
