"""A text as symbols, in units of words, characters or subwords, and back: what encoder-decoders read and write.

    unit         "Two dogs run."
    word         Two dogs run ￭.             (￭: no space before it)
    character    T w o   d o g s   r u n .
    subword      ▁Two ▁dog s ▁run .          (▁: a space before it)

Subwords are those of a unigram model (Kudo 2018) that sentencepiece learns from the training texts, each digit a symbol
of its own. The model is kept with the field, so a run needs nothing but its own folder.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields import Array, index_values, look_up
from pipeline.fields.tokenizers import END, JOINER, RESERVED, SPACE, START, divide_words, learn_subwords, open_subwords

UNITS = ("word", "character", "subword")


@dataclass
class Symbolic:
    """A text as numbers of symbols.

    unit: one of UNITS. vocabulary: most symbols, the four reserved ones included; all characters are kept.
    lowercase: whether texts are lower-cased first. symbols: by number. model: sentencepiece's, as base64.
    """

    unit: str = "character"
    vocabulary: int = 20_000
    lowercase: bool = False
    symbols: list[str] = field(default_factory=list)
    model: str = ""

    def _fit(self, texts: list[str]) -> None:
        texts = [self._prepare(text) for text in texts]
        if self.unit == "subword":
            self.model = learn_subwords(texts, self.vocabulary)
            self.symbols = [self._pieces.id_to_piece(number) for number in range(self._pieces.get_piece_size())]
        else:
            divide = divide_words if self.unit == "word" else list
            size = self.vocabulary - len(RESERVED) if self.unit == "word" else None
            counts = Counter(symbol for text in texts for symbol in divide(text))
            self.symbols = [*RESERVED, *index_values(counts, size)]

    def _prepare(self, text: str) -> str:
        if not isinstance(text, str):
            raise BadInput(f"expected a text, got {text!r:.60}")
        return text.lower() if self.lowercase else text

    def number(self, text: str) -> list[int]:
        """Return the numbers of a text's symbols; 1 for those that are unknown."""
        text = self._prepare(text)
        if self.unit == "subword":
            return self._pieces.encode(text)
        return [self._index.get(symbol, 1) for symbol in (divide_words(text) if self.unit == "word" else text)]

    def name(self, numbers: Iterable[int]) -> list[str]:
        """Return the symbols of numbers; an unknown one as the replacement character."""
        reserved = len(RESERVED)
        return [self.symbols[number] if number >= reserved else "\N{REPLACEMENT CHARACTER}" for number in numbers]

    def join(self, symbols: list[str]) -> str:
        """Return the text that symbols spell."""
        if self.unit == "word":
            return " ".join(symbols).replace(" " + JOINER, "").removeprefix(JOINER)
        text = "".join(symbols)
        return text.replace(SPACE, " ").strip() if self.unit == "subword" else text

    @cached_property
    def _index(self) -> dict[str, int]:
        return look_up(self.symbols, len(RESERVED))

    @cached_property
    def _pieces(self) -> Any:
        return open_subwords(self.model)


@dataclass
class Reading(Symbolic):
    """A text to read -> {"words": (time,)}. One longer than `max_length` symbols is refused."""

    max_length: int = 1000
    closed: ClassVar[bool] = False
    cut: ClassVar[int] = 0

    def fit(self, texts: Iterable[str]) -> None:
        self._fit(list(texts))

    def refuse(self, text: str) -> str | None:
        """Return why a text cannot be read, in a few words; None if it can."""
        return None if text.strip() else f"the text has no {self.unit} in it"

    def encode(self, text: str) -> dict[str, np.ndarray]:
        numbers = self.number(text)
        if not numbers:
            raise BadInput(f"the text {text!r:.60} has no {self.unit} in it; give at least one")
        if len(numbers) > self.max_length:
            raise BadInput(
                f"the text beginning {text[:30]!r} has {len(numbers)} {self.unit}s, and at most {self.max_length} are "
                "allowed; divide it, or train with a higher --max-length"
            )
        return {"words": np.array(numbers, "int32")}

    @property
    def arrays(self) -> dict[str, Array]:
        return {"words": Array((None,), "int32", len(self.symbols))}

    def parse(self, text: str) -> str:
        """Return the input that one line of text, typed by a user, stands for."""
        return text.strip()


@dataclass
class Writing(Symbolic):
    """A text to write <-> {"output": (time,)}, with the end symbol as its last.

    longest: most symbols a model may write: the longest text of the training data and half as many again.
    """

    longest: int = 0
    start: ClassVar[int] = RESERVED.index(START)
    end: ClassVar[int] = RESERVED.index(END)
    closed: ClassVar[bool] = False

    def fit(self, texts: Iterable[str]) -> None:
        texts = list(texts)
        self._fit(texts)
        self.longest = max(len(self.number(text)) for text in texts) * 3 // 2 + 1

    def encode(self, text: str) -> dict[str, np.ndarray]:
        return {"output": np.array([*self.number(text), self.end], "int32")}

    def decode(self, numbers: np.ndarray) -> str:
        """Return the text up to the end symbol."""
        ends = np.flatnonzero(numbers == self.end)
        return self.join(self.name(numbers[: ends[0]] if len(ends) else numbers))

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((None,), "int32", len(self.symbols))}
