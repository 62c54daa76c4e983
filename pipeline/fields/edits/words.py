"""Words of two texts, and the operations that make the words of one of those of the other."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from pipeline.fields.tokenizers import find_tokens


class Operation(NamedTuple):
    """One operation.

    kind: "replace", "delete" or "insert". place: of the word in the one text, or of that which another is inserted
    before. other: of the word in the other text.
    """

    kind: str
    place: int
    other: int


class Edit(NamedTuple):
    """One correction: the words from `start` to before `end` become others; the place is one where some are added."""

    start: int
    end: int
    words: tuple[str, ...]


@lru_cache(100_000)
def find_words(text: str) -> tuple[tuple[int, int], ...]:
    """Return where each word and punctuation mark of a text begins and ends."""
    return tuple(find_tokens(text))


def list_words(text: str) -> list[str]:
    """Return the words and punctuation marks of a text."""
    return [text[slice(*span)] for span in find_words(text)]


def list_operations(source: str, target: str) -> list[Operation]:
    """Return the fewest operations, a word each (Levenshtein 1966; rapidfuzz)."""
    return align(list_words(source), list_words(target))


def align(source: Sequence[str], target: Sequence[str]) -> list[Operation]:
    """Return the fewest operations that make one sequence of words of the other."""
    from rapidfuzz.distance import Levenshtein

    return [Operation(found.tag, found.src_pos, found.dest_pos) for found in Levenshtein.editops(source, target)]


def find_edits(source: Sequence[str], target: Sequence[str]) -> list[Edit]:
    """Return the corrections, each of one word; words that are added at one place are one correction."""
    edits: list[Edit] = []
    for kind, place, other in align(source, target):
        if kind == "insert":
            if edits and edits[-1][:2] == (place, place):
                edits[-1] = Edit(place, place, (*edits[-1].words, target[other]))
            else:
                edits.append(Edit(place, place, (target[other],)))
        else:
            edits.append(Edit(place, place + 1, (target[other],) if kind == "replace" else ()))
    return edits
