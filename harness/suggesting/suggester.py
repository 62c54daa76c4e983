"""Suggester: a trained run that reads a text word by word, and says which words may come next."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from harness.runs.trained import Trained
from models.streaming import NotCausalError, Step
from pipeline.errors import BadInput
from pipeline.fields import Arrays, NextWord

# Words of a completion at the most, and the marks that end it.
LONGEST = 12
ENDS = (".", "!", "?")


@dataclass(frozen=True)
class Suggestion:
    """A word, and how likely it is to come next: among all words, whatever letters have been typed."""

    word: str
    probability: float


@dataclass(frozen=True)
class _Read:
    """What has been read. states: of the model. probabilities: of the word that comes next, (size,)."""

    states: list[Any]
    probabilities: np.ndarray


class Suggester:
    """Reads a text, and suggests.

    What has been read is kept word by word, so that a word that is deleted or changed costs no more than one that is
    added.
    """

    def __init__(self, trained: Trained):
        """Raises BadInput for a run that suggests no words."""
        experiment = trained.experiment
        self.field, output_field = experiment.input_field, experiment.output_field
        if not isinstance(output_field, NextWord):
            raise BadInput(f"{experiment.directory}: the task {experiment.task.name!r} suggests no words")
        self.symbols, self.reserved = output_field.symbols, output_field.reserved
        self.end = output_field.end
        self.order = sorted(range(self.reserved, len(self.symbols)), key=lambda place: self.symbols[place])
        self.sorted = [self.symbols[place] for place in self.order]
        try:
            self.step = Step(keras.Model(trained.model.input, keras.ops.softmax(trained.model.output)))
        except NotCausalError as error:
            raise BadInput(f"{experiment.directory}: no words can be suggested while one types: {error}") from None
        self.words: list[str] = []
        opening = self.field.open_pieces()
        assert opening is not None, "a text has a beginning"
        self.history = [self._push(opening)]

    def _push(self, arrays: Arrays) -> _Read:
        """Return what is known after one more word."""
        batch = {name: array[None] for name, array in arrays.items()}
        (found,) = self.step({**batch, "mask": np.array([[True]])}).values()
        return _Read(self.step.read_states(), found[0, 0])

    def read(self, words: Sequence[str]) -> None:
        """Read the words of a text from its beginning; those that it begins with as before are not read again."""
        same = 0
        for one, other in zip(self.words, words, strict=False):
            if one != other:
                break
            same += 1
        del self.words[same:], self.history[same + 1 :]
        self.step.restore_states(self.history[-1].states)
        for word in words[same:]:
            self.history.append(self._push(self.field.encode_piece(word)))
            self.words.append(word)

    def suggest(self, beginning: str = "", count: int = 3) -> list[Suggestion]:
        """Return the likeliest words that begin with some letters and are longer, the likeliest first.

        Words that are unknown, and ends of sentences, are none. Fewer than `count` where there are no more.
        """
        probabilities = self.history[-1].probabilities
        low = bisect_left(self.sorted, beginning)
        high = bisect_left(self.sorted, beginning + "\U0010ffff")
        places = np.array([place for place in self.order[low:high] if self.symbols[place] != beginning], int)
        best = places[np.argsort(-probabilities[places], kind="stable")[:count]]
        return [Suggestion(self.symbols[place], float(probabilities[place])) for place in best.tolist()]

    def complete(self) -> list[str]:
        """Return how the text goes on: word by word the likeliest, until a sentence ends, at most LONGEST words."""
        written: list[str] = []
        before = list(self.words)
        while len(written) < LONGEST:
            probabilities = self.history[-1].probabilities
            (found,) = self.suggest(count=1)
            # The end of a text or a line may be likelier than any word, but is none.
            if written and probabilities[self.end] > found.probability:
                break
            written.append(found.word)
            if found.word in ENDS:
                break
            self.read([*before, *written])
        self.read(before)
        return written


def suggest(suggester: Suggester, text: str) -> tuple[list[Suggestion], str]:
    """Return the likeliest next words of a text, and the text with its likeliest completion."""
    suggester.read(text.split())
    return suggester.suggest(), " ".join([text, *suggester.complete()]).strip()
