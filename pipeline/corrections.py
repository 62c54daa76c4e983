"""How good corrections are, and those that need no network. Marked texts: see pipeline/fields/edits/marks.py.

Corrections are compared as ERRANT does (Bryant et al. 2017): one is right if it makes the same of the same words. They
are found again in references and answers alike, by the fewest operations on words, so that it does not matter how
either was divided. Not by ERRANT itself, which parses each sentence with spaCy.
"""

import math
import string
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pipeline.errors import BadInput
from pipeline.example import Splits
from pipeline.fields.edits.marks import accept, mark, reject
from pipeline.fields.edits.tags import match_case
from pipeline.fields.edits.words import find_edits, find_words, list_words
from pipeline.metrics import Scores

if TYPE_CHECKING:
    from symspellpy import SymSpell

# Precision counts as much as recall at 1; at 0.5 more: a wrong correction is worse than none (Ng et al. 2014).
BETA = 0.5
# Words in a row, at most, that GLEU compares.
ORDER = 4


def score(references: Sequence[str | tuple[str, ...]], predictions: Sequence[str]) -> Scores:
    """Return F0.5, precision and recall of corrections, GLEU, and the share of right texts that are left so.

    All are marked texts. Of several references that counts for each text which it is best for, as in the shared tasks
    (Ng et al. 2014). A text is right if one of its references has nothing to correct. `right_kept` is left out where no
    text is right.
    """
    right, found, due = 0, 0, 0
    kept: list[bool] = []
    texts: list[tuple[list[str], list[str], list[list[str]]]] = []
    for several, answer in zip(references, predictions, strict=True):
        wanted = several if isinstance(several, tuple) else (several,)
        source, written = list_words(reject(answer)), list_words(accept(answer))
        targets = [list_words(accept(one)) for one in wanted]
        texts.append((source, written, targets))
        mine = set(find_edits(source, written))
        counts = [(len(mine & edits), len(mine), len(edits)) for edits in (set(find_edits(source, t)) for t in targets)]
        best = max(counts, key=lambda one: (_f(*(right + one[0], found + one[1], due + one[2])), -one[2]))
        right, found, due = right + best[0], found + best[1], due + best[2]
        if source in targets:
            kept.append(written == source)
    scores = {
        "f0.5": _f(right, found, due),
        "precision": right / found if found else 1.0,
        "recall": right / due if due else 1.0,
        "gleu": gleu(*zip(*texts, strict=True)),
    }
    return scores | ({"right_kept": sum(kept) / len(kept)} if kept else {})


def _f(right: int, found: int, due: int) -> float:
    """Return F0.5 (van Rijsbergen 1979) of corrections; 1 where there are none, and none are due."""
    weight = BETA**2
    return (1 + weight) * right / (weight * due + found) if found or due else 1.0


def gleu(
    sources: Sequence[Sequence[str]],
    predictions: Sequence[Sequence[str]],
    references: Sequence[Sequence[Sequence[str]]],
) -> float:
    """Return GLEU, 0 to 1 (Napoles et al. 2015, as revised by Napoles et al. 2016, "GLEU Without Tuning").

    It is BLEU, less the words in a row that the source has, the references have not, and the answer kept. Where there
    are several references it is the mean over them: the first of all texts, the second ...; a text that has fewer
    begins again with its first. All are lists of words.
    """
    rounds = max(len(several) for several in references)
    return (
        sum(
            _gleu(sources, predictions, [several[number % len(several)] for several in references])
            for number in range(rounds)
        )
        / rounds
    )


def _gleu(
    sources: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> float:
    good, possible = [0] * ORDER, [0] * ORDER
    for source, answer, reference in zip(sources, predictions, references, strict=True):
        for place in range(ORDER):
            mine, wanted, given = (_count(words, place + 1) for words in (answer, reference, source))
            wrong = Counter({words: count for words, count in given.items() if words not in wanted})
            good[place] += max((mine & wanted).total() - (mine & wrong).total(), 0)
            possible[place] += mine.total()
    if not all(good):
        return 0.0
    precision = sum(math.log(one / of) for one, of in zip(good, possible, strict=True)) / ORDER
    written, wanted_words = (sum(map(len, texts)) for texts in (predictions, references))
    return math.exp(min(0.0, 1 - wanted_words / written) + precision)


def _count(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[place : place + order]) for place in range(len(words) - order + 1))


def signature() -> str:
    """Return how exactly `score` computes."""
    return f"f0.5: one word per correction, by fewest operations  gleu: order {ORDER}, 2016, words as the task divides"


# Baselines.


def score_unchanged(options: object, splits: Splits) -> Scores:
    """Return the scores of correcting nothing."""
    answers = [mark(example.input, example.input) for example in splits["test"]]
    return score([example.output for example in splits["test"]], answers)


def score_symspell(options: object, splits: Splits) -> Scores:
    """Return the scores of symspellpy with its English dictionary: each word that is not in it becomes the closest."""
    answers = [mark(example.input, correct_by_symspell(example.input)) for example in splits["test"]]
    return score([example.output for example in splits["test"]], answers)


def correct_by_symspell(text: str) -> str:
    """Return a text in which symspellpy has put the closest word in the place of each that it does not know."""
    from symspellpy import Verbosity

    corrected, end = "", 0
    for start, stop in find_words(text):
        word = text[start:stop]
        found = (
            []
            if set(word) & set(string.digits + string.punctuation)
            else _symspell().lookup(word.lower(), Verbosity.TOP, max_edit_distance=2)
        )
        corrected += text[end:start] + (match_case(found[0].term, word) if found else word)
        end = stop
    return corrected + text[end:]


@cache
def _symspell() -> "SymSpell":
    try:
        from symspellpy import SymSpell
    except ImportError:
        raise BadInput("symspellpy is not installed; run: pip install -r requirements.txt") from None
    index = SymSpell(max_dictionary_edit_distance=2, prefix_length=7)
    index.load_dictionary(str(files("symspellpy") / "frequency_dictionary_en_82_765.txt"), 0, 1)
    return index
