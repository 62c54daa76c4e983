"""Source: the tokens of a text, or the samples of a recording, as they come from a file or from standard input."""

import codecs
import io
import re
import sys
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from harness.inputs import read_words
from harness.process.console import say
from pipeline.errors import BadInput
from pipeline.fields import InputField, recording
from pipeline.files import expand_home
from pipeline.readers import files

# What ends a sequence of a text.
Ends = Literal["line", "empty-line", "never"]
# Bytes that are asked for at a time; less is read where less is there.
CHUNK = 1 << 16
# Characters without a blank between them that are taken for one word.
LONGEST = 100_000
# The seconds of sound that are pushed at a time.
SECONDS = 0.1


@dataclass(frozen=True)
class Text:
    """A text that is still to be read. name: as messages call it."""

    name: str
    file: BinaryIO


@dataclass(frozen=True)
class Recording:
    """A recording that is still to be read. rate: samples a second. chunks: its samples, each (time,) from -1 to 1."""

    rate: int
    chunks: Iterator[np.ndarray]


@contextmanager
def open_texts(words: Sequence[str], source: str | None) -> Iterator[list[Text]]:
    """Open the texts of a command line, else a file, else standard input; BadInput for what cannot be read."""
    if words:
        yield [Text(origin, io.BytesIO(text.encode())) for origin, text in read_words(words)]
    elif source in (None, "-"):
        check_standard_input()
        yield [Text("standard input", sys.stdin.buffer)]
    else:
        files.check_exists(expand_home(str(source)), "--input")
        if expand_home(str(source)).is_dir():
            raise BadInput(f"--input {source}: a folder; expected a file of plain text")
        with expand_home(str(source)).open("rb") as file:
            yield [Text(str(source), file)]


def check_standard_input() -> None:
    """Raise BadInput where there is none."""
    if sys.stdin is None:
        raise BadInput("--stream: standard input is closed; give --input FILE, or TEXT after the run")


def read_tokens(field: InputField, text: Text, *, encoding: str = "utf-8", ends: Ends = "line") -> Iterator[str | None]:
    """Yield the tokens of a text as soon as each is complete, and None where a sequence ends.

    ends: what ends one: the end of each line, an empty line, or nothing but the end of the file.
    Raises BadInput, with the name and the line, for what is no text, and for what has no blank for too long.
    """
    begun, number, rest, skipped = False, 1, "", 0
    for part in read_text(text, encoding):
        *lines, rest = (rest + part).split("\n")
        for line in lines:
            tokens, _ = _cut(field, line, more=False)
            yield from tokens
            begun = begun or bool(tokens)
            blank = not line.strip()
            skipped += blank and ends == "line"
            if begun and (ends == "line" or (ends == "empty-line" and blank)):
                yield None
                begun = False
        number += len(lines)
        tokens, rest = _cut(field, rest, more=True)
        yield from tokens
        begun = begun or bool(tokens)
        if len(rest) > LONGEST:
            raise BadInput(f"{text.name}:{number}: {len(rest):,} characters and no blank among them; expected words")
    tokens, _ = _cut(field, rest, more=False)
    yield from tokens
    if begun or tokens:
        yield None
    if skipped:
        say(f"{text.name}: {skipped:,} empty lines, which have no answer")


def _cut(field: InputField, text: str, more: bool) -> tuple[list[str], str]:
    found = field.cut(text, more)
    assert found is not None, "check_streams has asked"
    return found


