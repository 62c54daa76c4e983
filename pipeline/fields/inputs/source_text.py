"""Source text: what an encoder-decoder reads, such as a sentence to translate."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from pipeline.errors import BadInput, TooLong
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import InputField
from pipeline.fields.tokenized_text import TokenizedText
from pipeline.fields.vocabulary import UNKNOWN_ID
from pipeline.on_disk import reread
from pipeline.option import option


@dataclass
class SourceText(TokenizedText, InputField[str]):
    """A text to read -> {"words": (time,)}. One longer than `max_length` symbols is refused."""

    max_length: int = option(
        1000, "Longest text, in words or other units; a longer one is refused.", low=1, adjustable=True
    )
    shared_vocabulary: bool = option(False, "One vocabulary for what is read and what is written.", rare=True)

    def __post_init__(self) -> None:
        self._outputs: Sequence[str] = ()

    def read_outputs(self, outputs: Iterable[str]) -> None:
        if self.shared_vocabulary:
            self._outputs = reread(outputs)

    def fit(self, texts: Iterable[str]) -> None:
        self.learn_symbols(chain(texts, self._outputs))
        self._outputs = ()

    def extend(self, texts: Iterable[str]) -> Sequence[str]:
        return [f"to read: {one}" for one in self.extend_symbols(chain(texts, self._outputs))]

    def refuse(self, text: str) -> str | None:
        return None if text.strip() else f"the text has no {self.unit} in it"

    def encode(self, text: str) -> Arrays:
        ids = self.to_ids(text)
        if not ids:
            raise BadInput(f"the text {text!r:.60} has no {self.unit} in it; give at least one")
        if len(ids) > self.max_length:
            raise TooLong(
                f"the text beginning {text[:30]!r} has {len(ids)} {self.unit}s, and at most {self.max_length} are "
                "allowed; divide it, or train with a higher --max-length"
            )
        return {"words": np.array(ids, "int32")}

    def resample(self, texts: Sequence[str], seed: int) -> list[Arrays] | None:
        found = self.sample_ids(texts, seed)
        return None if found is None else [{"words": np.array(ids, "int32")} for ids in found]

    def list_steps(self, text: str, arrays: Arrays) -> Sequence[str]:
        return self.to_pieces(text)

    @property
    def arrays(self) -> dict[str, Array]:
        return {"words": Array((None,), "int32", len(self.symbols), unknown=UNKNOWN_ID)}

    def parse(self, text: str) -> str:
        return text.strip()

    def describe(self) -> str:
        return f"a text of at most {self.max_length:,} {self.unit}s; {len(self.known_tokens):,} {self.unit}s are known"

    @property
    def greatest_length(self) -> int:
        return self.max_length

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"words": self.symbols}
