"""Fields: one side of an example as arrays, and back.

A field is fitted on the training examples only and saved as JSON with the run. It is the only place that knows which
number a word has, and that 0 stands for padding and 1 for whatever was not in the training data. An output that was not
in the training data is UNSEEN: no model can give it, so that it counts as wrong, and it has no loss.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np

from pipeline import record
from pipeline.errors import BadInput, unknown
from pipeline.fields.tokenizers import (
    PADDING,
    UNKNOWN,
    divide_sentence,
    has_token,
    learn_subwords,
    measure_agreement,
    open_subwords,
    tokenize,
)

# The number of a tag or label that is not in the training data.
UNSEEN = -1


@dataclass(frozen=True)
class Array:
    """What one array of an encoded example looks like.

    shape: without the batch axis; None stands for time (padded).
    size: how many different values an integer array has; None for measurements.
    per_step: of an output with a time axis, whether each step is an answer of its own, with a loss of its own; else
        the sequence is one answer.
    padding, unknown: the values that stand for nothing, and for what was not in the training data; None: none does.
    """

    shape: tuple[int | None, ...]
    dtype: str
    size: int | None = None
    per_step: bool = True
    padding: int = 0
    unknown: int | None = None

    @property
    def timed(self) -> bool:
        """Return whether there is a time axis."""
        return self.shape[:1] == (None,)


def index_values(counts: Counter, size: int | None = None, min_count: int = 1) -> list[str]:
    """Return the values that occur at least `min_count` times, the most frequent first, at most `size` of them.

    Equal counts are ordered by the text itself, so that the same data always gives the same numbers.
    """
    kept = [value for value, count in counts.items() if count >= min_count]
    return sorted(kept, key=lambda value: (-counts[value], value))[:size]


def look_up(values: list[str], first: int) -> dict[str, int]:
    """Return the number of each value from `first` on: a text that spells out a reserved name does not get its number.

    A reserved name is "<padding>", for example.
    """
    return {value: number for number, value in enumerate(values[first:], first)}


@dataclass
class Text:
    """A running text -> one number per word: {"words": (time,)}. Texts longer than `max_length` keep their two ends.

    unit: "word", or "character" or "subword", which stand for a word then. Words and subwords are lower-cased.

    vocabulary: the largest number of words kept, padding and unknown included. model: of subwords, as base64.
    """

    vocabulary: int
    max_length: int
    unit: str = "word"
    words: list[str] = field(default_factory=list)
    model: str = ""
    closed: ClassVar[bool] = False
    # Training texts that lost their middle.
    cut: ClassVar[int] = 0

    def _divide(self, text: str) -> list[str]:
        if self.unit == "character":
            return list(text)
        return tokenize(text) if self.unit == "word" else self._pieces.encode(_prepare(text), out_type=str)

    def fit(self, texts: Iterable[str]) -> None:
        texts = list(texts)
        if self.unit == "subword":
            self.model = learn_subwords([_prepare(text) for text in texts], self.vocabulary)
        counts: Counter = Counter()
        cut = 0
        for text in texts:
            tokens = self._divide(text)
            counts.update(tokens)
            cut += len(tokens) > self.max_length
        # Not of the field's values: of this training alone.
        self.cut = cut  # type: ignore[misc]
        self.words = [PADDING, UNKNOWN, *index_values(counts, self.vocabulary - 2)]

    def refuse(self, text: str) -> str | None:
        """Return why a text cannot be read, in a few words; None if it can."""
        found = has_token(text) if self.unit == "word" else text.strip()
        return None if found else f"the text has no {self.unit} in it"

    def encode(self, text: str) -> dict[str, np.ndarray]:
        if not isinstance(text, str):
            raise BadInput(f"expected a text, got {text!r:.60}")
        tokens = self._divide(text)
        if not tokens:
            raise BadInput(f"the text {text!r:.60} has no {self.unit} in it; give at least one")
        if len(tokens) > self.max_length:
            # A review's verdict stands at its beginning or its end.
            head = self.max_length // 2
            tokens = tokens[:head] + tokens[len(tokens) - (self.max_length - head) :]
        return {"words": np.array([self._index.get(token, 1) for token in tokens], "int32")}

    @cached_property
    def _index(self) -> dict[str, int]:
        return look_up(self.words, 2)

    @cached_property
    def _pieces(self) -> Any:
        return open_subwords(self.model)

    @property
    def arrays(self) -> dict[str, Array]:
        return {"words": Array((None,), "int32", len(self.words))}

    def parse(self, text: str) -> str:
        """Return the input that one line of text, typed by a user, stands for."""
        return text


def _prepare(text: str) -> str:
    return text.replace("<br />", " ").lower()


@dataclass
class Tokens:
    """A sentence of tokens -> {"words": (time,), "characters": (time, width)}.

    Words are looked up lower-cased, so that a word at the start of a sentence is the same word; their spelling, with
    capitals, reaches the model through the characters. Words seen fewer than `min_count` times are unknown.
    width: characters kept of a word: its beginning and its end where it is longer.
    tokenizer: how a text that a user typed becomes tokens; one of tokenizers.SENTENCE.
    agreement: the share of training sentences that it divides as they are.
    """

    vocabulary: int
    max_length: int
    min_count: int = 1
    width: int = 16
    words: list[str] = field(default_factory=list)
    characters: list[str] = field(default_factory=list)
    tokenizer: str = "word"
    agreement: float = 1.0
    closed: ClassVar[bool] = False
    cut: ClassVar[int] = 0

    def fit(self, sentences: Iterable[Sequence[str]]) -> None:
        sentences = list(sentences)
        self.agreement = measure_agreement(sentences, self.tokenizer)
        words: Counter = Counter()
        characters: Counter = Counter()
        # Each different token once: most of a corpus is the same few.
        for token, count in Counter(token for sentence in sentences for token in sentence).items():
            words[token.lower()] += count
            for character in token:
                characters[character] += count
        self.words = [PADDING, UNKNOWN, *index_values(words, self.vocabulary - 2, self.min_count)]
        self.characters = [PADDING, UNKNOWN, *index_values(characters)]

    def refuse(self, sentence: Sequence[str]) -> str | None:
        """Return why a sentence cannot be read, in a few words; None if it can."""
        return None if sentence else "the sentence has no token in it"

    def encode(self, sentence: Sequence[str]) -> dict[str, np.ndarray]:
        if not sentence:
            raise BadInput("the sentence has no token in it; give at least one")
        if len(sentence) > self.max_length:
            raise BadInput(
                f"the sentence beginning {' '.join(sentence[:5])!r:.60} has {len(sentence)} tokens, and at most "
                f"{self.max_length} are allowed; divide it, or raise --max-length"
            )
        return {
            "words": np.array([self._index.get(token.lower(), 1) for token in sentence], "int32"),
            "characters": np.array([self._spelled(token) for token in sentence], "int32"),
        }

    @cached_property
    def _index(self) -> dict[str, int]:
        return look_up(self.words, 2)

    @cached_property
    def _character_index(self) -> dict[str, int]:
        return look_up(self.characters, 2)

    @cached_property
    def _spelled(self) -> Callable[[str], np.ndarray]:
        return cache(self._spell)

    def _spell(self, token: str) -> np.ndarray:
        half = self.width // 2
        kept = token if len(token) <= self.width else token[:half] + token[-half:]
        numbers = [self._character_index.get(character, 1) for character in kept]
        return np.array(numbers + [0] * (self.width - len(numbers)), "int32")

    @property
    def arrays(self) -> dict[str, Array]:
        return {
            "words": Array((None,), "int32", len(self.words)),
            "characters": Array((None, self.width), "int32", len(self.characters)),
        }

    def parse(self, text: str) -> tuple[str, ...]:
        """Return the tokens of one line of text, typed by a user, as the tokenizer divides it."""
        return tuple(divide_sentence(text, self.tokenizer))


@dataclass
class Tags:
    """One tag a token <-> {"output": (time,)}.

    spans: the tags are BIO tags of spans; for each type both B and I are known, and `transitions` forbids an I that
    does not continue a span of its own type.
    """

    spans: bool = False
    tags: list[str] = field(default_factory=list)
    start: ClassVar[None] = None
    closed: ClassVar[bool] = True

    def fit(self, sequences: Iterable[Sequence[str]]) -> None:
        seen = {tag for sequence in sequences for tag in sequence}
        if self.spans:
            # The type with its dash; tags of a single type may have none: B, I.
            types = {tag[1:] for tag in seen if tag != "O"}
            seen = {"O"} | {prefix + kind for kind in types for prefix in "BI"}
        self.tags = sorted(seen)

    @property
    def known(self) -> list[str]:
        """Return the tags of the training data."""
        return self.tags

    def find_unseen(self, sequence: Sequence[str]) -> set[str]:
        """Return the tags of a sequence that are not in the training data."""
        return set(sequence) - self._index.keys()

    def encode(self, sequence: Sequence[str]) -> dict[str, np.ndarray]:
        return {"output": np.array([self._index.get(tag, UNSEEN) for tag in sequence], "int32")}

    @cached_property
    def _index(self) -> dict[str, int]:
        return look_up(self.tags, 0)

    def decode(self, numbers: np.ndarray) -> tuple[str, ...]:
        return tuple(self.tags[number] for number in numbers)

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((None,), "int32", len(self.tags))}

    @property
    def transitions(self) -> np.ndarray | None:
        """Return (1 + tags, tags) of bool: row 0 the tags that may begin, row 1 + a those that may follow tag a."""
        if not self.spans:
            return None
        rows = ["O", *self.tags]
        return np.array(
            [[tag[0] != "I" or (before != "O" and before[1:] == tag[1:]) for tag in self.tags] for before in rows]
        )


@dataclass
class Category:
    """One of a few categories, as an input: {"category": ()}."""

    categories: list[str] = field(default_factory=list)
    closed: ClassVar[bool] = True
    cut: ClassVar[int] = 0

    def fit(self, categories: Iterable[str]) -> None:
        self.categories = sorted(set(categories))

    def refuse(self, category: str) -> str | None:
        """Return why a category cannot be read, in a few words; None if it can."""
        return None if category in self.categories else "the category is not in the training data"

    def encode(self, category: str) -> dict[str, np.ndarray]:
        if category not in self.categories:
            raise unknown("category", category, self.categories)
        return {"category": np.array(self.categories.index(category), "int32")}

    @property
    def arrays(self) -> dict[str, Array]:
        return {"category": Array((), "int32", len(self.categories))}

    def parse(self, text: str) -> str:
        """Return the input that one line of text, typed by a user, stands for."""
        return text.strip()


@dataclass
class Label:
    """One of a few labels <-> {"output": ()}."""

    labels: list[str] = field(default_factory=list)
    start: ClassVar[None] = None
    closed: ClassVar[bool] = True

    def fit(self, labels: Iterable[str]) -> None:
        self.labels = sorted(set(labels))
        if len(self.labels) < 2:
            raise BadInput(
                f"the training data has one label only, {self.labels[0]!r}; at least two are needed to tell apart"
            )

    @property
    def known(self) -> list[str]:
        """Return the labels of the training data."""
        return self.labels

    def find_unseen(self, label: str) -> set[str]:
        """Return the label, if it is not in the training data."""
        return {label} - self._index.keys()

    def encode(self, label: str) -> dict[str, np.ndarray]:
        return {"output": np.array(self._index.get(label, UNSEEN), "int32")}

    @cached_property
    def _index(self) -> dict[str, int]:
        return look_up(self.labels, 0)

    def decode(self, number: np.ndarray) -> str:
        return self.labels[int(number)]

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((), "int32", len(self.labels))}


@dataclass
class Number:
    """A number <-> {"output": ()}, scaled to mean 0 and standard deviation 1 of the training data."""

    mean: float = 0.0
    deviation: float = 1.0
    low: float = 0.0
    high: float = 0.0
    start: ClassVar[None] = None
    closed: ClassVar[bool] = False

    def fit(self, numbers: Iterable[float]) -> None:
        values = np.array(list(numbers), "float64")
        self.low, self.high = float(values.min()), float(values.max())
        with np.errstate(over="ignore"):
            self.mean, self.deviation = float(values.mean()), float(values.std()) if self.low < self.high else 1.0
        if not np.isfinite([self.mean, self.deviation]).all():
            raise BadInput(
                f"the training data's numbers reach from {self.low:g} to {self.high:g}, too far for their mean and "
                f"deviation to be computed; leave the extreme ones out, or give their logarithms"
            )

    def encode(self, number: float) -> dict[str, np.ndarray]:
        return {"output": np.array((number - self.mean) / self.deviation, "float32")}

    def decode(self, number: np.ndarray) -> float:
        """Return the number in the user's units, kept within the range seen in training."""
        return float(np.clip(float(number) * self.deviation + self.mean, self.low, self.high))

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((), "float32")}


