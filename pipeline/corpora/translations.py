"""Pairs of texts that say the same: made by rule, or read from an installed package. The same on every machine."""

import random
from datetime import date, timedelta
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from pipeline.corpora.packages import divide
from pipeline.errors import BadInput
from pipeline.example import Example, Splits

# Those that write dates in the Gregorian calendar, in digits 0 to 9.
LOCALES = "cs da de el en_GB en_US es et fi fr hr hu is it ja ko lt lv nb nl pl pt ro ru sk sl sv tr uk zh".split()
HELD_OUT = 1000
# Characters of a message: help texts of whole paragraphs would make every answer a long search.
LONGEST = 200


def numbers(language: str = "fr", count: int = 14_000) -> Splits:
    """Return English number names and those of another language, of 0 to 999,999, by num2words.

    As many numbers of 3, of 4, 5 and 6 digits as there are enough of; all below 100 are in train, so that every word
    is learned. No number of the validation or the test is in train.
    """
    from num2words import num2words

    chooser = random.Random(0)
    drawn = dict.fromkeys(range(100))
    while len(drawn) < count:
        digits = chooser.randint(3, 6)
        drawn.setdefault(chooser.randrange(10 ** (digits - 1), 10**digits))
    examples = [Example(num2words(number), num2words(number, lang=language), f"num2words:{number}") for number in drawn]
    later = examples[100:]
    chooser.shuffle(later)
    return {
        "train": [*examples[:100], *later[2 * HELD_OUT :]],
        "validation": later[:HELD_OUT],
        "test": later[HELD_OUT : 2 * HELD_OUT],
    }


def dates(count: int = 14_000) -> Splits:
    """Return dates of 1900 to 2099 as people write them in 30 locales (babel, CLDR), and in ISO 8601.

    No date of the validation or the test is in train.
    """
    from babel.dates import format_date

    chooser = random.Random(0)
    first = date(1900, 1, 1)
    days = chooser.sample(range((date(2100, 1, 1) - first).days), count)
    examples = []
    for day in days:
        when = first + timedelta(day)
        # Not "short", which leaves out the century.
        written = format_date(when, chooser.choice(("medium", "long", "full")), locale=chooser.choice(LOCALES))
        # CLDR has narrow no-break spaces and the like.
        examples.append(Example(" ".join(written.split()), when.isoformat(), f"babel:{when.isoformat()}"))
    return {
        "train": examples[2 * HELD_OUT :],
        "validation": examples[:HELD_OUT],
        "test": examples[HELD_OUT : 2 * HELD_OUT],
    }


def messages(language: str) -> Splits:
    """Return what the program Gramps says in English, and its translation: 7,000 pairs, of its package.

    Both forms are taken of a message with singular and plural, and none longer than 200 characters. One that occurs
    twice is kept once, so that no English text is in two splits. BadInput with the pip line if the package is missing.
    """
    from babel.messages.mofile import read_mo

    with _catalogue(language).open("rb") as file:
        found = read_mo(file)
    pairs: dict[str, str] = {}
    for message in found:
        sources, targets = (
            [one] if isinstance(one, str) else list(one or [""]) for one in (message.id, message.string)
        )
        # A language may have more plurals than English: its last one is the usual one.
        for source, target in zip(sources, (targets[0], targets[-1]), strict=False):
            source, target = (" ".join(text.split()) for text in (source, target))
            if source and target and max(len(source), len(target)) <= LONGEST:
                pairs.setdefault(source, target)
    return divide([Example(source, target, f"gramps:{source:.40}") for source, target in sorted(pairs.items())])


def _catalogue(language: str) -> Path:
    end = f"share/locale/{language}/LC_MESSAGES/gramps.mo"
    try:
        names = [name for name in distribution("gramps").files or [] if str(name).endswith(end)]
        path = Path(str(distribution("gramps").locate_file(names[0]))).resolve() if names else None
    except PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise BadInput(f"--data messages-{language}: {end} is not installed; run: pip install gramps==6.0.8")
    return path
