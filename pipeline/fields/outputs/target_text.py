"""Target text: what an encoder-decoder or a captioner writes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, AutoregressiveField, InputField
from pipeline.fields.inputs.source_text import SourceText
from pipeline.fields.tokenized_text import TokenizedText
from pipeline.fields.vocabulary import END_ID, START_ID, UNKNOWN_ID
from pipeline.on_disk import reread


@dataclass
class TargetText(TokenizedText, AutoregressiveField[str]):
    """A text to write <-> {"output": (time,)}, with the end symbol as its last.

    longest: most symbols a model may write: the longest text of the training data and half as many again.
    shared_symbols: whether the symbols are those of the input.
    """

    longest: int = field(default=0, metadata=LEARNED)
    shared_symbols: bool = field(default=False, metadata=LEARNED)
    start: ClassVar[int] = START_ID
    end: ClassVar[int] = END_ID

    def attach(self, input_field: InputField) -> None:
        if isinstance(input_field, SourceText) and input_field.shared_vocabulary:
            self.symbols, self.model, self.shared_symbols = input_field.symbols, input_field.model, True

    def fit(self, texts: Iterable[str]) -> None:
        texts = reread(texts)
        if not self.shared_symbols:
            self.learn_symbols(texts)
        self.longest = self._measure_longest(texts)

    def extend(self, texts: Iterable[str]) -> Sequence[str]:
        texts = reread(texts)
        # Those of the input are extended there.
        found = () if self.shared_symbols else self.extend_symbols(texts)
        self.longest = max(self.longest, self._measure_longest(texts))
        return [f"to write: {one}" for one in found]

    def _measure_longest(self, texts: Iterable[str]) -> int:
        return max(len(self.to_ids(text)) for text in texts) * 3 // 2 + 1

    def encode(self, text: str) -> Arrays:
        return {"output": np.array([*self.to_ids(text), self.end], "int32")}

    def resample(self, texts: Sequence[str], seed: int) -> list[Arrays] | None:
        # Not as the input is drawn, whatever seed both are given.
        found = self.sample_ids(texts, seed + 1)
        return None if found is None else [{"output": np.array([*ids, self.end], "int32")} for ids in found]

    def parse(self, text: str) -> str:
        return text

    def decode(self, output: np.ndarray) -> str:
        """Return the text up to the end symbol. output: (time,) of ids."""
        ends = np.flatnonzero(output == self.end)
        return self.join(self.to_symbols(output[: ends[0]] if len(ends) else output))

    def describe(self) -> str:
        known = f"{len(self.known_tokens):,} {self.unit}s are known"
        return f"a text of at most {self.longest:,} {self.unit}s, written one after the other; {known}"

    @property
    def shared(self) -> bool:
        return self.shared_symbols

    @property
    def greatest_length(self) -> int:
        return self.longest

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"output": self.symbols}

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((None,), "int32", len(self.symbols), unknown=UNKNOWN_ID)}
