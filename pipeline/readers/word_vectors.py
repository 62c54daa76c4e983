"""Word vectors that were trained on other texts: GloVe's text, fastText's .vec, word2vec's binary; gzip too.

    the 0.418 0.24968 -0.41242 ...           GloVe: a word per line
    2000000 300                              .vec: how many words, how many numbers each; then as GloVe
    3000000 300\\nthe <300 float32> of ...    word2vec: the same, and the numbers are bytes

The file may be larger than the memory: only the vectors of the words that are asked for are kept.
"""

import gzip
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from pipeline.errors import BadInput

GZIP = b"\x1f\x8b"
EXPECTED = "expected a word and its numbers on each line (GloVe, .vec), or word2vec's binary file; gzip too"
# No word has more bytes.
LONGEST = 1000
# Nor a vector more numbers.
WIDEST = 100_000


@dataclass(frozen=True)
class WordVectors:
    """Vectors by word, (size,) of float32 each, of those words that were asked for. words: how many the file has."""

    vectors: dict[str, np.ndarray]
    size: int
    words: int


def read_word_vectors(path: Path, words: Collection[str]) -> WordVectors:
    """Return the vectors of those words that a file has, as they are spelled, or else in small letters.

    Where the file has a word twice, the first counts. Raises BadInput, with the line or the word, for a file that is
    none, that is cut short, or that has a number which is not finite.
    """
    wanted = {spelled.encode("utf-8", "surrogatepass") for word in words for spelled in (word, word.lower())}
    kept: dict[bytes, np.ndarray] = {}
    count = size = 0
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == GZIP
        with cast(BinaryIO, gzip.open(path)) if compressed else path.open("rb") as file:
            for count, (read, vector) in enumerate(_read(path, file, wanted), 1):
                if vector is None:
                    continue
                if not np.isfinite(vector).all():
                    raise BadInput(f"--vectors {path}: word {count}, {_show(read)}: a number is not finite")
                kept.setdefault(read, vector)
                size = len(vector)
    except (OSError, EOFError, zlib.error) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise BadInput(f"--vectors {path}: the file cannot be read ({reason})") from None
    if not kept:
        raise BadInput(
            f"--vectors {path}: it has {count:,} words, and none of the {len(words):,} of the vocabulary: is it of "
            "another language, or no file of word vectors?"
        )
    found = {}
    for word in words:
        spellings = (word.encode("utf-8", "surrogatepass"), word.lower().encode("utf-8", "surrogatepass"))
        if known := [kept[spelling] for spelling in spellings if spelling in kept]:
            found[word] = known[0]
    return WordVectors(found, size, count)


def _read(path: Path, file: BinaryIO, wanted: Collection[bytes]) -> Iterator[tuple[bytes, np.ndarray | None]]:
    """Yield each word of a file with its vector; None for one that is not wanted."""
    first = file.readline()
    head = first.split()
    if not (len(head) == 2 and all(number.isdigit() for number in head)):
        yield from _read_text(path, file, wanted, before=[first], size=len(head) - 1, line=1)
        return
    words, size = (int(number) if len(number) < 12 else 10**12 for number in head)
    if size > WIDEST:
        raise BadInput(
            f"--vectors {path}: its first line says that a vector has {size:,} numbers or more; at most {WIDEST:,} are "
            f"expected; {EXPECTED}"
        )
    word = _read_until_blank(file)
    beginning = file.read(4 * size)
    try:
        text = (word + b" " + beginning).split(b"\n", 1)[0].decode("utf-8")
        in_bytes = bool(text.split()[1:]) and not _is_numbers(text.split()[1:3])
    except UnicodeDecodeError:
        in_bytes = True
    if in_bytes:
        yield from _read_bytes(path, file, wanted, words=words, size=size, first=(word, beginning))
        return
    # Text: what has been read of it, up to the end of its last line.
    lines = (word + b" " + beginning + file.readline()).splitlines(keepends=True)
    count = 0
    for row in _read_text(path, file, wanted, before=lines, size=size, line=2):
        count += 1
        yield row
    if count < words:
        raise BadInput(f"--vectors {path}: its first line says {words:,} words, and it has {count:,}: it is cut short")


def _read_text(
    path: Path, file: BinaryIO, wanted: Collection[bytes], *, before: list[bytes], size: int, line: int
) -> Iterator[tuple[bytes, np.ndarray | None]]:
    """before: lines that have been read already, from number `line` on. size: numbers on each line."""
    if size < 2:
        raise BadInput(f"--vectors {path}: line {line}: {_show(before[0])}: {EXPECTED}")
    for number, content in enumerate(_chain(before, file), line):
        # GloVe has words with blanks in them.
        parts = content.rstrip().rsplit(b" ", size)
        if len(parts) != size + 1:
            raise BadInput(f"--vectors {path}: line {number}: expected a word and {size} numbers, got {_show(content)}")
        vector = None
        if parts[0] in wanted:
            try:
                with np.errstate(over="ignore"):
                    vector = np.array(parts[1:], "S").astype("float32")
            except ValueError:
                raise BadInput(
                    f"--vectors {path}: line {number}: expected a word and {size} numbers, got {_show(content)}"
                ) from None
        yield parts[0], vector


def _chain(before: list[bytes], file: BinaryIO) -> Iterator[bytes]:
    yield from before
    yield from file


def _read_bytes(
    path: Path,
    file: BinaryIO,
    wanted: Collection[bytes],
    *,
    words: int,
    size: int,
    first: tuple[bytes, bytes],
) -> Iterator[tuple[bytes, np.ndarray | None]]:
    word, content = first
    for number in range(1, words + 1):
        if number > 1:
            # Some writers put a line's end after each vector.
            word, content = _read_until_blank(file).lstrip(b"\n"), file.read(4 * size)
        if len(content) != 4 * size:
            raise BadInput(
                f"--vectors {path}: its first line says {words:,} words, and it ends within number {number:,}: it is "
                "cut short"
            )
        yield word, np.frombuffer(content, "<f4") if word in wanted else None


def _read_until_blank(file: BinaryIO) -> bytes:
    found = bytearray()
    while (one := file.read(1)) not in (b" ", b"") and len(found) < LONGEST:
        found += one
    return bytes(found)


def _is_numbers(parts: list[str]) -> bool:
    try:
        [float(part) for part in parts]
    except ValueError:
        return False
    return True


def _show(content: bytes) -> str:
    return repr(content[:40].decode("utf-8", "replace"))
