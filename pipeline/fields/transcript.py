"""What was said: the output of speech recognition."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from pipeline.errors import BadInput, unknown
from pipeline.fields import Array, index_values, look_up
from pipeline.fields.tokenizers import PADDING, UNKNOWN

BLANK = "<blank>"
UNITS = ("character", "word")


@dataclass
class Transcript:
    """A text <-> {"output": (time,)}: its symbols, in an order that the input has but at times that nobody knows.

    The model gives a symbol, or the blank, at each of its own steps (CTC: Graves et al. 2006); the same symbol at
    several steps in a row is one, unless there is a blank between. So a text needs a step for each symbol and one
    more between two equal ones.

    frames: frames of the input to one step of the model. unit: what a symbol is. A "character" can write any word; a
    "word" is never misspelt, but only those of the training data are known.
    """

    frames: int = 1
    unit: str = "character"
    symbols: list[str] = field(default_factory=list)
    start: ClassVar[None] = None
    blank: ClassVar[int] = 2
    closed: ClassVar[bool] = False

    def _divide(self, text: str) -> list[str]:
        return text.split() if self.unit == "word" else list(text.strip())

    def fit(self, texts: Iterable[str]) -> None:
        if self.unit not in UNITS:
            raise unknown("--unit of a transcript", self.unit, UNITS)
        counts = Counter(symbol for text in texts for symbol in self._divide(text))
        self.symbols = [PADDING, UNKNOWN, BLANK, *index_values(counts)]

    def encode(self, text: str) -> dict[str, np.ndarray]:
        if not isinstance(text, str) or not text.strip():
            raise BadInput(f"expected a transcript, the text of what is said, got {text!r:.60}")
        return {"output": np.array([self._index.get(symbol, 1) for symbol in self._divide(text)], "int32")}

    @cached_property
    def _index(self) -> dict[str, int]:
        return look_up(self.symbols, self.blank + 1)

    def check(self, inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray]) -> None:
        """Raise BadInput if an encoded transcript is longer than the frames of its recording allow."""
        numbers = outputs["output"]
        frames = len(next(iter(inputs.values())))
        steps, repeated = -(-frames // self.frames), int(np.sum(numbers[1:] == numbers[:-1]))
        if len(numbers) + repeated > steps:
            raise BadInput(
                f"the transcript {self.decode(numbers)!r:.60} needs {len(numbers) + repeated} steps ({len(numbers)} "
                f"{self.unit}s, and a blank between {repeated} equal pairs), and the recording has {steps}: {frames} "
                f"frames of 10 ms, {self.frames} a step. Do the two belong together? Else lower --downsample"
            )

    def decode(self, numbers: np.ndarray) -> str:
        """Return the text of the numbers above the blank's, without spaces at its ends; U+FFFD is what is unknown."""
        names = [self.symbols[number] for number in numbers if number > self.blank or number == 1]
        between = " " if self.unit == "word" else ""
        return between.join("\N{REPLACEMENT CHARACTER}" if name == UNKNOWN else name for name in names).strip()

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((None,), "int32", len(self.symbols), per_step=False)}