def read_text(text: Text, encoding: str) -> Iterator[str]:
    """Yield a text as it comes, with "\\n" as its only line end; BadInput, with the place, for what is none."""
    file, name, number, offset = text.file, text.name, 1, 0
    decoder: io.IncrementalNewlineDecoder | None = None
    while True:
        # Of a pipe, what is there; only where nothing is, it waits.
        data = file.read1(CHUNK) if isinstance(file, io.BufferedReader) else file.read(CHUNK)
        if decoder is None:
            marked = next((kind for mark, kind in files.BYTE_ORDER_MARKS.items() if data.startswith(mark)), encoding)
            try:
                decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(marked)(), translate=True)
            except LookupError:
                raise BadInput(f"--encoding {encoding}: no encoding of that name; expected utf-8, cp1252 ...") from None
            wide = re.match("utf.?(16|32)", marked, re.IGNORECASE)
        if not wide and b"\0" in data:
            raise BadInput(f"{name}: a binary file (a zero byte at offset {offset + data.index(0)}); text is expected")
        try:
            found = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            line = number + error.object[: error.start].count(b"\n")
            raise BadInput(
                f"{name}:{line}: not {encoding.upper()}: byte 0x{error.object[error.start]:02x}; say how it is "
                "written, such as --encoding cp1252 (Western Windows) or --encoding latin-1"
            ) from None
        if found:
            yield found.removeprefix("\ufeff") if offset == 0 else found
        if not data:
            return
        number, offset = number + found.count("\n"), offset + len(data)


def open_recording(source: str) -> Recording:
    """Return a recording; its samples are read as they come, several channels averaged.

    source: a sound file, or "-" for a WAV file from standard input, which need not tell its length.
    Raises BadInput for what is no sound.
    """
    if source != "-":
        return _open_file(expand_home(source))
    check_standard_input()
    try:
        file = wave.open(sys.stdin.buffer)  # noqa: SIM115 (it is read while it comes)
    except (wave.Error, EOFError) as error:
        reason = str(error) or "it is empty, or cut short"
        raise BadInput(
            f"standard input: not a WAV file of whole numbers ({reason}); convert it, by ffmpeg -i INPUT -f wav - say"
        ) from None
    width, rate = file.getsampwidth(), file.getframerate()
    if width not in (1, 2, 4):
        raise BadInput(f"standard input: {8 * width} bits a sample; 8, 16 or 32 are read")
    _check_rate("standard input", rate)
    return Recording(rate, _read_wave(file, rate))


def _open_file(path: Path) -> Recording:
    # What is wrong with the file is told now, and not when the first block is asked for.
    with recording.open_recording(path) as file:
        rate = file.samplerate

    def read() -> Iterator[np.ndarray]:
        with recording.open_recording(path) as file:
            for block in file.blocks(round(rate * SECONDS), dtype="float32", always_2d=True):
                if not np.isfinite(block).all():
                    raise BadInput(f"{path}: samples that are no numbers (NaN or infinite)")
                yield block.mean(axis=1)

    return Recording(rate, read())


def _check_rate(name: str, rate: int) -> None:
    if rate < recording.SLOWEST:
        raise BadInput(
            f"{name}: {rate} samples a second; speech needs at least {recording.SLOWEST:,}. Is the header damaged?"
        )


def _read_wave(file: wave.Wave_read, rate: int) -> Iterator[np.ndarray]:
    width, channels = file.getsampwidth(), file.getnchannels()
    while data := file.readframes(max(1, round(rate * SECONDS))):
        whole = len(data) // (width * channels) * width * channels
        numbers = np.frombuffer(data[:whole], {1: "u1", 2: "<i2", 4: "<i4"}[width]).astype("float32")
        # Samples of 8 bits have no sign.
        numbers = (numbers - 128) / 128 if width == 1 else numbers / 2 ** (8 * width - 1)
        yield numbers.reshape(-1, channels).mean(axis=1)


def read_prompts(text: Text, encoding: str = "utf-8") -> Iterator[tuple[str, str]]:
    """Yield (origin, text) of each line that has something in it, as soon as it has come."""
    number, rest = 1, ""
    for part in read_text(text, encoding):
        *lines, rest = (rest + part).split("\n")
        for line in lines:
            if line.strip():
                yield f"{text.name}:{number}", line
            number += 1
    if rest.strip():
        yield f"{text.name}:{number}", rest
