"""Draft: a text that may have mistakes, as the words of it and those that each unknown one may stand for."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pipeline.errors import BadInput, TooLong
from pipeline.fields.array import Array, Arrays
from pipeline.fields.edits.spelling import WAYS, Candidate, Candidates
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.flaws import find_flaws
from pipeline.fields.tokenizers import find_tokens
from pipeline.fields.vocabulary import READ, UNKNOWN_ID, Vocabulary, count_new
from pipeline.option import option

# Every code point of Unicode is below.
CODE_POINTS = 0x110000


@dataclass
class Draft(InputField[str]):
    """A text -> {"words", "characters", "candidates", "closeness"}, a step for the beginning and one for each piece.

    A piece is a word or punctuation mark with the blanks after it, as `divide_pieces` has it. The first step stands for
    the beginning, where words may be missing.

    words: (time,), the piece lower-cased; unknown where it is too rare. characters: (time, width), the piece itself,
    as code points, filled up with 0. candidates: (time, most), the known words that an unknown one may stand for, and
    closeness: (time, most), in which way each is like it; see pipeline/fields/edits/spelling.py.

    width: characters of the longest piece; a longer word is several. most: candidates per word.
    """

    vocabulary: int = option(
        20_000, "Most words or subwords known, the most frequent; others are unknown.", low=3, adjustable=True
    )
    max_length: int = option(400, "Longest sentence, in tokens; a longer one is refused.", low=1, adjustable=True)
    min_count: int = option(1, "Words seen fewer times in training are unknown.", low=1, adjustable=True)
    width: int = 24
    most: int = 8
    words: list[str] = field(default_factory=list, metadata=LEARNED)

    def fit(self, texts: Iterable[str]) -> None:
        self.words = list(Vocabulary.build(self._count(texts), self.vocabulary, self.min_count).symbols)

    def extend(self, texts: Iterable[str]) -> Sequence[str]:
        before = len(self.words)
        self.words = list(Vocabulary(self.words).extend(self._count(texts), self.vocabulary, self.min_count).symbols)
        return [count_new(len(self.words) - before, "word")]

    def _count(self, texts: Iterable[str]) -> Counter[str]:
        return Counter(word for text in texts for word in self.divide(text))

    def refuse(self, text: str) -> str | None:
        return None if text.strip() else "the text has no word in it"

    def divide_pieces(self, text: str) -> list[str]:
        """Return the pieces of a text: each word or punctuation mark with the blanks after it; a long one is cut."""
        starts = [start for start, _ in find_tokens(text)]
        starts[:1] = [0] if starts else []
        pieces = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=False)]
        return [piece[place : place + self.width] for piece in pieces for place in range(0, len(piece), self.width)]

    def encode(self, text: str) -> Arrays:
        pieces = self.divide_pieces(text)
        if not pieces:
            raise BadInput("the text has no word in it; give at least one")
        if len(pieces) > self.max_length:
            raise TooLong(
                f"the text beginning {text[:30]!r} has {len(pieces)} words, and at most {self.max_length} are allowed; "
                "divide it, or train with a higher --max-length"
            )
        steps = 1 + len(pieces)
        characters = np.zeros((steps, self.width), "int32")
        candidates, closeness = (np.zeros((steps, self.most), "int32") for _ in range(2))
        words = np.full(steps, UNKNOWN_ID, "int32")
        for step, piece in enumerate(pieces, 1):
            characters[step, : len(piece)] = [ord(character) for character in piece]
            words[step] = self._words.to_id(piece.strip().lower())
            for place, found in enumerate(self.find_candidates(piece.strip())):
                candidates[step, place], closeness[step, place] = found.place, found.closeness
        return {"words": words, "characters": characters, "candidates": candidates, "closeness": closeness}

    def find_candidates(self, word: str) -> Sequence[Candidate]:
        """Return the known words that a word may stand for; none for one that is known itself."""
        word = word.lower()
        return () if word in self._words else self._candidates.find(word)

    @cached_property
    def _words(self) -> Vocabulary:
        return Vocabulary(self.words)

    @cached_property
    def _candidates(self) -> Candidates:
        return Candidates(self.words, self.most, reserved=len(READ))

    @property
    def arrays(self) -> dict[str, Array]:
        return {
            "words": Array((None,), "int32", len(self.words), unknown=UNKNOWN_ID),
            "characters": Array((None, self.width), "int32", CODE_POINTS),
            "candidates": Array((None, self.most), "int32", len(self.words)),
            "closeness": Array((None, self.most), "int32", WAYS),
        }

    def parse(self, text: str) -> str:
        return text.strip()

    def list_steps(self, text: str, arrays: Arrays) -> Sequence[str]:
        return ["^", *(piece.strip() for piece in self.divide_pieces(text))]

    def describe(self) -> str:
        return f"a text of at most {self.max_length:,} words; {len(self.known_tokens):,} words are known"

    @property
    def counted(self) -> str:
        return "word"

    @property
    def greatest_length(self) -> int:
        return self.max_length

    def divide(self, text: str) -> Sequence[str]:
        return [piece.strip().lower() for piece in self.divide_pieces(text)]

    @property
    def known_tokens(self) -> Collection[str]:
        return self._words.ids.keys()

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"words": self.words, "candidates": self.words}

    def find_flaws(self, text: str) -> Iterator[str]:
        yield from find_flaws(text)
