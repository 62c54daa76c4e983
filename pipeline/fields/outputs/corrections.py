"""Corrections: what is to be changed in a text, as a marked text, by one tag per word."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pipeline.fields.array import UNSEEN, Array, Arrays
from pipeline.fields.edits import tags as tagging
from pipeline.fields.edits.marks import accept, check, mark, reject
from pipeline.fields.edits.tags import BLANK, KEEP, find_changes, find_opening, join, list_tags, match_case
from pipeline.fields.edits.words import find_words, list_words
from pipeline.fields.field import LEARNED, InputField, OutputField
from pipeline.fields.flaws import find_flaws
from pipeline.fields.inputs.draft import Draft
from pipeline.fields.tokenizers import JOINER
from pipeline.fields.vocabulary import Vocabulary, append_new
from pipeline.option import option

# An ending is a tag of its own where so many different words have it.
GENERAL = 5
CANDIDATE = "candidate"


@dataclass
class Corrections(OutputField[str]):
    """A marked text, such as "She [-go-]{+goes+} home." <-> {"output": (time,)}: a tag for each step of the draft.

    A correction that is rarer in training than `min_count` is no tag of its own; it is UNSEEN, and has no loss. The
    last tags stand for the candidates of a word that is not known.

    tags: by id, without those. draft: the input field, which knows the candidates.
    """

    min_count: int = option(1, "Words seen fewer times in training are unknown.", low=1, adjustable=True)
    tags: list[str] = field(default_factory=list, metadata=LEARNED)
    draft: Draft = field(init=False, repr=False, compare=False, default_factory=Draft)

    def attach(self, input_field: InputField) -> None:
        if not isinstance(input_field, Draft):
            raise TypeError(f"expected the input field to be a Draft, got {type(input_field).__name__}")
        self.draft = input_field

    def fit(self, marked: Iterable[str]) -> None:
        self.tags = [KEEP, *sorted(self._find_tags(marked))]

    def extend(self, marked: Iterable[str]) -> Sequence[str]:
        self.tags, said = append_new(self.tags, self._find_tags(marked), "tag")
        return said

    def _find_tags(self, marked: Iterable[str]) -> set[str]:
        """Return the tags that are frequent enough in marked texts."""
        changes = Counter(
            (word, *change)
            for text in marked
            for word, change in self._list_changes(text)
            if change and self._find_candidate(word, *change) is None
        )
        # Endings first: what one of them says needs no tag of its own.
        endings: dict[str, set[str]] = {}
        counts: Counter[str] = Counter()
        for change, count in changes.items():
            for tag in list_tags(*change)[:-1]:
                endings.setdefault(tag, set()).add(change[0].lower())
                counts[tag] += count
        general = {tag for tag, words in endings.items() if len(words) >= GENERAL and counts[tag] >= self.min_count}
        others: Counter[str] = Counter()
        for change, count in changes.items():
            found = list_tags(*change)
            if general.isdisjoint(found):
                others[found[-1]] += count
        return general | {tag for tag, count in others.items() if count >= self.min_count}

    def _list_changes(self, marked: str) -> Iterator[tuple[str, tuple[str, str] | None]]:
        """Yield the beginning and each word of a marked text, with what is to be done; see `find_changes`."""
        source = reject(marked)
        yield from zip(["", *list_words(source)], find_changes(source, accept(marked)), strict=True)

    def _find_candidate(self, word: str, becomes: str, after: str) -> int | None:
        """Return which of the candidates for a word is to stand in its place; None if none is."""
        if after or not word:
            return None
        candidates = self.draft.find_candidates(word)
        return next((place for place, one in enumerate(candidates) if match_case(one.word, word) == becomes), None)

    def find_tag(self, word: str, change: tuple[str, str] | None) -> int:
        """Return the id of the tag that says what is to be done with a word; UNSEEN if none does."""
        if change is None:
            return self._vocabulary.to_id(KEEP)
        if (place := self._find_candidate(word, *change)) is not None:
            return len(self.tags) + place
        ids = self._vocabulary.ids
        return next((ids[tag] for tag in list_tags(word, *change) if tag in ids), UNSEEN)

    def encode(self, marked: str) -> Arrays:
        source = reject(marked)
        output = np.full(1 + len(self.draft.divide_pieces(source)), self._vocabulary.to_id(KEEP), "int32")
        for step, (word, change) in zip(self._place(source), self._list_changes(marked), strict=True):
            output[step] = self.find_tag(word, change)
        return {"output": output}

    def _place(self, text: str) -> list[int]:
        """Return the step of the beginning and of each word: that of its first piece."""
        steps, place, begins = [0], 1, 0
        starts = []
        for piece in self.draft.divide_pieces(text):
            starts.append(begins)
            begins += len(piece)
        for number, (start, _) in enumerate(find_words(text)):
            start = start if number else 0
            while starts[place - 1] < start:
                place += 1
            steps.append(place)
        return steps

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary.of_categories(self.tags)

    def decode(self, output: np.ndarray) -> str:
        """Return the marked text of tags. output: (time, 1 + width), a tag, and the characters that it is said of."""
        text = "".join(map(chr, output[1:, 1:].ravel()[output[1:, 1:].ravel() > 0].tolist()))
        spans = find_words(text)
        written, end, joined = "", 0, False
        for step, (start, stop), opens in zip(self._place(text), [(0, 0), *spans], find_opening(text), strict=True):
            word = text[start:stop]
            becomes, after = self._apply(int(output[step, 0]), word)
            gap = text[end:start] if becomes and not joined else text[end:start].removesuffix(" ")
            written += gap + (becomes if becomes == word else join(becomes))
            joined = (after or (becomes if becomes != word else "")).endswith(JOINER)
            if after:
                blank = not joined and text[stop : stop + 1].strip() != ""
                written += join(after) + " " * blank if opens and after != BLANK else join(f" {after}")
            end = stop
        return mark(text, (written + text[end:]).lstrip() if written else text[end:])

    def compose(self, answer: Mapping[str, np.ndarray]) -> str:
        """Return the marked text of an answer. answer: "output", (time,), and "characters", (time, width)."""
        return self.decode(np.concatenate([answer["output"][:, None], answer["characters"]], axis=1))

    def restate(self, marked: str) -> Mapping[str, str]:
        return {"corrected": accept(marked)}

    def _apply(self, tag: int, word: str) -> tuple[str, str]:
        if tag < len(self.tags):
            return tagging.apply(self.tags[tag], word)
        candidates = self.draft.find_candidates(word)
        place = tag - len(self.tags)
        return (match_case(candidates[place].word, word) if place < len(candidates) else word), ""

    def parse(self, text: str) -> str:
        return check(text)

    @property
    def arrays(self) -> dict[str, Array]:
        return {"output": Array((None,), "int32", len(self.tags) + self.draft.most)}

    def describe(self) -> str:
        return f"its corrections, by {len(self.tags):,} tags and {self.draft.most} candidates per unknown word"

    @property
    def counted(self) -> str:
        return "word"

    @property
    def known_tokens(self) -> Collection[str]:
        return self.draft.known_tokens

    def divide(self, marked: str) -> Sequence[str]:
        return [word.lower() for word in list_words(accept(marked))]

    @property
    def id_names(self) -> Mapping[str, Sequence[str]]:
        return {"output": [*self.tags, *(f"{CANDIDATE} {place + 1}" for place in range(self.draft.most))]}

    def find_flaws(self, marked: str) -> Iterator[str]:
        yield from find_flaws(accept(marked))
