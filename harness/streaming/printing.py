"""Printing: the answers of a stream on standard output, each as soon as it is known."""

import sys
from typing import Protocol

from harness.streaming.stream import Answer, ReadingStream, WritingStream
from pipeline.multi_label import name_labels
from pipeline.printable import show_controls
from pipeline.record import dump


class Printer(Protocol):
    """How answers look."""

    def show(self, answer: Answer, token: str | None = None) -> None:
        """Print an answer. token: what it answers; None of sound, and of a text that is written."""

    def end(self) -> None:
        """Print what stands after a sequence."""


class JsonLines:
    """One JSON object per line: the number of its sequence, "input" where it is a token, and the answer."""

    def __init__(self) -> None:
        self.sequence = 1

    def show(self, answer: Answer, token: str | None = None) -> None:
        asked = {} if token is None else {"input": token}
        print(dump({"sequence": self.sequence, **asked, **answer}, ascii_only=True))

    def end(self) -> None:
        self.sequence += 1


class Lines:
    """One line per token: the token and its tag; or the label or number so far, its probability, the token."""

    def __init__(self, tagged: bool):
        self.tagged = tagged

    def show(self, answer: Answer, token: str | None = None) -> None:
        output, token = answer["output"], show_controls(token or "")
        if self.tagged:
            # Several words that may come next, or one tag.
            print(f"{token:15} {show_controls(output if isinstance(output, str) else '  '.join(output))}")
            return
        named = name_labels(output) if isinstance(output, tuple) else str(output)
        shown = f"{output:.2f}" if isinstance(output, float) else show_controls(named)
        print(f"{shown}{''.join(f'  {value:.3f}' for name, value in answer.items() if name != 'output')}  {token}")

    def end(self) -> None:
        print()


class RunningText:
    """A text that grows on one line."""

    def show(self, answer: Answer, token: str | None = None) -> None:
        if answer["output"]:
            sys.stdout.write(show_controls(answer["output"], keep="\n\t"))
            sys.stdout.flush()

    def end(self) -> None:
        print()


def make_printer(stream: ReadingStream | WritingStream, json: bool) -> Printer:
    """Return how the answers of a stream look."""
    if json:
        return JsonLines()
    if isinstance(stream, WritingStream) or stream.grows:
        return RunningText()
    return Lines(stream.output_field.arrays["output"].timed)
