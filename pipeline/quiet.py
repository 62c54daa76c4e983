"""TensorFlow, imported without its log lines; and other code in C++ that writes its notes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def import_tensorflow() -> None:
    """Import TensorFlow without its log lines, and without its taking a GPU's whole memory."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # Lines written before its logging is set up, which the level does not hide, go to file descriptor 2.
    with silenced(2):
        import tensorflow  # noqa: F401


@contextmanager
def silenced(stream: int) -> Iterator[None]:
    """Inside, nothing goes to a file descriptor: 1 is standard output, 2 standard error."""
    kept = os.dup(stream)
    try:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), stream)
        yield
    finally:
        os.dup2(kept, stream)
        os.close(kept)
