"""Category: one of a few, such as the kind of a name to write."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from pipeline.errors import list_names, unknown
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.vocabulary import SHOWN, Vocabulary, append_new


@dataclass
class Category(InputField[str]):
    """One of a few categories, as an input: {"category": ()}. categories: by id."""

    categories: list[str] = field(default_factory=list, metadata=LEARNED)
    categorical: ClassVar[bool] = True

    def fit(self, categories: Iterable[str]) -> None:
        self.categories = sorted(set(categories))

    def extend(self, categories: Iterable[str]) -> Sequence[str]:
        self.categories, said = append_new(self.categories, categories, "category")
        return said

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary.of_categories(self.categories)

    def refuse(self, category: str) -> str | None:
        return None if category in self._vocabulary else "the category is not in the training data"

    def encode(self, category: str) -> Arrays:
        if category not in self._vocabulary:
            raise unknown("category", category, self.categories)
        return {"category": np.array(self._vocabulary.to_id(category), "int32")}

    @property
    def arrays(self) -> dict[str, Array]:
        return {"category": Array((), "int32", len(self.categories))}

    def parse(self, text: str) -> str:
        return text.strip()

    def describe(self) -> str:
        return f"one of {len(self.categories):,} categories: {list_names(self.categories, SHOWN)}"

    @property
    def typed(self) -> str:
        return self.categories[0]

    @property
    def class_noun(self) -> str:
        return "category"

    def name_classes(self, category: str) -> Sequence[str]:
        return (category,)

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"category": self.categories}
