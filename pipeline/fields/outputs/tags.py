"""Tags: one per token, such as its part of speech or the span of a name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from pipeline.errors import list_names
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, TagField
from pipeline.fields.vocabulary import SHOWN, Vocabulary, append_new


@dataclass
class Tags(TagField[Sequence[str]]):
    """One tag per token <-> {"output": (time,)}.

    spans: the tags are BIO tags of spans; for each type both B and I are known, and `transitions` forbids an I that
    does not continue a span of its own type. tags: by id.
    """

    spans: bool = False
    tags: list[str] = field(default_factory=list, metadata=LEARNED)
    categorical: ClassVar[bool] = True

    def fit(self, sequences: Iterable[Sequence[str]]) -> None:
        self.tags = sorted(self._find_tags(sequences))

    def extend(self, sequences: Iterable[Sequence[str]]) -> Sequence[str]:
        self.tags, said = append_new(self.tags, self._find_tags(sequences), "tag")
        return said

    def _find_tags(self, sequences: Iterable[Sequence[str]]) -> set[str]:
        seen = {tag for sequence in sequences for tag in sequence}
        if not self.spans:
            return seen
        # The type with its dash; tags of a single type may have none: B, I.
        types = {tag[1:] for tag in seen if tag != "O"}
        return {"O"} | {prefix + kind for kind in types for prefix in "BI"}

    @property
    def categories(self) -> Sequence[str]:
        return self.tags

    def parse(self, text: str) -> tuple[str, ...]:
        return tuple(text.split())

    def find_unseen(self, sequence: Sequence[str]) -> set[str]:
        return set(sequence) - self._vocabulary.ids.keys()

    def encode(self, sequence: Sequence[str]) -> Arrays:
        return {"output": np.array(self._vocabulary.to_ids(sequence), "int32")}

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary.of_categories(self.tags)

    def decode(self, output: np.ndarray) -> tuple[str, ...]:
        return tuple(self._vocabulary.to_symbols(output))

    def describe(self) -> str:
        what = "tags of spans" if self.spans else "tags"
        return f"one tag per token, of {len(self.tags):,} {what}: {list_names(self.tags, SHOWN)}"

    @property
    def class_noun(self) -> str:
        return "span" if self.spans else "tag"

    def name_classes(self, sequence: Sequence[str]) -> Sequence[str]:
        """Return the tags; of spans the type of each, as its first tag has it."""
        if not self.spans:
            return sequence
        # Tags of a single type may have no name: B, I.
        return [tag[2:] or "span" for tag in sequence if tag.startswith("B")]

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"output": self.tags}

    def decode_step(self, output: np.ndarray) -> str:
        return self.tags[int(output[0])]

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((None,), "int32", len(self.tags))}

    @property
    def transitions(self) -> np.ndarray | None:
        if not self.spans:
            return None
        rows = ["O", *self.tags]
        return np.array(
            [[tag[0] != "I" or (before != "O" and before[1:] == tag[1:]) for tag in self.tags] for before in rows]
        )

    @property
    def outside(self) -> int | None:
        return self.tags.index("O") if self.spans else None
