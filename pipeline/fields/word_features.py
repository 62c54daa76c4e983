"""Word features: what the spelling of a word says of it, for words that are rare or new.

They are those of taggers by hand-made features: how it is capitalised and what else is in it, its first and its last
characters (Ratnaparkhi 1996, table 1; Collobert et al. 2011, section 6).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from pipeline.fields.vocabulary import PADDING_ID, Vocabulary

# Characters of the longest prefix and suffix, and of the shortest n-gram.
LONGEST, SHORTEST = 4, 3
# Prefixes, suffixes and n-grams of fewer different words are unknown.
FEWEST = 3
# N-grams of a word that are read: of more its first and its last.
MOST_NGRAMS = 32
DIGIT = re.compile(r"\d")


def normalise(word: str) -> str:
    """Return a word lower-cased, its digits all 0: years are one word, and prices of as many digits."""
    return DIGIT.sub("0", word.lower())


def find_shape(word: str) -> str:
    """Return what a word is made of: "Paris" is Xx, "IL-2" X-d, "3,000" d,d; marks that are no letters stay."""
    return "".join(mark for mark, _ in groupby(map(_classify, word)))


def _classify(character: str) -> str:
    if character.isdigit():
        return "d"
    if character.isupper():
        return "X"
    return "x" if character.isalpha() else character


def list_prefixes(word: str) -> list[str]:
    """Return the first 1, 2, 3 and 4 characters of a word, as far as it has so many and more."""
    word = normalise(word)
    return [word[:length] for length in range(1, min(LONGEST, len(word) - 1) + 1)]


def list_suffixes(word: str) -> list[str]:
    """Return the last 1, 2, 3 and 4 characters of a word, likewise."""
    word = normalise(word)
    return [word[-length:] for length in range(1, min(LONGEST, len(word) - 1) + 1)]


def list_ngrams(word: str, longest: int) -> list[str]:
    """Return the character n-grams of a word, of 3 to `longest` characters; < and > stand for its beginning and end."""
    word = f"<{normalise(word)}>"
    starts = range(len(word) - SHORTEST + 1)
    return [word[at : at + size] for at in starts for size in range(SHORTEST, min(longest, len(word) - at) + 1)]


def extend_vocabulary(known: Vocabulary, parts: Iterable[Sequence[str]]) -> Vocabulary:
    """Return a vocabulary of prefixes, suffixes or n-grams, extended. parts: of each different word of the data."""
    return known.extend(Counter(part for some in parts for part in dict.fromkeys(some)), min_count=FEWEST)


def affixes_to_ids(affixes: Sequence[str], vocabulary: Vocabulary) -> list[int]:
    """Return the ids of the affixes of a word, and PADDING_ID for each that it is too short for."""
    return vocabulary.to_ids(affixes) + [PADDING_ID] * (LONGEST - len(affixes))


def ngrams_to_ids(ngrams: Sequence[str], vocabulary: Vocabulary) -> list[int]:
    """Return the ids of the n-grams of a word that are known, filled up with PADDING_ID to MOST_NGRAMS."""
    known = [vocabulary.ids[one] for one in ngrams if one in vocabulary]
    if len(known) > MOST_NGRAMS:
        known = known[: MOST_NGRAMS // 2] + known[-MOST_NGRAMS // 2 :]
    return known + [PADDING_ID] * (MOST_NGRAMS - len(known))
