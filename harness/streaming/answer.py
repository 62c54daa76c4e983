"""Answer: what `predict --stream` does with what comes: texts token by token, recordings, or prompts."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from harness.experiment import pointing_at
from harness.streaming.printing import Printer
from harness.streaming.source import Ends, Recording, Text, read_prompts, read_tokens
from harness.streaming.stream import ReadingStream, WritingStream
from pipeline.errors import BadInput


def answer(
    stream: ReadingStream | WritingStream,
    asked: Sequence[Text | Recording],
    printer: Printer,
    *,
    encoding: str = "utf-8",
    ends: Ends = "line",
) -> None:
    """Print the answers to all that is asked. encoding, ends: of texts; see `read_tokens`."""
    texts = [one for one in asked if isinstance(one, Text)]
    if isinstance(stream, WritingStream):
        answer_prompts(stream, chain.from_iterable(read_prompts(text, encoding) for text in texts), printer)
    elif texts:
        tokens = chain.from_iterable(read_tokens(stream.field, text, encoding=encoding, ends=ends) for text in texts)
        answer_tokens(stream, tokens, printer)
    for one in asked:
        if isinstance(one, Recording) and isinstance(stream, ReadingStream):
            stream.reset(one.rate)
            answer_sound(stream, one.chunks, printer)


def answer_tokens(stream: ReadingStream, tokens: Iterable[str | None], printer: Printer) -> None:
    """Answer tokens as they come. None among them ends a sequence."""
    answered = False
    for token in tokens:
        if token is None:
            stream.reset()
            printer.end()
            continue
        printer.show(stream.push(token), token)
        answered = True
    if not answered:
        raise BadInput("nothing to predict: there is no token in the input")


def answer_sound(stream: ReadingStream, chunks: Iterator[np.ndarray], printer: Printer) -> None:
    """Answer a recording as it comes."""
    for samples in chunks:
        printer.show(stream.push(samples))
    if found := stream.finish():
        printer.show(found)
    printer.end()


def answer_prompts(stream: WritingStream, prompts: Iterable[tuple[str, str]], printer: Printer) -> None:
    """Write for each of (origin, prompt) as the text is chosen, symbol by symbol."""
    answered = False
    for origin, prompt in prompts:
        with pointing_at(origin):
            answers = stream.push(prompt)
        for symbol in answers:
            printer.show(symbol)
        printer.end()
        answered = True
    if not answered:
        raise BadInput("nothing to predict: there is no prompt in the input")
