"""Tokenized text: words, characters or subwords, and back: what encoder-decoders read and write.

    unit         "Two dogs run."
    word         Two dogs run ￭.             (￭: no space before it)
    character    T w o   d o g s   r u n .
    subword      ▁Two ▁dog s ▁run .          (▁: a space before it)

Subwords are those of a unigram model (Kudo 2018) that sentencepiece learns from the training texts, each digit a symbol
of its own. The model is kept with the field, so a run needs nothing but its own folder.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pipeline.errors import BadInput
from pipeline.fields.field import LEARNED
from pipeline.fields.flaws import find_flaws
from pipeline.fields.subwords import KEPT, SPACE, learn_subwords, open_subwords, sample_subwords
from pipeline.fields.tokenizers import JOINER, divide_words
from pipeline.fields.vocabulary import UNKNOWN_ID, WRITTEN, Vocabulary, count_new
from pipeline.option import option

if TYPE_CHECKING:
    from pipeline.fields.subwords import Subwords


@dataclass
class TokenizedText:
    """What a text to read and one to write have in common: its symbols, their ids, and the way back.

    symbols: by id; with characters, all of the training data. model: sentencepiece's, as base64.
    """

    unit: Literal["word", "character", "subword"] = option("character", "What a text is divided into.")
    vocabulary: int = option(
        20_000, "Most words or subwords known, the most frequent; others are unknown.", low=3, adjustable=True
    )
    lowercase: bool = option(False, "Lower-case all texts.")
    subword_sampling: float | None = option(
        None, "In training divide texts into subwords by chance: by probability to this power.",
        low=0.01, high=10, adjustable=True, rare=True,
    )  # fmt: skip
    symbols: list[str] = field(default_factory=list, metadata=LEARNED)
    model: str = field(default="", metadata=LEARNED)

    def learn_symbols(self, texts: Iterable[str]) -> None:
        """Learn which symbols the training texts have."""
        texts = map(self._prepare, texts)
        if self.unit == "subword":
            self.model = learn_subwords(texts, self.vocabulary)
            self.symbols = [self._subwords.id_to_piece(number) for number in range(self._subwords.get_piece_size())]
        else:
            counts = Counter(symbol for text in texts for symbol in self._divide(text))
            self.symbols = list(Vocabulary.build(counts, self._most, reserved=WRITTEN).symbols)

    def extend_symbols(self, texts: Iterable[str]) -> Sequence[str]:
        """Learn the symbols of other texts beside those that are known, and return how many; subwords stay as they are.

        Of these, return how many of the texts' are not known.
        """
        texts = map(self._prepare, texts)
        if self.unit == "subword":
            ids = [number for text in texts for number in self._subwords.encode(text)]
            return [f"{KEPT}, to which {ids.count(UNKNOWN_ID) / max(len(ids), 1):.1%} of the texts is unknown"]
        counts = Counter(symbol for text in texts for symbol in self._divide(text))
        before = len(self.symbols)
        self.symbols = list(Vocabulary(self.symbols, len(WRITTEN)).extend(counts, self._most).symbols)
        return [count_new(len(self.symbols) - before, self.unit)]

    @property
    def _most(self) -> int | None:
        """Return the most symbols that are learned; None where there is no bound."""
        return self.vocabulary if self.unit == "word" else None

    def _prepare(self, text: str) -> str:
        if not isinstance(text, str):
            raise BadInput(f"expected a text, got {text!r:.60}")
        return text.lower() if self.lowercase else text

    def _divide(self, text: str) -> Sequence[str]:
        return divide_words(text) if self.unit == "word" else text

    @property
    def counted(self) -> str:
        return self.unit

    def divide(self, text: str) -> Sequence[str]:
        text = self._prepare(text)
        return self._subwords.encode(text, out_type=str) if self.unit == "subword" else self._divide(text)

    @property
    def known_tokens(self) -> Collection[str]:
        return self._vocabulary.ids.keys()

    def find_flaws(self, text: str) -> Iterator[str]:
        return find_flaws(text)

    def to_ids(self, text: str) -> list[int]:
        """Return the ids of a text's symbols."""
        text = self._prepare(text)
        return self._subwords.encode(text) if self.unit == "subword" else self._vocabulary.to_ids(self._divide(text))

    def sample_ids(self, texts: Iterable[str], seed: int) -> list[list[int]] | None:
        """Return the ids of texts that are divided by chance; None where they are not. seed: other ones, other texts.

        Texts of many divisions are a model's protection from learning one by heart (Kudo 2018).
        """
        if self.unit != "subword" or self.subword_sampling is None:
            return None
        prepared = [self._prepare(text) for text in texts]
        return sample_subwords(self._subwords, prepared, alpha=self.subword_sampling, seed=seed)

    def to_pieces(self, text: str) -> Sequence[str]:
        """Return what a text is divided into, known or not, one for each of its ids."""
        text = self._prepare(text)
        return self._subwords.encode(text, out_type=str) if self.unit == "subword" else list(self._divide(text))

    def to_symbols(self, ids: Iterable[int]) -> list[str]:
        """Return the symbols of ids; an unknown one as the replacement character."""
        return self._vocabulary.to_symbols(ids)

    def join(self, symbols: list[str]) -> str:
        """Return the text that symbols spell."""
        if self.unit == "word":
            return " ".join(symbols).replace(" " + JOINER, "").removeprefix(JOINER)
        text = "".join(symbols)
        return text.replace(SPACE, " ").strip() if self.unit == "subword" else text

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.symbols, len(WRITTEN))

    @cached_property
    def _subwords(self) -> "Subwords":
        return open_subwords(self.model)
