"""Vocabularies: which number, the id, each word, character or label has.

words of the training texts     a warm film . a cold film .
vocabulary                      <padding> <unknown> . a film cold warm
id                              0         1         2 3 4    5    6
"a dull film ."                 3 1 4 2
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pipeline.fields.array import UNSEEN

PADDING, UNKNOWN, START, END, BLANK = "<padding>", "<unknown>", "<start>", "<end>", "<blank>"
PADDING_ID, UNKNOWN_ID = 0, 1
# The first symbols of a vocabulary, by what it is for: to read, to write one symbol after another, and for CTC.
READ = (PADDING, UNKNOWN)
WRITTEN = (PADDING, UNKNOWN, START, END)
ALIGNED = (PADDING, UNKNOWN, BLANK)
START_ID, END_ID, BLANK_ID = WRITTEN.index(START), WRITTEN.index(END), ALIGNED.index(BLANK)
# How a symbol that is unknown is shown.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


# Tags, labels and categories that are named before the rest is counted.
SHOWN = 12


def count_new(count: int, noun: str) -> str:
    """Return how many of something are new, in words: 412 new words."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{f'{count:,}' if count else 'no'} new {noun if count == 1 else plural}"


def append_new(known: Sequence[str], found: Iterable[str], noun: str) -> tuple[list[str], list[str]]:
    """Return the categories that are known, each in its place, and after them those that are new, in their order.

    And what is said of these: how many there are. noun: what one is called.
    """
    new = sorted(set(found) - set(known))
    return [*known, *new], [count_new(len(new), noun)]


@dataclass(frozen=True)
class Vocabulary:
    """The symbols that a field knows; the id of each is its place in `symbols`.

    reserved: how many of the first stand for none of a text: one that spells out "<padding>" does not get its id.
    unknown: the id of whatever is not in the vocabulary.
    """

    symbols: Sequence[str]
    reserved: int = len(READ)
    unknown: int = UNKNOWN_ID

    @classmethod
    def build(
        cls, counts: Counter[str], size: int | None = None, min_count: int = 1, reserved: Sequence[str] = READ
    ) -> "Vocabulary":
        """Return the vocabulary of symbols that were counted in training data, the most frequent first.

        Equal counts are ordered by the symbol itself, so that the same data always gives the same ids.

        size: most symbols, the reserved ones included; None: any number. min_count: rarer symbols are left out.
        """
        kept = [symbol for symbol, count in counts.items() if count >= min_count]
        kept.sort(key=lambda symbol: (-counts[symbol], symbol))
        room = None if size is None else max(0, size - len(reserved))
        return cls([*reserved, *kept[:room]], len(reserved))

    def extend(self, counts: Counter[str], size: int | None = None, min_count: int = 1) -> "Vocabulary":
        """Return the vocabulary with symbols of other data after its own, which keep their ids.

        counts, size, min_count: of the other data; see `build`.
        """
        found = self.build(counts, size, min_count, reserved=self.symbols[: self.reserved])
        new = [symbol for symbol in found.symbols[self.reserved :] if symbol not in self]
        return replace(self, symbols=[*self.symbols, *new])

    @classmethod
    def of_categories(cls, categories: Sequence[str]) -> "Vocabulary":
        """Return the vocabulary of a few categories, in their order; any other is UNSEEN."""
        return cls(categories, reserved=0, unknown=UNSEEN)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Return the id of each symbol that is not reserved."""
        return {symbol: number for number, symbol in enumerate(self.symbols) if number >= self.reserved}

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self.ids

    def to_id(self, symbol: str) -> int:
        """Return the id of a symbol."""
        return self.ids.get(symbol, self.unknown)

    def to_ids(self, symbols: Iterable[str]) -> list[int]:
        """Return the ids of symbols."""
        ids, unknown = self.ids, self.unknown
        return [ids.get(symbol, unknown) for symbol in symbols]

    def to_symbols(self, ids: Iterable[int]) -> list[str]:
        """Return the symbols of ids; U+FFFD for one that is reserved, such as that of unknown symbols."""
        return [self.symbols[number] if number >= self.reserved else REPLACEMENT for number in ids]
