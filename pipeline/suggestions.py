"""How good suggestions of the next word are: words found among them, keystrokes saved, perplexity."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from pipeline.fields.vocabulary import END, UNKNOWN
from pipeline.metrics import Scores, perplexity

# Suggestions that are shown while one types.
AT_A_TIME = 3
# Words among which the next one is looked for.
COUNTS = (1, 3, 5)


def measure_found(references: Sequence[str], predictions: Sequence[Sequence[Sequence[str]]]) -> Scores:
    """Return the share of the words that are among the first 1, 3 and 5 suggestions: "found_in_1" and so on.

    references: texts whose words have blanks between. predictions: for each word of each text its suggestions, the
    likeliest first. Every word counts, also one that is not in the vocabulary, which is never found; ends of sentences
    do not, nor do words that the text itself has replaced by <unk>.
    """
    # By the place at which the word stands among its suggestions.
    places: Counter[int | None] = Counter(
        next((place for place, one in enumerate(suggestions) if one == word), None)
        for text, steps in zip(references, predictions, strict=True)
        for word, suggestions in zip(text.split(" "), steps, strict=True)
        if word not in (END, UNKNOWN)
    )
    asked = max(places.total(), 1)
    return {f"found_in_{count}": sum(places[place] for place in range(count)) / asked for count in COUNTS}


def count_keystrokes(references: Sequence[str]) -> float:
    """Return how many keys it takes to type texts in full, per step: each word's letters, and the blank after it.

    An end of a sentence, and a word that the text itself has replaced by <unk>, take none.
    """
    keys = steps = 0
    for text in references:
        words = text.split(" ")
        keys += sum(len(word) + 1 for word in words if word not in (END, UNKNOWN))
        steps += len(words)
    return keys / steps


def measure_suggestions(references: Sequence[str], means: Mapping[str, float]) -> Scores:
    """Return the perplexity, per symbol and at the ends of sentences alone, and the share of keystrokes saved.

    means: over all steps, of the "loss" in nats; of the keystrokes "saved"; and of the "end_nats", which are 0 but at
    an end. The last two may be missing, and what follows from them is left out.

    keystrokes_saved: 1 - keys pressed / keys to type the text in full (Trnka and McCoy 2008, "Evaluating Word
    Prediction: Framing Keystroke Savings", section 2). To accept a suggestion is one key, and writes the rest of the
    word with the blank after it. A perfect typist is assumed, who accepts a word as soon as it is shown: among three
    suggestions before the first letter and after each letter typed, the likeliest words of the vocabulary that begin
    with the letters so far. Marks are words of one letter, and have a blank after them too.
    """
    scores = perplexity(means["loss"])
    ends = sum(text.split(" ").count(END) for text in references)
    if "end_nats" in means and ends:
        steps = sum(text.count(" ") + 1 for text in references)
        scores["end_perplexity"] = math.exp(min(means["end_nats"] * steps / ends, 700))
    if "saved" in means and (keys := count_keystrokes(references)):
        scores["keystrokes_saved"] = means["saved"] / keys
    return scores


def count_saved(word: str, ranked: Sequence[str], shown: int = AT_A_TIME) -> int:
    """Return the keystrokes that suggestions save for a word: the letters that are left when it is first shown.

    Typed in full it takes len(word) + 1 keys, with the blank after it; accepted after n letters, n + 1. 0 where it is
    never shown. ranked: all words of the vocabulary, the likeliest first.
    """
    for typed in range(len(word)):
        if word in [one for one in ranked if len(one) > typed and one.startswith(word[:typed])][:shown]:
            return len(word) - typed
    return 0
