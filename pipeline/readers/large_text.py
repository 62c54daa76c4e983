"""Large texts: files that are read line by line, as often as their lines are asked for.

What `pipeline.readers.files` reads whole is read here as the same lines: decoded, its line ends "\\n", without a byte
order mark; and what is refused there is refused here, by the same messages.
"""

import codecs
import lzma
import re
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import IO

from pipeline.errors import BadInput
from pipeline.readers import files

# Bytes that are read at a time, up to the end of a line.
BLOCK = 2**22
# Encodings in which a byte of 10 is the end of a line, wherever it stands.
PLAIN = re.compile("utf-8|ascii|iso8859-|cp125|koi8-")
# Characters of the beginning that are looked at.
HEAD = 2**20


class LargeText:
    """The lines of a file, each with its "\\n"; a text as far as those who look for marks in it are concerned.

    skipped: of so many lines, the first, only the ends are there.
    """

    def __init__(self, path: Path, encoding: str, skipped: int = 0):
        self.path, self.encoding, self.skipped = path, encoding, skipped

    def __iter__(self) -> Iterator[str]:
        number = 0
        for text in self._read_blocks():
            # Not splitlines, for which other characters end a line too.
            for line in text.split("\n")[:-1]:
                number += 1
                yield "\n" if number <= self.skipped else f"{line}\n"

    def without_ends(self) -> "Lines":
        """Return the lines without their ends, as `files.read_lines` does."""
        return Lines(self)

    def __contains__(self, mark: str) -> bool:
        if mark not in self._found:
            self._found[mark] = any(mark in text for text in self._read_blocks())
        return self._found[mark]

    @cached_property
    def _found(self) -> dict[str, bool]:
        return {}

    @cached_property
    def head(self) -> str:
        """The first lines, of HEAD characters at least."""
        lines, size = [], 0
        for line in self:
            lines.append(line)
            size += len(line)
            if size >= HEAD:
                break
        return "".join(lines)

    def _read_blocks(self) -> Iterator[str]:
        """Yield the text in parts, each of whole lines; the last line has an end too."""
        for number, data in enumerate(read_blocks(self.path)):
            text = data.decode(self.encoding)
            if not number:
                text = text.removeprefix("\ufeff")
            if "\r" in text:
                text = files.end_plainly(text)
            yield text if text.endswith("\n") else f"{text}\n"


class Lines:
    """The lines of a large text without their ends."""

    def __init__(self, text: LargeText):
        self.text = text

    def __iter__(self) -> Iterator[str]:
        return (line[:-1] for line in self.text)


def read_blocks(path: Path) -> Iterator[bytes]:
    """Yield what a file holds, unpacked if it is compressed, in parts of whole lines."""
    with path.open("rb") as file:
        head = file.read(8)
    kind = next((ending for mark, ending in files.MAGIC.items() if head.startswith(mark)), None)
    opened: IO[bytes] = files.OPENERS[kind](path, "rb") if kind else path.open("rb")
    with opened as file:
        while block := file.read(BLOCK):
            yield block + file.readline()


def open_large(path: Path, encoding: str) -> LargeText | None:
    """Return the text of a file; None of one that has to be read whole, or is none: `files.read_text` says why."""
    if not path.is_file():
        return None
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        return None
    if not PLAIN.match(name):
        return None
    most = max(files.SMALL, files.RATIO * path.stat().st_size)
    size = lines = 0
    blank = True
    try:
        for block in read_blocks(path):
            # A byte order mark, a zero byte, or what cannot be decoded: the message for it comes from there.
            if b"\0" in block or (not size and block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))):
                return None
            block.decode(encoding)
            size, lines = size + len(block), lines + block.count(b"\n")
            blank = blank and not block.strip()
            if size > min(most, files.LARGEST) and size > path.stat().st_size:
                return None
    except (UnicodeError, OSError, EOFError, lzma.LZMAError, zlib.error):
        return None
    # Line ends of old Macs, an empty file.
    return None if blank or not lines else LargeText(path, encoding)


def check_line_ends(text: LargeText, path: Path) -> None:
    """Raise BadInput for a carriage return inside a line; see `files.check_line_ends`. path: as messages call it."""
    if "\r" in text:
        number = next(number for number, line in enumerate(text, 1) if "\r" in line)
        raise BadInput(files.describe_return(path, number))
