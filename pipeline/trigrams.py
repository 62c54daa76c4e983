"""Words by their frequency, and by the two words before: what suggests the next word without a network."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.example import Continued, Example, Splits
from pipeline.fields import NextWord, WordsSoFar
from pipeline.fields.vocabulary import END_ID, PADDING_ID, START_ID, WRITTEN
from pipeline.metrics import Scores
from pipeline.ngrams import Floats, Ids, NGrams
from pipeline.option import Options
from pipeline.suggestions import AT_A_TIME, measure_found, measure_suggestions

# Steps whose distributions are computed at a time.
CHUNK = 256


def count_trigrams(texts: Sequence[Ids], size: int) -> NGrams:
    """Return the trigrams of texts of ids below `size`, each with the symbol of its beginning first, never told."""
    told = np.ones(size, "bool")
    told[[PADDING_ID, START_ID]] = False
    return NGrams.of_texts(texts, 3, size=size, start=START_ID, told=told)


class Predicts(Protocol):
    """What tells the next word from the two before."""

    def predict(self, contexts: Sequence[tuple[int, int]]) -> Floats:
        """Return the probabilities of all words after contexts of two words each, (contexts, size)."""


@dataclass(frozen=True)
class Frequencies:
    """How often each word is, the symbol of a beginning left out; each once more than it was counted."""

    texts: Sequence[Ids]
    size: int

    @cached_property
    def probabilities(self) -> Floats:
        """The probability of each word, (size,)."""
        counts = np.bincount(np.concatenate([text[1:] for text in self.texts]), minlength=self.size) + 1.0
        counts[[PADDING_ID, START_ID]] = 0.0
        return counts / counts.sum()

    def predict(self, contexts: Sequence[tuple[int, int]]) -> Floats:
        """Return the same probabilities after each context, (contexts, size)."""
        return np.tile(self.probabilities, (len(contexts), 1))


def score_frequencies(options: Options, splits: Splits) -> Scores:
    """Return the scores of suggesting the most frequent words, whatever stands before; see `score_trigrams`."""
    return _score(Frequencies, options, splits)


def score_trigrams(options: Options, splits: Splits) -> Scores:
    """Return the scores of the next words that a trigram model gives, of the same words and on the same test.

    options.vocabulary: how many words are known. It is given the text that the network is trained on; its two words
    before the next one may be those of the window before. The scores are those of the network.
    """
    return _score(count_trigrams, options, splits)


def _score(kind: Callable[[Sequence[Ids], int], Predicts], options: Options, splits: Splits) -> Scores:
    given, wanted = WordsSoFar(options.vocabulary), NextWord(options.vocabulary)
    given.fit(example.input for example in splits["train"])
    wanted.fit(example.output for example in splits["train"])
    model = kind(list(join(splits["train"], given, wanted)), len(wanted.symbols))
    texts = list(join(splits["test"], given, wanted))
    steps = [step for text in texts for step in _list_steps(text)]
    words = np.array([word for _, _, word in steps])
    shown = min(wanted.shown, len(wanted.symbols) - len(WRITTEN))
    counter = SavedCounter(wanted.symbols)
    nats, saved = np.zeros(len(steps)), np.zeros(len(steps))
    likeliest: list[tuple[str, ...]] = []
    for place in range(0, len(steps), CHUNK):
        some = slice(place, place + CHUNK)
        found = model.predict([step[:2] for step in steps[some]])
        nats[some] = -np.log(found[np.arange(len(found)), words[some]])
        saved[some] = counter.count(found, words[some])
        best = np.argpartition(found[:, len(WRITTEN) :], -shown)[:, -shown:] + len(WRITTEN)
        order = np.argsort(-np.take_along_axis(found, best, 1), axis=1, kind="stable")
        likeliest += wanted.decode(np.take_along_axis(best, order, 1))
    references = [example.output for example in splits["test"]]
    ends = np.cumsum([reference.count(" ") + 1 for reference in references])
    answers = [likeliest[end - reference.count(" ") - 1 : end] for end, reference in zip(ends, references, strict=True)]
    means = {"loss": nats.mean(), "saved": saved.mean(), "end_nats": (nats * (words == END_ID)).mean()}
    scores = measure_suggestions(references, {name: float(mean) for name, mean in means.items()})
    return measure_found(references, answers) | scores


def join(windows: Sequence[Example], given: WordsSoFar, wanted: NextWord) -> Iterator[Ids]:
    """Yield the ids of each text, of which these are the windows in their order; the symbol of its beginning first."""
    parts: list[np.ndarray] = []
    for window in windows:
        if parts and not isinstance(window.input, Continued):
            yield np.concatenate(parts).astype("int64")
            parts = []
        if not parts:
            parts.append(given.encode(window.input)["words"][:1])
        parts.append(wanted.encode(window.output)["output"])
    yield np.concatenate(parts).astype("int64")


def _list_steps(text: Ids) -> Iterator[tuple[int, int, int]]:
    padded = [START_ID, *text.tolist()]
    return zip(padded, padded[1:], padded[2:], strict=False)


class SavedCounter:
    """Counts the keystrokes that suggestions save, as `pipeline.suggestions.count_saved`, by columns of words that are
    in the order of the alphabet: those that begin alike stand together.
    """

    def __init__(self, symbols: Sequence[str]):
        self.symbols = symbols
        self.order = np.array(sorted(range(len(WRITTEN), len(symbols)), key=lambda place: symbols[place]))
        self.sorted = [symbols[place] for place in self.order]

    def count(self, found: Floats, words: Ids) -> NDArray[np.int64]:
        """Return the keystrokes saved, (steps,). found: (steps, size), how likely each word is. words: (steps,)."""
        columns = found[:, self.order]
        saved = np.zeros(len(words), "int64")
        for row, word in enumerate(words.tolist()):
            if word >= len(WRITTEN):
                saved[row] = self._count(columns[row], self.symbols[word], found[row, word])
        return saved

    def _count(self, likely: Floats, word: str, own: float) -> int:
        low, high = 0, len(self.sorted)
        for typed in range(len(word)):
            beginning = word[:typed]
            low = bisect_left(self.sorted, beginning, low, high)
            high = bisect_left(self.sorted, beginning + "\U0010ffff", low, high)
            # One that is typed in full already is no suggestion.
            first = low + (self.sorted[low] == beginning)
            if int((likely[first:high] > own).sum()) < AT_A_TIME:
                return len(word) - typed
        return 0
