"""Label: one of a few per example, such as positive or negative."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, OutputField
from pipeline.fields.vocabulary import Vocabulary, list_some


@dataclass
class Label(OutputField[str]):
    """One of a few labels <-> {"output": ()}. labels: by id."""

    labels: list[str] = field(default_factory=list, metadata=LEARNED)
    categorical: ClassVar[bool] = True

    def fit(self, labels: Iterable[str]) -> None:
        self.labels = sorted(set(labels))
        if len(self.labels) < 2:
            raise BadInput(
                f"the training data has one label only, {self.labels[0]!r}; at least two are needed to tell apart"
            )

    @property
    def categories(self) -> Sequence[str]:
        return self.labels

    def parse(self, text: str) -> str:
        return text.strip()

    def find_unseen(self, label: str) -> set[str]:
        return {label} - self._vocabulary.ids.keys()

    def encode(self, label: str) -> Arrays:
        return {"output": np.array(self._vocabulary.to_id(label), "int32")}

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary.of_categories(self.labels)

    def decode(self, output: np.ndarray) -> str:
        return self.labels[int(output)]

    def describe(self) -> str:
        return f"one of {len(self.labels):,} labels: {list_some(self.labels)}"

    @property
    def class_noun(self) -> str:
        return "label"

    def name_classes(self, label: str) -> Sequence[str]:
        return (label,)

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"output": self.labels}

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((), "int32", len(self.labels))}
