"""Labels: any number of a few per example, none too, such as the topics of a text."""

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
from pipeline.on_disk import reread
from pipeline.option import option


@dataclass
class Labels(OutputField[tuple[str, ...]]):
    """Several labels, in alphabetical order <-> {"output": (labels,)}: for each whether the example has it.

    A model answers how likely it has each (binary relevance, Tsoumakas and Katakis 2007, section 3.1.2: PT4).

    labels: by id. counts: how many training examples have each, and how many examples there are, where labels are
    weighted by it; else None.
    """

    threshold: float = option(
        0.5, "Probability from which on an example has a label.", group="decoding", low=0.0001, high=0.9999
    )
    labels: list[str] = field(default_factory=list, metadata=LEARNED)
    class_weights: Literal["none", "balanced"] = option(
        "none", "Balanced: in the loss each label counts alike, however few examples have it.",
        group="training", adjustable=True, rare=True,
    )  # fmt: skip
    counts: list[int] | None = field(default=None, metadata=LEARNED)
    categorical: ClassVar[bool] = True

    def fit(self, values: Iterable[tuple[str, ...]]) -> None:
        every = reread(values)
        self.labels = sorted({label for labels in every for label in labels})
        if not self.labels:
            raise BadInput("no example of the training data has a label; is it the right column? See --label-column")
        self.counts = self._count(every)

    def extend(self, values: Iterable[tuple[str, ...]]) -> Sequence[str]:
        every = reread(values)
        self.labels, said = append_new(self.labels, (label for labels in every for label in labels), "label")
        self.counts = self._count(every)
        return said

    def _count(self, every: Sequence[tuple[str, ...]]) -> list[int] | None:
        found = Counter(label for labels in every for label in labels)
        return [*(found[label] for label in self.labels), len(every)] if self.class_weights == "balanced" else None

    @property
    def categories(self) -> Sequence[str]:
        return self.labels

    def parse(self, text: str) -> tuple[str, ...]:
        return tuple(sorted({label.strip() for label in text.split(",")} - {""}))

    def find_unseen(self, labels: tuple[str, ...]) -> set[str]:
        return set(labels) - self._vocabulary.ids.keys()

    def encode(self, labels: tuple[str, ...]) -> Arrays:
        there = np.zeros(len(self.labels), "float32")
        there[[self._vocabulary.to_id(label) for label in labels if label in self._vocabulary]] = 1
        return {"output": there}

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary.of_categories(self.labels)

    def decode(self, output: np.ndarray) -> tuple[str, ...]:
        """Return the labels that are likely enough. output: (labels,), how likely each is."""
        return tuple(sorted(self.labels[place] for place in np.flatnonzero(output >= np.float32(self.threshold))))

    def name_probabilities(self, output: np.ndarray) -> Mapping[str, float]:
        return dict(zip(self.labels, output.tolist(), strict=True))

    def describe(self) -> str:
        return f"any of {len(self.labels):,} labels, or none: {list_names(self.labels, SHOWN)}"

    @property
    def class_noun(self) -> str:
        return "label"

    def name_classes(self, labels: tuple[str, ...]) -> Sequence[str]:
        return labels

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((len(self.labels),), "float32", weights=self._weights, independent=True)}

    @property
    def _weights(self) -> tuple[float, ...] | None:
        """Return examples / (2 x examples with the label, or without it), as scikit-learn's "balanced" for each label.

        Of what no example is, or all are, there is taken to be one.
        """
        if not self.counts:
            return None
        *having, every = self.counts
        absent = (every / (2 * max(every - count, 1)) for count in having)
        return (*absent, *(every / (2 * max(count, 1)) for count in having))
