"""Passages: texts to learn to write, whole ones or out of a running text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED
from pipeline.fields.outputs.target_text import TargetText

# Symbols to write after a seed, where no end symbol stops it.
CONTINUATION = 250


@dataclass
class Passages(TargetText):
    """Texts to learn to write <-> {"output": (time,), "weight": (time,)}.

    Either whole texts, which end with the end symbol, or passages out of a running text, which has no end. A passage is
    a pair (what stands before it, the passage); what stands before it is read and not asked for: its weight is 0.

    running: whether these are passages.
    """

    # Characters, as they are: no options here.
    unit: Literal["word", "character", "subword"] = "character"
    # As many as there are; earlier versions kept another number with a run.
    vocabulary: int = field(default=20_000, metadata=LEARNED)
    lowercase: bool = False
    subword_sampling: float | None = None
    running: bool = field(default=False, metadata=LEARNED)

    def fit(self, texts: Iterable[str | tuple[str, str]]) -> None:
        texts = list(texts)
        super().fit(["".join(text) for text in texts])
        self.running = isinstance(texts[0], tuple)
        if self.running:
            self.longest = CONTINUATION

    def extend(self, texts: Iterable[str | tuple[str, str]]) -> Sequence[str]:
        longest = self.longest
        found = super().extend(["".join(text) for text in texts])
        if self.running:
            self.longest = longest
        return found

    def parse(self, text: str) -> str | tuple[str, str]:  # type: ignore[override]
        return ("", text) if self.running else text

    def encode(self, text: str | tuple[str, str]) -> Arrays:
        if self.running != isinstance(text, tuple):
            kinds = "a list of texts, one a line", "one running text"
            raise BadInput(f"the model has learned {kinds[self.running]}, and this is {kinds[not self.running]}")
        before, asked = text if isinstance(text, tuple) else ("", text)
        symbols = super().encode(before + asked)["output"]
        if self.running:
            symbols = symbols[:-1]
        return {"output": symbols, "weight": (np.arange(len(symbols)) >= len(before)).astype("float32")}

    def divide(self, text: str | tuple[str, str]) -> Sequence[str]:
        return super().divide(text[1] if isinstance(text, tuple) else text)

    def find_flaws(self, text: str | tuple[str, str]) -> Iterator[str]:
        return super().find_flaws(text[1] if isinstance(text, tuple) else text)

    @property
    def ends(self) -> bool:
        return not self.running

    @property
    def arrays(self) -> dict[str, Array]:
        return super().arrays | {"weight": Array((None,), "float32")}
