"""Fields of the tasks that write: what to begin with, and the texts or passages to learn to write."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from pipeline.errors import BadInput, unknown
from pipeline.fields import Array
from pipeline.fields.source_target import Writing

# Most characters of a seed that are kept: its last.
WIDTH = 256
# Symbols to write after a seed, where no end symbol stops it.
CONTINUATION = 250


@dataclass
class Prompt:
    """A category, the first characters of the text, or both: {"category": (), "seed": (WIDTH,)}.

    Typed as "category", as "category: seed", or as the seed alone where the training data has no categories.
    The seed is Unicode numbers, 0 after its end: which symbols they are only the output field knows.
    """

    categories: list[str] = field(default_factory=list)
    closed: ClassVar[bool] = True
    cut: ClassVar[int] = 0

    def fit(self, categories: Iterable[str]) -> None:
        self.categories = sorted(set(categories))

    def refuse(self, text: str) -> str | None:
        """Return why a prompt cannot be read, in a few words; None if it can."""
        return None if self._find_category(text) is not None else "the category is not in the training data"

    def encode(self, text: str) -> dict[str, np.ndarray]:
        category, seed = self._divide(text)
        codes = [ord(character) for character in seed[-WIDTH:]]
        return {
            "category": np.array(self.categories.index(category), "int32"),
            "seed": np.array(codes + [0] * (WIDTH - len(codes)), "int32"),
        }

    def _divide(self, text: str) -> tuple[str, str]:
        if self.categories == [""]:
            return "", text
        category = self._find_category(text)
        if category is None:
            raise unknown("category", text.partition(":")[0].strip(), self.categories)
        return category, text.lstrip()[len(category) :].lstrip().removeprefix(":").lstrip()

    def _find_category(self, text: str) -> str | None:
        """Return the category that a prompt is, or that stands before a colon in it; a category may have colons too."""
        if self.categories == [""] or text in self.categories:
            return "" if self.categories == [""] else text
        parts = text.split(":")
        before = (":".join(parts[:count]).strip() for count in range(len(parts) - 1, 0, -1))
        return next((category for category in before if category in self.categories), None)

    @property
    def arrays(self) -> dict[str, Array]:
        return {"category": Array((), "int32", len(self.categories)), "seed": Array((WIDTH,), "int32")}

    def parse(self, text: str) -> str:
        """Return the input that one line of text, typed by a user, stands for."""
        return text if self.categories == [""] else text.strip()


@dataclass
class Passages(Writing):
    """Texts to learn to write <-> {"output": (time,), "weight": (time,)}.

    Either whole texts, which end with the end symbol, or passages out of a running text, which has no end. A passage is
    a pair (what stands before it, the passage); what stands before it is read and not asked for: its weight is 0.

    running: whether these are passages.
    """

    running: bool = False

    def fit(self, texts: Iterable[str | tuple[str, str]]) -> None:
        texts = list(texts)
        super().fit(["".join(text) for text in texts])
        self.running = isinstance(texts[0], tuple)
        if self.running:
            self.longest = CONTINUATION

    def encode(self, text: str | tuple[str, str]) -> dict[str, np.ndarray]:
        if self.running != isinstance(text, tuple):
            kinds = "a list of texts, one a line", "one running text"
            raise BadInput(f"the model has learned {kinds[self.running]}, and this is {kinds[not self.running]}")
        before, asked = text if isinstance(text, tuple) else ("", text)
        symbols = super().encode(before + asked)["output"]
        if self.running:
            symbols = symbols[:-1]
        return {"output": symbols, "weight": (np.arange(len(symbols)) >= len(before)).astype("float32")}

    @property
    def arrays(self) -> dict[str, Array]:
        return super().arrays | {"weight": Array((None,), "float32")}
