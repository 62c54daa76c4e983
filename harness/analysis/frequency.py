"""Frequency: the score of examples by how often their tokens were seen in training."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from harness.analysis.answered import Answered, Integers
from harness.analysis.groups import Name, divide_evenly, score_groups
from harness.analysis.section import Section, Sections

# How often a token that is rare was seen in training, at most.
RARE = 5


@dataclass(frozen=True)
class Classifier:
    """How often a token was seen in training, in words.

    names: the words there are, the most frequent first. explanation: of the names. place: from a token to the place of
    its name.
    """

    names: tuple[str, ...]
    explanation: str
    place: Callable[[str], int]


def find_rarest(tokens: Iterable[str], classifier: Classifier) -> int:
    """Return the place of the name of the rarest token; 0 where there is none."""
    return max(map(classifier.place, tokens), default=0)


def make_classifier(answered: Answered) -> Classifier:
    """Return what says whether a token was seen often, rarely or never; without training data, whether it is known."""
    counts = answered.training_counts
    if counts is None:
        known = answered.experiment.input_field.known_tokens
        return Classifier(
            ("known", "unknown"),
            "known is what is in the vocabulary; how often it was seen is not known of other data",
            cache(lambda token: int(token not in known)),
        )
    return Classifier(
        ("often", "rare", "never seen"),
        f"rare was seen 1 to {RARE} times in training, often more than that",
        cache(partial(find_place, counts)),
    )


def find_place(counts: Counter[str], token: str) -> int:
    """Return 0 for a token that was seen often, 1 for a rare one, and 2 for one that was never seen."""
    number = counts[token]
    return 0 if number > RARE else 1 if number else 2


def by_rarest_token(answered: Answered) -> Sections:
    """Yield the score of examples by the rarest token of their inputs; nothing where inputs have none."""
    if not any(answered.tokens):
        return
    classifier = make_classifier(answered)
    rarest = np.array([find_rarest(tokens, classifier) for tokens in answered.tokens])
    groups = [(name, np.flatnonzero(rarest == number)) for number, name in enumerate(classifier.names)]
    groups = [*groups[:-1], *divide_by_share(answered, classifier, groups[-1])]
    if sum(len(members) > 0 for _, members in groups) < 2:
        return
    unit = answered.experiment.input_field.counted
    yield Section(
        "by_frequency",
        f"Score by {unit} frequency",
        f"Does it know the {unit}s? Each example goes by its rarest {unit}: {classifier.explanation}.",
        score_groups(answered, f"the rarest {unit}", groups),
    )


def divide_by_share(
    answered: Answered, classifier: Classifier, rarest: tuple[Name, Integers]
) -> list[tuple[Name, Integers]]:
    """Return the group of the examples with the rarest tokens; where most examples are in it, by the share of these.

    Nearly every long text has one word that is new.
    """
    name, members = rarest
    if len(members) <= len(answered.examples) / 2:
        return [rarest]
    last = len(classifier.names) - 1
    shares = np.array([np.mean([classifier.place(one) == last for one in answered.tokens[n]]) for n in members])
    parts = divide_evenly(shares, 4)
    if len(parts) < 2:
        return [rarest]
    return [(f"{name}, {shares[part].min():.1%} to {shares[part].max():.1%} of all", members[part]) for part in parts]
