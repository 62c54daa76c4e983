"""Spelling: the words that a misspelled one may stand for, and in what way each of them is close to it."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pipeline.errors import BadInput

if TYPE_CHECKING:
    from symspellpy import SymSpell

# Letters that are missing, too many, swapped or others, at most.
DISTANCE = 2
# Of a word, so many first letters are indexed: as many as symspellpy has.
PREFIX = 7
KNOWN = 100_000
VOWELS = frozenset("aeiouy")
# In how many ways `measure_closeness` tells words apart; 0 stands for no word.
WAYS = 1 + 9 * 4


class Candidate(NamedTuple):
    """A word that a misspelled one may stand for. place: in the list of words. closeness: see `measure_closeness`."""

    word: str
    place: int
    closeness: int


class Candidates:
    """Finds the known words that are close to one that is not known.

    words: the known ones, the most frequent first, after so many reserved places. size: candidates per word, at most.
    """

    def __init__(self, words: Sequence[str], size: int, *, reserved: int = 0):
        self.words, self.size, self.reserved = words, size, reserved
        self.find = lru_cache(KNOWN)(self._find)

    @cached_property
    def places(self) -> dict[str, int]:
        """Return the place of each word."""
        return {word: place for place, word in enumerate(self.words)}

    @cached_property
    def _index(self) -> "SymSpell":
        try:
            from symspellpy import SymSpell
        except ImportError:
            raise BadInput("symspellpy is not installed; run: pip install -r requirements.txt") from None
        index = SymSpell(DISTANCE, PREFIX)
        for place, word in enumerate(self.words[self.reserved :]):
            # A word has a letter, and the index counts from 1: the more frequent, the higher.
            if len(word) > 1 and any(character.isalpha() for character in word):
                index.create_dictionary_entry(word, len(self.words) - place)
        return index

    def _find(self, word: str) -> tuple[Candidate, ...]:
        """Return the candidates for a lower-case word, the closest first, of those the most frequent."""
        from symspellpy import Verbosity

        if not any(character.isalpha() for character in word):
            return ()
        found = self._index.lookup(word, Verbosity.ALL, DISTANCE)
        ranked = sorted(found, key=lambda one: (one.distance - _likeness(word, one.term), -one.count))[: self.size]
        return tuple(
            Candidate(one.term, self.places[one.term], measure_closeness(word, one.term, one.distance))
            for one in ranked
        )


def _likeness(word: str, other: str) -> float:
    """Return from 0 to below 1 how much a word at some distance is like another beyond that distance."""
    return 0.5 * (word[0] == other[0]) + 0.3 * (sorted(word) == sorted(other) or set(word) == set(other))


def measure_closeness(word: str, other: str, distance: int) -> int:
    """Return in which way, of WAYS, a misspelled word is close to another: a number from 1.

    The way hangs on what was changed: a letter is missing, doubled, swapped ...; and on whether the first and the last
    letter are the same.
    """
    if sorted(word) == sorted(other):
        kind = 0
    elif set(word) == set(other) and len(word) != len(other):
        # A letter is doubled that is not, or the other way round.
        kind = 1 if distance == 1 else 2
    elif distance == 1:
        if len(word) == len(other):
            ((one, another),) = [pair for pair in zip(word, other, strict=True) if pair[0] != pair[1]]
            kind = 3 if {one, another} <= VOWELS else 4
        else:
            kind = 5 if len(word) < len(other) else 6
    else:
        kind = 7 if _consonants(word) == _consonants(other) else 8
    return 1 + 4 * kind + 2 * (word[0] == other[0]) + (word[-1] == other[-1])


def _consonants(word: str) -> list[str]:
    return [letter for letter in word if letter not in VOWELS]
