"""Inputs to predict for: the texts of a command line, the lines of a file, or a table or corpus as for training."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from harness.data import load, make_request
from harness.experiment import Experiment, pointing_at
from harness.process.console import say
from harness.selection import read_as
from pipeline.errors import BadInput
from pipeline.example import Value
from pipeline.files import exists, expand_home
from pipeline.on_disk import LARGE_TO_ANSWER, is_large
from pipeline.option import Value as OptionValue
from pipeline.readers import files
from pipeline.readers.large_text import check_line_ends, open_large
from pipeline.readers.request import Say

# The share of training sentences from which on a tokenizer does as the training data.
AGREED = 0.9
# Inputs that are read and answered at a time.
PART = 2**14


@dataclass(frozen=True)
class Input:
    """One input. origin: where it was read. value: as the input field takes it; None of an empty line."""

    origin: str
    value: Value


def take_tokenized(run: Experiment) -> Experiment:
    """Return a run whose typed texts are tokens with blanks between them; BadInput if its texts are no tokens."""
    if run.input_field.tokenizer is None:
        raise BadInput(f"--tokenized: the task {run.task.name!r} reads texts that are not divided into tokens")
    return replace(run, input_field=run.input_field.pretokenized())


def check_any(inputs: Sequence[Input]) -> None:
    """Raise BadInput if there is nothing in any of the inputs."""
    if all(one.value is None for one in inputs):
        raise BadInput("nothing to predict: give TEXT after the run, or --input FILE (- for standard input)")


def parse(run: Experiment, texts: Sequence[tuple[str, str]], *, tell: Say = say) -> list[Input]:
    """Return the inputs that (origin, text) stand for; BadInput with the origin of one that cannot be read.

    tell: takes what is worth knowing of them, in one line each.
    """
    inputs = []
    for origin, text in texts:
        with pointing_at(origin):
            inputs.append(Input(origin, run.input_field.parse(text)))
    tell_agreement(run, tell)
    return inputs


def tell_agreement(run: Experiment, tell: Say) -> None:
    """Say so where typed texts are not divided into tokens as the training data is."""
    agreement = run.input_field.agreement
    if agreement < AGREED and run.input_field.tokenizer != "blank":
        tell(
            f"the texts are not divided into tokens as the training data is: it was so in {agreement:.0%} of its "
            "sentences only; give --tokenized if they have blanks between their tokens"
        )


def read_words(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return (origin, text) of each text of a command line; BadInput for one that is not UTF-8."""
    texts = []
    for number, word in enumerate(words, 1):
        try:
            # Python decodes a command line as the locale says, which may know ASCII alone.
            texts.append((f"text {number}", os.fsencode(word).decode()))
        except UnicodeDecodeError as error:
            raise BadInput(f"text {number}: not UTF-8: byte 0x{error.object[error.start]:02x}") from None
    return texts


def read_latest(run: Experiment, *, tell: Say = say) -> list[Input]:
    """Return what comes last in a run's own data, after which nobody knows what comes; see `Task.latest`."""
    assert run.task.latest
    found = run.task.latest(load(run.task, run.options))
    if run.options.data and not any(name == run.options.data for name in run.task.sources):
        tell(f"no input is given: what comes after the end of {run.options.data}")
    return [Input(one.origin, one.input) for one in found]


def read_file(run: Experiment, source: str, reading: Mapping[str, OptionValue], *, tell: Say = say) -> list[Input]:
    """Return the inputs of a file, or of standard input for "-"; see `read_parts`."""
    return [one for part in read_parts(run, source, reading, tell=tell) for one in part]


def read_parts(
    run: Experiment, source: str, reading: Mapping[str, OptionValue], *, tell: Say = say
) -> Iterator[list[Input]]:
    """Yield the inputs of a file, or of standard input for "-", PART of them at a time.

    A file of an ending that the task's reader says (.csv, .jsonl, .conllu) is read as for training, without its labels;
    any other has one input per line. What is empty stays in its place, with None. tell: see `parse`.
    """
    path = expand_home(source)
    if run.task.reader and source != "-" and files.suffix(path) in run.task.reader.inputs:
        files.check_exists(path, "--input")
        request = make_request(run.task, read_as(run.options, reading), path, inputs_only=True)
        tell(f"{path}: read as for training; the lines of a file of another name are the inputs")
        rows = run.task.reader.files(request, tell)["train"]
        yield from divide(Input(str(path.parent / one.origin), one.input) for one in rows)
        return
    name, content = source, None
    if source == "-":
        if sys.stdin is None:
            raise BadInput("--input -: standard input is closed; give a file, or TEXT after the run")
        # By a name of its own, such as /dev/stdin, a socket could not be opened, nor another user's pipe.
        name, content = "standard input", sys.stdin.buffer.read(LARGE_TO_ANSWER + 1)
        if len(content) > LARGE_TO_ANSWER:
            with tempfile.NamedTemporaryFile() as file:
                file.write(content)
                shutil.copyfileobj(sys.stdin.buffer, file)
                file.flush()
                yield from read_lines(run, Path(file.name), name, reading=reading, tell=tell)
            return
    elif not exists(path):
        raise BadInput(f"--input {source}: there is no such file under {Path.cwd()}")
    yield from read_lines(run, path, name, reading=reading, tell=tell, content=content)


def read_lines(
    run: Experiment,
    path: Path,
    name: str,
    *,
    reading: Mapping[str, OptionValue],
    tell: Say,
    content: bytes | None = None,
) -> Iterator[list[Input]]:
    """Yield the inputs in the lines of a file; name: as messages call it; content: of it, where that is known."""
    encoding = str(reading.get("encoding", "utf-8"))
    large = content is None and is_large([path], LARGE_TO_ANSWER)
    text = open_large(path, encoding) if large else None
    if text:
        check_line_ends(text, Path(name))
    lines: Iterable[str]
    if text:
        lines = text.without_ends()
    elif large:
        lines = files.read_lines(Path(name), encoding, files.read_bytes(path))
    else:
        lines = files.read_lines(path if content is None else Path(name), encoding, content)
    if reading.get("strict") and (
        empty := next((number for number, line in enumerate(lines, 1) if not line.strip()), None)
    ):
        raise BadInput(f"{name}:{empty}: the line is empty; expected one input per line")
    count = empties = 0
    for line in lines:
        count, empties = count + 1, empties + (not line.strip())
    if empties:
        tell(f"{name}: {empties:,} of {count:,} lines are empty; so is what is answered to them")
    tell_agreement(run, tell)
    yield from divide(read_line(run, f"{name}:{number}", line) for number, line in enumerate(lines, 1))


def read_line(run: Experiment, origin: str, line: str) -> Input:
    """Return the input that a line stands for; BadInput with its origin where it cannot be read."""
    with pointing_at(origin):
        return Input(origin, run.input_field.parse(line) if line.strip() else None)


def find_any(parts: Iterable[Sequence[Input]]) -> Iterable[Sequence[Input]]:
    """Return the parts of inputs, once something is found in one of them; BadInput if there is nothing in any."""
    left = iter(parts)
    known: list[Sequence[Input]] = []
    for part in left:
        known.append(part)
        if any(one.value is not None for one in part):
            return chain(known, left)
    check_any([])
    return ()


def divide(inputs: Iterable[Input]) -> Iterator[list[Input]]:
    """Yield inputs, PART at a time."""
    left = iter(inputs)
    while part := list(islice(left, PART)):
        yield part