@dataclass
class Histogram(Number):
    """A number <-> {"output": (BINS,)}: how likely each range of numbers is, read by its median.

    A number becomes a Gaussian around it, as wide as 3/4 of a bin, and cross-entropy the loss: "Improving Regression
    Performance with Distributional Losses" (Imani and White 2018, equation 2). The median has the least absolute error
    of all numbers one could name, and does not shrink to the mean of what is uncertain, as least squares does.
    """

    BINS: ClassVar[int] = 25
    MARGIN: ClassVar[int] = 2

    @property
    def edges(self) -> np.ndarray:
        """Return the limits of the bins, (BINS + 1,): from low to high, and MARGIN bins more at either side."""
        width = (self.high - self.low or 1.0) / (self.BINS - 2 * self.MARGIN)
        return self.low + width * np.arange(-self.MARGIN, self.BINS - self.MARGIN + 1)

    def encode(self, number: float) -> dict[str, np.ndarray]:
        # Not with the others: `list` and `--help` need none of SciPy.
        from scipy.special import ndtr

        edges = self.edges
        # A number unseen in training may lie anywhere.
        middle = np.clip(number, self.low, self.high)
        below = ndtr((edges - middle) / (0.75 * (edges[1] - edges[0])))
        return {"output": (np.diff(below) / (below[-1] - below[0])).astype("float32")}

    def decode(self, number: np.ndarray) -> float:
        """Return the median of a distribution, (BINS,), kept within the range seen in training."""
        below = np.concatenate([[0.0], np.cumsum(number, dtype="float64")])
        return float(np.clip(np.interp(below[-1] / 2, below, self.edges), self.low, self.high))

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((self.BINS,), "float32")}


def save(fitted: Any) -> dict:
    """Return the field as a JSON object: its type and what it learned from the training data."""
    return {"type": type(fitted).__name__, **{part.name: getattr(fitted, part.name) for part in fields(fitted)}}


def restore(empty: Any, saved: dict[str, Any]) -> Any:
    """Return `empty`, a field as its task makes it, with what `save` wrote; BadInput for what it cannot have written.

    A part that has a plain default may be missing: it came later. Parts without any are those that the task gives, from
    the options: they must be the same.
    """
    values, kind = dict(saved), type(empty)
    if (name := values.pop("type", None)) != kind.__name__:
        raise BadInput(f"the saved field is a {name!r:.60}, and the task uses a {kind.__name__!r}")
    for part in fields(empty):
        if part.default is MISSING and part.name not in values:
            raise BadInput(f"{part.name} is missing")
    restored = record.convert(values, kind)
    for part in fields(empty):
        found, given = getattr(restored, part.name), getattr(empty, part.name)
        if part.default is MISSING and part.default_factory is MISSING and found != given:
            raise BadInput(f"{part.name} is {found!r:.60}, and by the options {given!r:.60}")
    return restored
