"""A tagged sentence per line: `The/DT dog/NN barks/VBZ`, or the count, the tokens and the tags between TABs."""

from collections.abc import Callable, Sequence
from functools import partial

from pipeline.example import Example
from pipeline.readers.faults import BadRow
from pipeline.readers.tabular.values import short

SEPARATORS = "/_|"
# In characters.
SAMPLE = 100_000
# Of a file of such lines nearly all words have a tag.
ENOUGH = 0.9
# The example of keras.io on named entities writes the tags of CoNLL-2003 as numbers, in the order of Hugging Face.
CONLL_2003 = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")

# From a line to its tokens and tags; BadRow if it has none.
Divide = Callable[[str], tuple[tuple[str, ...], tuple[str, ...]]]


def find_form(text: str, *, spans: bool) -> tuple[Divide, str] | None:
    """Return how the lines of a file are divided, and what they are in words; None if they are no tagged sentences.

    It is seen from the first lines.

    spans: the tags mark spans; numbers stand for those of CoNLL-2003.
    """
    sample = text if len(text) <= SAMPLE else text[:SAMPLE].rpartition("\n")[0]
    written = [line for line in sample.split("\n") if line.strip()]
    if written and all(_is_counted(line) for line in written):
        numbers = "; numbers stand for the tags of CoNLL-2003, from 0 for O to 8 for I-MISC" if spans else ""
        return partial(_divide_counted, spans=spans), f"a count, the tokens and the tags, between TABs{numbers}"
    words = [word for line in written for word in line.split()]
    if len(words) > len(written):
        for separator in SEPARATORS:
            if sum(_is_tagged(word, separator) for word in words) >= ENOUGH * len(words):
                form = f"words with their tags after {separator!r}, such as {short(words[0])}"
                return partial(_divide_words, separator=separator), form
    return None


def read(name: str, lines: Sequence[str], divide: Divide) -> list[tuple[int, Example | BadRow]]:
    """Return the sentences of a file of this name, or what is wrong with one, each with the number of its line."""
    found: list[tuple[int, Example | BadRow]] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append((number, Example(*divide(line), f"{name}:{number}")))
            except BadRow as error:
                found.append((number, error))
    return found


def _is_tagged(word: str, separator: str) -> bool:
    before, _, after = word.rpartition(separator)
    return bool(before and after)


def _divide_words(line: str, separator: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    words = line.split()
    for word in words:
        if not _is_tagged(word, separator):
            raise BadRow("a word without a tag", f"{short(word)} has no tag; expected word{separator}TAG.")
    parts = [word.rpartition(separator) for word in words]
    # A slash of the word itself is written "\/".
    return tuple(word.replace("\\" + separator, separator) for word, _, _ in parts), tuple(tag for *_, tag in parts)


def _is_counted(line: str) -> bool:
    count, *rest = line.split("\t")
    return count.isdecimal() and len(count) < 6 and len(rest) == 2 * int(count) > 0


def _divide_counted(line: str, *, spans: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    _, *rest = line.split("\t")
    tokens, tags = tuple(rest[: len(rest) // 2]), tuple(rest[len(rest) // 2 :])
    if spans and all(tag.isdecimal() for tag in tags):
        # Python refuses to read thousands of digits.
        if any(len(tag) > 4 or int(tag) >= len(CONLL_2003) for tag in tags):
            raise BadRow(
                "a number that is no tag",
                f"tags of 0 to {len(CONLL_2003) - 1} are expected, got {', '.join(tags):.80}.",
            )
        tags = tuple(CONLL_2003[int(tag)] for tag in tags)
    return tokens, tags
