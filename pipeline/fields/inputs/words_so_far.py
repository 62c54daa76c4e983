"""Words so far: what a network has read of a running text."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from pipeline.errors import BadInput
from pipeline.example import Continued
from pipeline.fields.array import CONTINUES, Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.tokenizers import cut_at_blank, tokenize
from pipeline.fields.vocabulary import END, END_ID, START_ID, UNKNOWN_ID, WRITTEN, Vocabulary, count_new
from pipeline.on_disk import reread
from pipeline.option import option


@dataclass
class WordsSoFar(InputField[str]):
    """Words with blanks between -> {"words": (time,), "continues": ()}.

    continues: 1 where the text goes on from the example before, a `Continued`. Else the symbol of its beginning is put
    before it, so that one who has typed nothing yet is answered too.
    An end of a sentence or paragraph is "<end>". words: by id. divided: the texts of the training data are not divided
    into words and marks as `tokenize` does it: what is typed then has blanks between its words.
    """

    # The output field knows the words of all the training data, and these have to be the same.
    fitted_whole: ClassVar[bool] = True
    vocabulary: int = option(10_000, "Most words known, the most frequent; others are unknown.", low=5, adjustable=True)
    words: list[str] = field(default_factory=list, metadata=LEARNED)
    divided: bool = field(default=False, metadata=LEARNED)

    def fit(self, texts: Iterable[str]) -> None:
        self.words = list(Vocabulary.build(self._count(texts), self.vocabulary, reserved=WRITTEN).symbols)

    def extend(self, texts: Iterable[str]) -> Sequence[str]:
        before = len(self.words)
        self.words = list(Vocabulary(self.words, len(WRITTEN)).extend(self._count(texts), self.vocabulary).symbols)
        return [count_new(len(self.words) - before, "word")]

    def _count(self, texts: Iterable[str]) -> Counter[str]:
        """Return how often each word is there; see how the texts are divided."""
        texts = reread(texts)
        # Of windows with any between them left out, the output field sees the same words once its last are left out.
        known = (text.partition(" ")[2] if isinstance(text, Continued) else text for text in texts)
        some = [text for text in texts[:1000] if text]
        same = sum(" ".join(tokenize(text)) == text for text in some)
        self.divided = 2 * same < len(some)
        return count_words(known)

    def encode(self, text: str) -> Arrays:
        if not isinstance(text, str):
            raise BadInput(f"expected a text, got {text!r:.60}")
        continues = isinstance(text, Continued)
        numbers = to_ids(self._vocabulary, text.split(" ") if text else [])
        return {
            "words": np.array(numbers if continues else [START_ID, *numbers], "int32"),
            CONTINUES: np.array(continues, "int32"),
        }

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.words, len(WRITTEN))

    @property
    def arrays(self) -> dict[str, Array]:
        return {
            "words": Array((None,), "int32", len(self.words), unknown=UNKNOWN_ID),
            CONTINUES: Array((), "int32", 2),
        }

    def parse(self, text: str) -> str:
        return " ".join(text.split() if self.divided else tokenize(text))

    def cut(self, text: str, more: bool) -> tuple[list[str], str]:
        whole, rest = cut_at_blank(text, more)
        return self.parse(whole).split(), rest

    def open_pieces(self) -> Arrays:
        return self.encode("")

    def encode_piece(self, piece: str) -> Arrays:
        return self.encode(Continued(piece))

    def describe(self) -> str:
        return f"the words of a running text so far; {len(self.known_tokens):,} words are known"

    @property
    def unit(self) -> str | None:
        return "word"

    @property
    def counted(self) -> str:
        return "word"

    def divide(self, text: str) -> Sequence[str]:
        return text.split()

    def list_steps(self, text: str, arrays: Arrays) -> Sequence[str]:
        return [*([] if isinstance(text, Continued) else ["<start>"]), *text.split()]

    @property
    def known_tokens(self) -> Collection[str]:
        return {*self._vocabulary.ids, END}

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"words": self.words}


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Return how often each word is in texts that have blanks between them; reserved symbols are none."""
    counts = Counter(word for text in texts for word in text.split(" "))
    for symbol in ("", *WRITTEN):
        counts.pop(symbol, None)
    return counts


def to_ids(vocabulary: Vocabulary, words: Iterable[str]) -> list[int]:
    """Return the ids of words, among which ends may be."""
    return [END_ID if word == END else vocabulary.to_id(word) for word in words]
