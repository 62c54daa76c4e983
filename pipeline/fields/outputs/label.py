"""Label: one of a few per example, such as positive or negative."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import BadInput, list_names
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, OutputField
from pipeline.fields.vocabulary import SHOWN, Vocabulary, append_new
from pipeline.option import option


@dataclass
class Label(OutputField[str]):
    """One of a few labels <-> {"output": ()}.

    labels: by id. counts: how many training examples have each, where labels are weighted by it; else None.
    """

    labels: list[str] = field(default_factory=list, metadata=LEARNED)
    class_weights: Literal["none", "balanced"] = option(
        "none", "Balanced: in the loss each label counts alike, however few examples have it.",
        group="training", adjustable=True, rare=True,
    )  # fmt: skip
    counts: list[int] | None = field(default=None, metadata=LEARNED)
    categorical: ClassVar[bool] = True

    def fit(self, labels: Iterable[str]) -> None:
        found = Counter(labels)
        self.labels = sorted(found)
        self.counts = [found[label] for label in self.labels] if self.class_weights == "balanced" else None
        if len(self.labels) < 2:
            raise BadInput(
                f"the training data has one label only, {self.labels[0]!r}; at least two are needed to tell apart"
            )

    def extend(self, labels: Iterable[str]) -> Sequence[str]:
        found = Counter(labels)
        self.labels, said = append_new(self.labels, found, "label")
        # One that the new data has not is weighted as one that is there once.
        self.counts = [found[label] or 1 for label in self.labels] if self.class_weights == "balanced" else None
        return said

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
        return f"one of {len(self.labels):,} labels: {list_names(self.labels, SHOWN)}"

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
        return {"output": Array((), "int32", len(self.labels), weights=self._weights)}

    @property
    def _weights(self) -> tuple[float, ...] | None:
        """Return examples / (labels x examples of the label), as scikit-learn's "balanced"; 1 on the mean."""
        if not self.counts:
            return None
        mean = sum(self.counts) / len(self.counts)
        return tuple(mean / count for count in self.counts)
