"""Fields of the tasks that write: what to begin with, and the texts or passages to learn to write."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pipeline.errors import BadInput, unknown
from pipeline.fields import Array
from pipeline.subwords import Writing

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

    def fit(self, categories: Iterable[str]) -> None:
        self.categories = sorted(set(categories))

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
        if text in self.categories:
            return text, ""
        category, _, seed = text.partition(":")
        if category.strip() not in self.categories:
            raise unknown("category", category.strip(), self.categories)
        return category.strip(), seed.lstrip()

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
