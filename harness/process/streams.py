"""Standard input, output and error: what the command line needs of them, whatever it was started with."""

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


# What errors of it name in place of a file.
OUTPUT = "standard output"


class Output(io.FileIO):
    """A file whose errors say that it is standard output, and not a file of a run."""

    def write(self, content: "ReadableBuffer", /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            raise OSError(error.errno, error.strerror, OUTPUT) from None


class Messages(io.FileIO):
    """A file that drops what cannot be written: its disk is full, its reader or its terminal is gone."""

    def write(self, content: "ReadableBuffer", /) -> int:
        try:
            written = super().write(content)
        except OSError:
            written = None
        # None: it would block, or cannot be written at all.
        return written or memoryview(content).nbytes


def prepare() -> None:
    """Have all three open, what their encoding lacks written as escapes, and work go on where messages cannot be read.

    One that is closed is opened on nothing: else the next file to be opened would take its place, and what C libraries
    write there.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout = _open(Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _open(Messages(2, "w", closefd=False), sys.stderr)


def _open(file: io.FileIO, before: TextIO | None) -> io.TextIOWrapper:
    """Return a text file with the encoding of Python's own, `before`, which is None where it was closed."""
    encoding = before.encoding if before else None
    return io.TextIOWrapper(io.BufferedWriter(file), encoding, "backslashreplace", line_buffering=True)
