"""Transcript: what was said, the output of speech recognition."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from pipeline.errors import BadInput, unknown
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, AlignedField
from pipeline.fields.flaws import find_flaws
from pipeline.fields.vocabulary import ALIGNED, BLANK_ID, PADDING_ID, UNKNOWN_ID, Vocabulary, count_new
from pipeline.ngrams import Automaton, NGrams, find_longest_order
from pipeline.option import option

UNITS = ("character", "word")


@dataclass
class Transcript(AlignedField[str]):
    """A text <-> {"output": (time,)}: its symbols, in an order that the input has but at times that nobody knows.

    The model gives a symbol, or the blank, at each of its own steps (CTC: Graves et al. 2006); the same symbol at
    several steps in a row is one, unless there is a blank between. So a text needs a step for each symbol and one
    more between two equal ones.

    With the unit "character" any word can be written; with "word" none is misspelt, but only those of the training data
    are known.

    symbols: by id. grams: the n-grams of the training transcripts, each as its ids and how often it is there, where
    they are counted; an id of padding stands for what is before and after a transcript.
    """

    downsample: Literal[1, 2, 4] = option(
        1, "Frames of a recording that a convolution makes one step, before the recurrent layers.", group="model"
    )
    unit: Literal["character", "word"] = option("character", "What a transcript is divided into.")
    language_model_order: Literal[0, 2, 3, 4, 5, 6] = option(
        0, "Count n-grams of up to N characters or words in the training transcripts.",
        adjustable=True,
    )  # fmt: skip
    symbols: list[str] = field(default_factory=list, metadata=LEARNED)
    grams: tuple[tuple[int, ...], ...] = field(default=(), metadata=LEARNED)
    blank: ClassVar[int] = BLANK_ID

    def _divide(self, text: str) -> list[str]:
        return text.split() if self.unit == "word" else list(text.strip())

    def fit(self, texts: Iterable[str]) -> None:
        if self.unit not in UNITS:
            raise unknown("--unit of a transcript", self.unit, UNITS)
        texts = list(texts)
        self.symbols = list(Vocabulary.build(self._count(texts), reserved=ALIGNED).symbols)
        if self.language_model_order:
            self.grams = self._count_grams(texts)

    def extend(self, texts: Iterable[str]) -> Sequence[str]:
        texts, before = list(texts), len(self.symbols)
        self.symbols = list(Vocabulary(self.symbols, len(ALIGNED)).extend(self._count(texts)).symbols)
        if self.language_model_order:
            self.grams = self._count_grams(texts)
        return [count_new(len(self.symbols) - before, self.unit)]

    def _count(self, texts: Iterable[str]) -> Counter[str]:
        return Counter(symbol for text in texts for symbol in self._divide(text))

    def _count_grams(self, texts: Iterable[str]) -> tuple[tuple[int, ...], ...]:
        ids = [np.pad(self.encode(text)["output"].astype("int64"), 1, constant_values=PADDING_ID) for text in texts]
        # Of very many different words, only shorter n-grams have numbers.
        order = min(self.language_model_order, find_longest_order(len(self.symbols)))
        counted = NGrams.of_texts(ids, order, **self._counted)
        return tuple(map(tuple, np.concatenate([counted.grams, counted.counts[:, None]], axis=1).tolist()))

    @property
    def _counted(self) -> dict[str, Any]:
        """Return what n-grams have to know of the symbols: see `NGrams`."""
        told = np.arange(len(self.symbols)) != self.blank
        return {"size": len(self.symbols), "start": PADDING_ID, "told": told}

    @property
    def language_model(self) -> Automaton | None:
        """Return how likely symbols are after each other in the training transcripts; None where none were counted."""
        if not self.grams:
            return None
        counted = np.array(self.grams)
        return NGrams(counted[:, :-1], counted[:, -1], **self._counted).make_automaton()

    @property
    def separators(self) -> Sequence[int] | None:
        """Return the ids of what stands between words; None where each symbol is a word."""
        return None if self.unit == "word" else [id for id, symbol in enumerate(self.symbols) if symbol.isspace()]

    def encode(self, text: str) -> Arrays:
        if not isinstance(text, str) or not text.strip():
            raise BadInput(f"expected a transcript, the text of what is said, got {text!r:.60}")
        return {"output": np.array(self._vocabulary.to_ids(self._divide(text)), "int32")}

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.symbols, len(ALIGNED))

    def check_pair(self, inputs: Arrays, outputs: Arrays) -> None:
        """Raise BadInput if an encoded transcript is longer than the frames of its recording allow."""
        ids = outputs["output"]
        frames = len(next(iter(inputs.values())))
        steps, repeated = -(-frames // self.downsample), int(np.sum(ids[1:] == ids[:-1]))
        if len(ids) + repeated > steps:
            raise BadInput(
                f"the transcript {self.decode(ids)!r:.60} needs {len(ids) + repeated} steps ({len(ids)} "
                f"{self.unit}s, and a blank between {repeated} equal pairs), and the recording has {steps}: {frames} "
                f"frames of 10 ms, {self.downsample} a step. Do the two belong together? Else lower --downsample"
            )

    def parse(self, text: str) -> str:
        return text.strip()

    def decode(self, output: np.ndarray) -> str:
        """Return the text, without spaces at its ends; U+FFFD is what is unknown. output: (time,) of ids.

        Padding and blanks say nothing.
        """
        names = self._vocabulary.to_symbols(id for id in output if id not in (PADDING_ID, self.blank))
        return (" " if self.unit == "word" else "").join(names).strip()

    def describe(self) -> str:
        grams = f", and n-grams of up to {len(self.grams[0]) - 1} of them" if self.grams else ""
        return f"what is said, in {self.unit}s; {len(self.known_tokens):,} {self.unit}s are known{grams}"

    @property
    def counted(self) -> str:
        return self.unit

    def divide(self, text: str) -> Sequence[str]:
        return self._divide(text)

    @property
    def known_tokens(self) -> Collection[str]:
        return self._vocabulary.ids.keys()

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"output": self.symbols}

    def find_flaws(self, text: str) -> Iterator[str]:
        return find_flaws(text)

    def decode_step(self, output: np.ndarray) -> str:
        """Return the text that a step adds, spaces and all; with the unit "word", each word and a space."""
        names = self._vocabulary.to_symbols(id for id in output if id not in (PADDING_ID, self.blank))
        return "".join(f"{name} " if self.unit == "word" else name for name in names)

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((None,), "int32", len(self.symbols), per_step=False, unknown=UNKNOWN_ID)}
