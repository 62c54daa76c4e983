"""N-grams: how likely each symbol is after those before it, counted in texts (modified Kneser-Ney smoothing).

Chen and Goodman 1999: interpolated, each order with what the one above leaves. KenLM (Heafield et al. 2013) and SRILM
compute the same; neither reads or keeps its counts as a field of a run has to, and KenLM is built with a compiler.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
# Numbers that an automaton may hold of each kind, probabilities and states: 64 MB.
LARGEST = 2**24


def estimate_discounts(counts: Ids) -> Floats:
    """Return what is taken from counts of 0, 1, 2 and more: (4,) (Chen and Goodman 1999, equation 26).

    Where that cannot be computed, or is not above 0, as in a tiny text, it is half of each: what is not in the text
    must stay possible.
    """
    half = np.array([0.0, 0.5, 0.5, 0.5])
    one, two, three, four = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if not (one and two and three):
        return half
    share = one / (one + 2 * two)
    found = np.array([0.0, 1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three])
    return found if found[1:].min() > 0 else half


def find_longest_order(size: int) -> int:
    """Return of how many ids below `size` n-grams have a number of 63 bits."""
    return next(order for order in range(63, 0, -1) if size**order < 2**63)


@dataclass(frozen=True)
class Order:
    """The discounted counts of one order, by context.

    contexts: sorted, one number each; context number n has the words from starts[n] up to starts[n + 1], each with its
    share of the probability; and left[n] is what the next lower order is given.
    """

    contexts: Ids
    starts: Ids
    words: Ids
    shares: Floats
    left: Floats

    @classmethod
    def of_counts(cls, contexts: Ids, words: Ids, counts: Ids) -> "Order":
        """Return it from n-grams, each (context, word) once. Modified Kneser-Ney (Chen and Goodman 1999, eq. 23-26)."""
        order = np.lexsort((words, contexts))
        contexts, words, counts = contexts[order], words[order], counts[order]
        known, starts = np.unique(contexts, return_index=True)
        discounts = estimate_discounts(counts)[np.minimum(counts, 3)]
        totals = np.add.reduceat(counts, starts)
        shares = (counts - discounts) / np.repeat(totals, np.diff([*starts, len(counts)]))
        return cls(known, np.array([*starts, len(counts)]), words, shares, np.add.reduceat(discounts, starts) / totals)

    def find(self, context: int) -> int | None:
        """Return the number of a context; None of one that was not seen."""
        place = int(np.searchsorted(self.contexts, context))
        return place if place < len(self.contexts) and self.contexts[place] == context else None

    @property
    def rows(self) -> Ids:
        """The number of the context that each word is of."""
        return np.repeat(np.arange(len(self.contexts)), np.diff(self.starts))


@dataclass(frozen=True)
class Automaton:
    """The n-grams as states: each stands for the symbols before, as many of them as matter.

    log_probabilities: (states, size), of each symbol. after: (states, size), the state in which it leaves.
    last: (states,), the symbol before; -1 where any may be. first: the state at the beginning of a text.
    """

    log_probabilities: NDArray[np.float32]
    after: NDArray[np.int32]
    last: NDArray[np.int32]
    first: int


@dataclass(frozen=True)
class NGrams:
    """p(w | ... u v), interpolated: each order with what the one above leaves (Kneser and Ney 1995).

    grams: (n-grams, order) of ids below `size`, each once. counts: how often each is there.
    start: the id that stands before a text, as often as the order asks for. told: (size,) of bool, the ids that may
    come next, whether they are in the texts or not.

    A lower order counts in how many contexts a symbol follows, and not how often; but after the beginning of a text,
    which is one context, how often.
    """

    grams: Ids
    counts: Ids
    size: int
    start: int
    told: NDArray[np.bool_]

    @classmethod
    def of_texts(cls, texts: Iterable[Ids], order: int, *, size: int, start: int, told: NDArray[np.bool_]) -> "NGrams":
        """Count the n-grams of texts, each with `start` as its first id, which is never told.

        order: at most `find_longest_order`.
        """
        padded = [np.concatenate([np.full(order - 2, start), text]) for text in texts]
        views = [np.lib.stride_tricks.sliding_window_view(text, order) for text in padded if len(text) >= order]
        grams, counts = np.unique(np.concatenate(views), axis=0, return_counts=True)
        return cls(grams, counts, size, start, told)

    @property
    def order(self) -> int:
        """How many symbols the longest n-grams have."""
        return self.grams.shape[1]

    @cached_property
    def orders(self) -> tuple[Floats, tuple[Order, ...]]:
        """The probabilities of symbols alone, (size,), and the orders of two symbols, three, and so on."""
        numbers = self.grams.astype("int64") @ self.size ** np.arange(self.order - 1, -1, -1)
        counts = self.counts
        found = []
        for length in range(self.order, 1, -1):
            found.append(Order.of_counts(numbers // self.size, numbers % self.size, counts))
            shorter, place = np.unique(numbers % self.size ** (length - 1), return_inverse=True)
            kinds = np.bincount(place)
            if length > 2:
                first = shorter // self.size ** (length - 2) == self.start
                kinds[first] = np.bincount(place, counts)[first]
            numbers, counts = shorter, kinds
        discounts = estimate_discounts(counts)[np.minimum(counts, 3)]
        # What is left goes to all symbols alike, also to those that the texts do not have.
        alone = discounts.sum() / counts.sum() * self.told / self.told.sum()
        alone[numbers] += (counts - discounts) / counts.sum()
        return alone, tuple(reversed(found))

    def predict(self, contexts: Sequence[Sequence[int]]) -> Floats:
        """Return the probabilities of all symbols after contexts of order - 1 symbols each, (contexts, size)."""
        alone, orders = self.orders
        found = np.empty((len(contexts), self.size))
        for row, context in zip(found, contexts, strict=True):
            row[:] = alone
            number, weight = 0, 1
            for order, symbol in zip(orders, reversed(context), strict=True):
                number, weight = number + symbol * weight, weight * self.size
                place = order.find(number)
                if place is not None:
                    row *= order.left[place]
                    span = slice(order.starts[place], order.starts[place + 1])
                    row[order.words[span]] += order.shares[span]
        return found

    def make_automaton(self, largest: int = LARGEST) -> Automaton:
        """Return the same probabilities as states, one for each context that was seen.

        Where the table would have more than `largest` numbers, the longest contexts that are seldom seen are left out:
        after them the symbols are as likely as after what they end with.
        """
        alone, orders = self.orders
        likely, after, last = alone[None], np.zeros((1, self.size), "int32"), np.array([-1], "int32")
        first, start = 0, 0
        # The contexts of one symbol less, and the state of the first of them.
        shorter, begin = np.zeros(1, "int64"), 0
        for length, order in enumerate(orders, 1):
            contexts, places = choose_contexts(order, largest // self.size - len(likely))
            states = len(likely) + np.arange(len(contexts))
            # From the context without its last symbol, that symbol leads here.
            prefix, symbol = np.divmod(contexts, self.size)
            place = np.minimum(np.searchsorted(shorter, prefix), len(shorter) - 1)
            known = shorter[place] == prefix
            after[begin + place[known], symbol[known]] = states[known]
            # All else is as after the context without its first symbol.
            suffix = begin + np.searchsorted(shorter, contexts % self.size ** (length - 1))
            found = likely[suffix] * order.left[places, None]
            row = np.full(len(order.contexts), -1)
            row[places] = np.arange(len(places))
            of = row[order.rows]
            kept = of >= 0
            found[of[kept], order.words[kept]] += order.shares[kept]
            start += self.start * self.size ** (length - 1)
            first = next(iter(states[contexts == start].tolist()), first)
            begin, shorter = len(likely), contexts
            likely, after = np.concatenate([likely, found]), np.concatenate([after, after[suffix]])
            last = np.concatenate([last, symbol.astype("int32")])
            if len(contexts) < len(order.contexts):
                break
        return Automaton(np.log(np.maximum(likely, 1e-30)).astype("float32"), after, last, first)


def choose_contexts(order: Order, most: int) -> tuple[Ids, Ids]:
    """Return the contexts of an order, sorted, and their places: all, or those `most` with the most symbols after."""
    places = np.arange(len(order.contexts))
    if len(places) > most:
        places = np.sort(np.argsort(-np.diff(order.starts), kind="stable")[: max(0, most)])
    return order.contexts[places], places
