"""Text: a running text, such as a review."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.flaws import find_flaws
from pipeline.fields.subwords import KEPT, learn_subwords, open_subwords
from pipeline.fields.tokenizers import cut_at_blank, has_token, tokenize
from pipeline.fields.vocabulary import UNKNOWN_ID, Vocabulary, count_new
from pipeline.on_disk import reread
from pipeline.option import option

if TYPE_CHECKING:
    from pipeline.fields.subwords import Subwords


@dataclass
class Text(InputField[str]):
    """A running text -> one id per word: {"words": (time,)}. Texts longer than `max_length` keep their two ends.

    With another unit, characters or subwords stand for words. Words and subwords are lower-cased.

    words: by id. model: sentencepiece's, as base64.
    """

    vocabulary: int = option(
        20_000, "Most words or subwords known, the most frequent; others are unknown.", low=3, adjustable=True
    )
    max_length: int = option(
        400, "Longest text, in words or other units; a longer one keeps its two ends.", low=1, adjustable=True
    )
    unit: Literal["word", "character", "subword"] = option("word", "What a text is divided into.")
    words: list[str] = field(default_factory=list, metadata=LEARNED)
    model: str = field(default="", metadata=LEARNED)
    truncated: int = field(default=0, init=False, repr=False, compare=False)

    def _divide(self, text: str) -> list[str]:
        if self.unit == "character":
            return list(text)
        return tokenize(text) if self.unit == "word" else self._subwords.encode(_prepare(text), out_type=str)

    def fit(self, texts: Iterable[str]) -> None:
        texts = reread(texts)
        if self.unit == "subword":
            self.model = learn_subwords(map(_prepare, texts), self.vocabulary)
        self.words = list(Vocabulary.build(self._count(texts), self.vocabulary).symbols)

    def extend(self, texts: Iterable[str]) -> Sequence[str]:
        before = len(self.words)
        self.words = list(Vocabulary(self.words).extend(self._count(texts), self.vocabulary).symbols)
        new = count_new(len(self.words) - before, self.unit)
        return [KEPT, new] if self.unit == "subword" else [new]

    def _count(self, texts: Iterable[str]) -> Counter[str]:
        """Return how often each token is in texts; of these, those that lose a part are counted too."""
        counts: Counter[str] = Counter()
        self.truncated = 0
        for text in texts:
            tokens = self._divide(text)
            counts.update(tokens)
            self.truncated += len(tokens) > self.max_length
        return counts

    def refuse(self, text: str) -> str | None:
        found = has_token(text) if self.unit == "word" else text.strip()
        return None if found else f"the text has no {self.unit} in it"

    def encode(self, text: str) -> Arrays:
        if not isinstance(text, str):
            raise BadInput(f"expected a text, got {text!r:.60}")
        tokens = self._cut(self._divide(text))
        if not tokens:
            raise BadInput(f"the text {text!r:.60} has no {self.unit} in it; give at least one")
        return {"words": np.array(self._vocabulary.to_ids(tokens), "int32")}

    def _cut(self, tokens: list[str]) -> list[str]:
        if len(tokens) <= self.max_length:
            return tokens
        # A review's verdict stands at its beginning or its end.
        head = self.max_length // 2
        return tokens[:head] + tokens[len(tokens) - (self.max_length - head) :]

    def list_steps(self, text: str, arrays: Arrays) -> Sequence[str]:
        return self._cut(self._divide(text))

    def count_cut(self, text: str) -> int:
        # No word is shorter than a character; a subword may be a blank alone.
        if self.unit != "subword" and len(text) <= self.max_length:
            return 0
        return max(0, len(self._divide(text)) - self.max_length)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.words)

    @cached_property
    def _subwords(self) -> "Subwords":
        return open_subwords(self.model)

    @property
    def arrays(self) -> dict[str, Array]:
        return {"words": Array((None,), "int32", len(self.words), unknown=UNKNOWN_ID)}

    def parse(self, text: str) -> str:
        return text

    def describe(self) -> str:
        known = f"{len(self.known_tokens):,} {self.unit}s are known"
        return f"a text of at most {self.max_length:,} {self.unit}s, of a longer one the two ends; {known}"

    @property
    def counted(self) -> str:
        return self.unit

    @property
    def greatest_length(self) -> int:
        return self.max_length

    def divide(self, text: str) -> Sequence[str]:
        return self._divide(text)

    @property
    def known_tokens(self) -> Collection[str]:
        return self._vocabulary.ids.keys()

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"words": self.words}

    def find_flaws(self, text: str) -> Iterator[str]:
        yield from find_flaws(text)
        if self.unit == "word" and len(text.split(maxsplit=1)) == 1:
            yield "one word only"

    def cut(self, text: str, more: bool) -> tuple[list[str], str]:
        if self.unit == "character":
            return list(text), ""
        whole, rest = cut_at_blank(text, more)
        # No subword is part of two words.
        return (tokenize(whole) if self.unit == "word" else _prepare(whole).split()), rest


def _prepare(text: str) -> str:
    return text.replace("<br />", " ").lower()
