"""Spans in paths of tags, counted."""

import numpy as np


def find_spans(tags: np.ndarray, transitions: np.ndarray, outside: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the tag that each span begins with where it begins, else `outside`; and where it would end: (steps,) each.

    tags: (steps,) of int. transitions: (1 + tags, tags) of bool, which may follow which; see `TagField` in
    models/family.py. A tag that may follow the one before it, but not be the first, goes on with its span; any other
    but `outside` begins one, as if it were the tag that such spans begin with: so does seqeval.
    """
    first = transitions[0]
    goes_on = np.zeros(len(tags), bool)
    goes_on[1:] = transitions[1 + tags[:-1], tags[1:]] & ~first[tags[1:]]
    opening = np.argmax(transitions[1:] & first[:, None], axis=0)
    begins = np.where(goes_on, outside, np.where(first[tags], tags, opening[tags]))
    stops = np.append(np.flatnonzero(~goes_on), len(tags))
    return begins, stops[np.searchsorted(stops, np.arange(len(tags)), side="right")]


def count_spans(
    told: np.ndarray, expected: np.ndarray, mask: np.ndarray, *, transitions: np.ndarray, outside: int
) -> np.ndarray:
    """Return how many spans are right, told and expected: (3,) of int.

    told, expected: tags, (batch, time). mask: likewise, of bool, true where there is input.
    """

    def flatten(tags: np.ndarray) -> np.ndarray:
        """Return all sequences as one, with a step outside behind each, so that no span goes on into the next."""
        return np.pad(np.where(mask, tags, outside), ((0, 0), (0, 1)), constant_values=outside).reshape(-1)

    begins, ends = find_spans(flatten(told), transitions, outside)
    wanted, wanted_ends = find_spans(flatten(expected), transitions, outside)
    right = (begins != outside) & (begins == wanted) & (ends == wanted_ends)
    return np.array([right.sum(), (begins != outside).sum(), (wanted != outside).sum()])
