"""Next word: which word follows each word of a running text."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, OutputField
from pipeline.fields.inputs.words_so_far import count_words, to_ids
from pipeline.fields.vocabulary import END, END_ID, UNKNOWN_ID, WRITTEN, Vocabulary
from pipeline.on_disk import reread
from pipeline.option import option


@dataclass
class NextWord(OutputField[Any]):
    """Words with blanks between, each the one that comes next <-> {"output": (time,)}.

    What is answered is, for each step, a tuple of the `shown` likeliest words, the likeliest first; "<unknown>", and
    the end of a sentence, are never among them. symbols: the words by id. counts: how often each is told in training.
    """

    vocabulary: int = option(10_000, "Most words known, the most frequent; others are unknown.", low=5, adjustable=True)
    symbols: list[str] = field(default_factory=list, metadata=LEARNED)
    counts: tuple[int, ...] = field(default=(), metadata=LEARNED)
    suggests: ClassVar[bool] = True
    reserved: ClassVar[int] = len(WRITTEN)
    end: ClassVar[int] = END_ID
    shown: ClassVar[int] = 5

    def fit(self, texts: Iterable[str]) -> None:
        texts = reread(texts)
        self.symbols = list(Vocabulary.build(self._count(texts), self.vocabulary, reserved=WRITTEN).symbols)
        self.counts = self._count_told(texts)

    def extend(self, texts: Iterable[str]) -> Sequence[str]:
        texts = reread(texts)
        vocabulary = Vocabulary(self.symbols, self.reserved)
        self.symbols = list(vocabulary.extend(self._count(texts), self.vocabulary).symbols)
        self.counts = self._count_told(texts)
        # They are those of the input field, which says them.
        return ()

    def _count(self, texts: Iterable[str]) -> Counter[str]:
        # Without the last word of each window, of which the input field has not read all.
        return count_words(text.rpartition(" ")[0] for text in texts)

    def _count_told(self, texts: Iterable[str]) -> tuple[int, ...]:
        vocabulary = Vocabulary(self.symbols, self.reserved)
        counts = Counter(number for text in texts for number in to_ids(vocabulary, text.split(" ")))
        return tuple(counts[number] for number in range(len(self.symbols)))

    def encode(self, text: str) -> Arrays:
        return {"output": np.array(to_ids(self._vocabulary, text.split(" ")), "int32")}

    def decode(self, output: np.ndarray) -> tuple[tuple[str, ...], ...]:
        """Return the suggestions of each step. output: (time, shown) of ids."""
        return tuple(tuple(self.symbols[number] for number in step) for step in output)

    def decode_step(self, output: np.ndarray) -> tuple[str, ...]:
        return self.decode(output)[0]

    def parse(self, text: str) -> str:
        return " ".join(text.split())

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.symbols, self.reserved)

    def describe(self) -> str:
        return f"after each word the next one, of {len(self.known_tokens):,} words"

    @property
    def counted(self) -> str:
        return "word"

    def divide(self, text: str) -> Sequence[str]:
        return text.split()

    @property
    def known_tokens(self) -> Collection[str]:
        return {*self._vocabulary.ids, END}

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"output": self.symbols}

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((None,), "int32", len(self.symbols), unknown=UNKNOWN_ID)}
