"""Shallow fusion: what a language model thinks of the beginnings of a text, added to what has been heard.

A beam search ranks texts by log p(text | sound) + weight log p(text) + bonus words(text) (Hannun et al. 2014, equation
2). The bonus makes up for the language model, to which each word more is less likely.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pipeline.ngrams import Automaton


class Fusion(NamedTuple):
    """What is added to the logarithm of a text's probability, symbol by symbol.

    scores: (states, symbols), for each symbol after each state. after: (states, symbols), the state to which it leads.
    ends: (states,), for a text that ends there. first: the state before the first symbol.
    """

    scores: np.ndarray
    after: np.ndarray
    ends: np.ndarray
    first: int

    @classmethod
    def of_automaton(
        cls, automaton: "Automaton", *, end: int, separators: Sequence[int] | None, weight: float, bonus: float
    ) -> "Fusion":
        """Return it for n-grams.

        end: the symbol that stands for the end of a text. separators: those between words; None: each symbol is a word.
        weight: of the language model. bonus: for each word.
        """
        likely = automaton.log_probabilities
        begins = np.ones(likely.shape, "bool")
        if separators is not None:
            begins[:] = ~np.isin(np.arange(likely.shape[1]), separators)
            begins &= (
                np.isin(automaton.last, separators)[:, None] | (np.arange(len(likely)) == automaton.first)[:, None]
            )
        scores = weight * likely + bonus * begins
        return cls(scores.astype("float32"), automaton.after, weight * likely[:, end], automaton.first)
