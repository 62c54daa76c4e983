"""Prompt: what a generator begins with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from pipeline.errors import BadInput, list_names, unknown
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.vocabulary import PADDING_ID, SHOWN, Vocabulary, append_new

# Most characters of a seed that are kept: its last.
SEED_LENGTH = 256


@dataclass
class Prompt(InputField[str]):
    """A category, the first characters of the text, or both: {"category": (), "seed": (SEED_LENGTH,)}.

    Typed as "category", as "category: seed", or as the seed alone where the training data has no categories.
    The seed is Unicode numbers, 0 after its end: which symbols they are only the output field knows.
    """

    categories: list[str] = field(default_factory=list, metadata=LEARNED)
    categorical: ClassVar[bool] = True

    def fit(self, categories: Iterable[str]) -> None:
        self.categories = sorted(set(categories))

    def extend(self, categories: Iterable[str]) -> Sequence[str]:
        categories = set(categories)
        if (categories == {""}) != (self.categories == [""]):
            having = "has none" if self.categories == [""] else "has some"
            raise BadInput(f"categories: the run that is started from {having}, and the data is otherwise")
        self.categories, said = append_new(self.categories, categories, "category")
        return said

    def refuse(self, text: str) -> str | None:
        return None if self._find_category(text) is not None else "the category is not in the training data"

    def encode(self, text: str) -> Arrays:
        category, seed = self._divide(text)
        codes = [ord(character) for character in seed[-SEED_LENGTH:]]
        return {
            "category": np.array(self._vocabulary.to_id(category), "int32"),
            "seed": np.array(codes + [PADDING_ID] * (SEED_LENGTH - len(codes)), "int32"),
        }

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary.of_categories(self.categories)

    def _divide(self, text: str) -> tuple[str, str]:
        if self.categories == [""]:
            return "", text
        category = self._find_category(text)
        if category is None:
            raise unknown("category", text.partition(":")[0].strip(), self.categories)
        return category, text.lstrip()[len(category) :].lstrip().removeprefix(":").lstrip()

    def _find_category(self, text: str) -> str | None:
        """Return the category that a prompt is, or that stands before a colon in it; a category may have colons too."""
        if self.categories == [""] or text in self._vocabulary:
            return "" if self.categories == [""] else text
        parts = text.split(":")
        before = (":".join(parts[:count]).strip() for count in range(len(parts) - 1, 0, -1))
        return next((category for category in before if category in self._vocabulary), None)

    @property
    def arrays(self) -> dict[str, Array]:
        return {"category": Array((), "int32", len(self.categories)), "seed": Array((SEED_LENGTH,), "int32")}

    def parse(self, text: str) -> str:
        return text if self.categories == [""] else text.strip()

    def describe(self) -> str:
        if self.categories == [""]:
            return "the first characters of a text"
        named = list_names(self.categories, SHOWN)
        return f"one of {len(self.categories):,} categories ({named}), or CATEGORY: FIRST CHARACTERS"

    @property
    def typed(self) -> str:
        return self.categories[0] or "A"

    @property
    def class_noun(self) -> str:
        return "category"

    def name_classes(self, text: str) -> Sequence[str]:
        return () if self.categories == [""] else (text,)

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"category": self.categories}
