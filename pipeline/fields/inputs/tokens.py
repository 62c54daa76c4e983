"""Tokens: a sentence that is divided already, as corpora with tags have it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal, Self

import numpy as np

from pipeline.errors import BadInput, TooLong
from pipeline.example import Token
from pipeline.fields import word_features
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.flaws import find_flaws
from pipeline.fields.tokenizers import cut_at_blank, divide_sentence, measure_agreement
from pipeline.fields.vocabulary import PADDING_ID, READ, UNKNOWN_ID, Vocabulary, count_new
from pipeline.on_disk import reread
from pipeline.option import option

# Most tokens whose spelling is kept; what answers for months sees new ones for ever.
SPELLED = 200_000
# Arrays of word features, and what they are of.
AFFIXES = {"prefixes": word_features.list_prefixes, "suffixes": word_features.list_suffixes}


@dataclass
class Tokens(InputField[Sequence[str]]):
    """A sentence of tokens -> {"words": (time,), "characters": (time, width)}.

    Words are looked up lower-cased, so that a word at the start of a sentence is the same word; their spelling, with
    capitals, reaches the model through the characters.

    With word features there are also "shapes", (time,), "prefixes" and "suffixes", (time, 4), with n-grams "ngrams",
    (time, 32); see word_features.py. For each of the feature columns there is "column_1", (time,), "column_2" ...: of
    what a file says of a word beside it.

    width: characters kept per word: its beginning and its end where it is longer.
    words, characters, shapes, prefixes, suffixes, ngrams, columns: by id.
    """

    vocabulary: int = option(
        20_000, "Most words or subwords known, the most frequent; others are unknown.", low=3, adjustable=True
    )
    max_length: int = option(
        400, "Most tokens that are read at once; a longer sentence is read in windows.", low=1, adjustable=True
    )
    min_count: int = option(1, "Words seen fewer times in training are unknown.", low=1, adjustable=True)
    width: int = 16
    words: list[str] = field(default_factory=list, metadata=LEARNED)
    characters: list[str] = field(default_factory=list, metadata=LEARNED)
    tokenizer: Literal["word", "blank", "character", "treebank"] = option(
        "word", "How a typed sentence becomes tokens; treebank: as the Penn Treebank's (needs NLTK).", adjustable=True
    )
    agreement: float = field(default=1.0, metadata=LEARNED)
    word_features: bool = option(False, "Read the shape of each word too, its first and its last characters.")
    feature_columns: str | None = option(
        None, "Further columns to read of each word, such as lemma,xpos or 2,3; predict needs them too.", rare=True
    )
    character_ngrams: Literal[0, 3, 4, 5, 6] = option(
        0, "Read the character n-grams of each word too, of 3 to so many characters; 0: none.", rare=True
    )
    # Runs of earlier versions have none of these.
    shapes: tuple[str, ...] = field(default=(), metadata=LEARNED)
    prefixes: tuple[str, ...] = field(default=(), metadata=LEARNED)
    suffixes: tuple[str, ...] = field(default=(), metadata=LEARNED)
    ngrams: tuple[str, ...] = field(default=(), metadata=LEARNED)
    columns: tuple[tuple[str, ...], ...] = field(default=(), metadata=LEARNED)

    def fit(self, sentences: Iterable[Sequence[str]]) -> None:
        self.words, self.characters, self.columns = list(READ), list(READ), ()
        self.shapes = self.prefixes = self.suffixes = READ if self.word_features else ()
        self.ngrams = READ if self.character_ngrams else ()
        self.extend(sentences)

    def extend(self, sentences: Iterable[Sequence[str]]) -> Sequence[str]:
        sentences = reread(sentences)
        self.agreement = measure_agreement(sentences, self.tokenizer)
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        shapes: Counter[str] = Counter()
        # Each different token once: most of a corpus is the same few.
        for token, count in Counter(token for sentence in sentences for token in sentence).items():
            words[self._normalise(token)] += count
            if self.word_features:
                shapes[word_features.find_shape(token)] += count
            for character in token:
                characters[character] += count
        before = len(self.words), len(self.characters)
        self.words = list(Vocabulary(self.words).extend(words, self.vocabulary, self.min_count).symbols)
        self.characters = list(Vocabulary(self.characters).extend(characters).symbols)
        if self.character_ngrams:
            ngrams = (word_features.list_ngrams(word, self.character_ngrams) for word in words)
            self.ngrams = tuple(word_features.extend_vocabulary(Vocabulary(self.ngrams), ngrams).symbols)
        if self.word_features:
            self.shapes = tuple(Vocabulary(self.shapes).extend(shapes, min_count=word_features.FEWEST).symbols)
            for side, divide in AFFIXES.items():
                affixes = word_features.extend_vocabulary(Vocabulary(getattr(self, side)), map(divide, words))
                setattr(self, side, tuple(affixes.symbols))
        values = [features for sentence in sentences for features in self._read_columns(sentence)]
        columns = list(zip(*values, strict=True))
        known_columns = self.columns or (READ,) * len(columns)
        self.columns = tuple(
            tuple(Vocabulary(known).extend(Counter(column), self.vocabulary, self.min_count).symbols)
            for known, column in zip(known_columns, columns, strict=True)
        )
        return [
            count_new(len(self.words) - before[0], "word"),
            count_new(len(self.characters) - before[1], "character"),
        ]

    def _normalise(self, token: str) -> str:
        return word_features.normalise(token) if self.word_features else token.lower()

    def _read_columns(self, sentence: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield what the feature columns say of each token; BadInput where they are missing."""
        if self.feature_columns is None:
            return
        for token in sentence:
            if not isinstance(token, Token):
                raise BadInput(
                    f"--feature-columns {self.feature_columns}: nothing says them of {token!r:.40}; give a file that "
                    "has these columns beside its tokens: CoNLL-U, other columns, or lists in JSON"
                )
            yield token.features

    def refuse(self, sentence: Sequence[str]) -> str | None:
        return None if sentence else "the sentence has no token in it"

    def encode(self, sentence: Sequence[str]) -> Arrays:
        if len(sentence) > self.max_length:
            raise TooLong(
                f"the sentence beginning {' '.join(sentence[:5])!r:.60} has {len(sentence)} tokens, and at most "
                f"{self.max_length} are allowed; divide it, or raise --max-length"
            )
        return self.encode_whole(sentence)

    @property
    def window(self) -> int:
        return self.max_length

    def encode_whole(self, sentence: Sequence[str]) -> Arrays:
        if not sentence:
            raise BadInput("the sentence has no token in it; give at least one")
        found = {
            "words": np.array(self._words.to_ids(map(self._normalise, sentence)), "int32"),
            "characters": np.array([self._spelled(token) for token in sentence], "int32"),
        }
        if self.word_features:
            shapes, *affixes = zip(*map(self._featured, sentence), strict=True)
            found["shapes"] = np.array(shapes, "int32")
            found |= {side: np.array(ids, "int32") for side, ids in zip(AFFIXES, affixes, strict=True)}
        if self.character_ngrams:
            found["ngrams"] = np.array([self._divided(token) for token in sentence], "int32")
        for number, column in enumerate(zip(*self._read_columns(sentence), strict=True)):
            found[f"column_{number + 1}"] = np.array(self._columns[number].to_ids(column), "int32")
        return found

    @cached_property
    def _words(self) -> Vocabulary:
        return Vocabulary(self.words)

    @cached_property
    def _columns(self) -> list[Vocabulary]:
        return list(map(Vocabulary, self.columns))

    @cached_property
    def _featured(self) -> Callable[[str], tuple]:
        """Return what gives the ids of a token's shape, prefixes and suffixes."""
        shapes = Vocabulary(self.shapes)
        sides = {side: Vocabulary(getattr(self, side)) for side in AFFIXES}

        def find(token: str) -> tuple:
            affixes = (word_features.affixes_to_ids(AFFIXES[side](token), known) for side, known in sides.items())
            return shapes.to_id(word_features.find_shape(token)), *affixes

        return lru_cache(SPELLED)(find)

    @cached_property
    def _characters(self) -> Vocabulary:
        return Vocabulary(self.characters)

    @cached_property
    def _spelled(self) -> Callable[[str], np.ndarray]:
        return lru_cache(SPELLED)(self._spell)

    @cached_property
    def _divided(self) -> Callable[[str], np.ndarray]:
        """Return what gives the ids of a token's n-grams."""
        known, longest = Vocabulary(self.ngrams), self.character_ngrams

        def divide(token: str) -> np.ndarray:
            return np.array(word_features.ngrams_to_ids(word_features.list_ngrams(token, longest), known), "int32")

        return lru_cache(SPELLED)(divide)

    def _spell(self, token: str) -> np.ndarray:
        half = self.width // 2
        kept = token if len(token) <= self.width else token[:half] + token[-half:]
        ids = self._characters.to_ids(kept)
        return np.array(ids + [PADDING_ID] * (self.width - len(ids)), "int32")

    @property
    def arrays(self) -> dict[str, Array]:
        widths = dict.fromkeys(AFFIXES, (word_features.LONGEST,))
        widths |= {"characters": (self.width,), "ngrams": (word_features.MOST_NGRAMS,)}
        return {
            name: Array((None, *widths.get(name, ())), "int32", len(symbols), unknown=UNKNOWN_ID)
            for name, symbols in self.id_names.items()
        }

    def parse(self, text: str) -> tuple[str, ...]:
        return tuple(divide_sentence(text, self.tokenizer))

    def cut(self, text: str, more: bool) -> tuple[list[str], str] | None:
        if self.tokenizer == "treebank":
            # What a point belongs to depends on where the sentence ends.
            return None
        if self.tokenizer == "character":
            return divide_sentence(text, self.tokenizer), ""
        whole, rest = cut_at_blank(text, more)
        return divide_sentence(whole, self.tokenizer), rest

    def encode_piece(self, piece: str) -> Arrays:
        return self.encode((piece,))

    def list_steps(self, sentence: Sequence[str], arrays: Arrays) -> Sequence[str]:
        return sentence

    def pretokenized(self) -> Self:
        return replace(self, tokenizer="blank")

    def describe(self) -> str:
        beside = f", and beside each token {self.feature_columns}" if self.feature_columns else ""
        return (
            f"a sentence, of which {self.max_length:,} tokens are read at once{beside}; "
            f"{len(self.known_tokens):,} words are known"
        )

    @property
    def counted(self) -> str:
        return "token"

    @property
    def greatest_length(self) -> int:
        return self.max_length

    def divide(self, sentence: Sequence[str]) -> Sequence[str]:
        return list(map(self._normalise, sentence))

    @property
    def known_tokens(self) -> Collection[str]:
        return self._words.ids.keys()

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        featured = {"shapes": self.shapes, "prefixes": self.prefixes, "suffixes": self.suffixes}
        columns = {f"column_{number + 1}": column for number, column in enumerate(self.columns)}
        return {
            "words": self.words,
            "characters": self.characters,
            **(featured if self.word_features else {}),
            **({"ngrams": self.ngrams} if self.character_ngrams else {}),
            **columns,
        }

    def find_flaws(self, sentence: Sequence[str]) -> Iterator[str]:
        yield from find_flaws(" ".join(sentence))
        if len(sentence) == 1:
            yield "one token only"
