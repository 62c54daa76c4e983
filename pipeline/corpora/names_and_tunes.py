"""Texts to learn to write that come with pip: names and tunes, read from the installed packages, never copied."""

import itertools
import random
import re

from pipeline.corpora.packages import locate
from pipeline.example import Example, Splits
from pipeline.splits import complete

NAMES = {"female": "dist.female.first", "male": "dist.male.first", "surname": "dist.all.last"}
# The rest of the surnames are ever rarer spellings, and would outnumber the first names 16 to 1.
SURNAMES = 20_000
TUNES = ("ryansMammoth", "oneills1850", "airdsAirs", "miscFolk")
LONGEST_TUNE = 800
RAREST_METER = 20


def names() -> Splits:
    """Return the first names and the commonest 20,000 surnames of the package names: (category, name).

    Each once, however common it is: a model of the frequencies would write John and Mary. A name that is in several
    categories is in one split only.
    """
    examples = []
    for category, file in NAMES.items():
        with locate("names", f"names/{file}").open(encoding="ascii") as lines:
            for number, line in enumerate(itertools.islice(lines, SURNAMES), 1):
                examples.append(Example(category, line.split()[0].capitalize(), f"{file}:{number}"))
    random.Random(0).shuffle(examples)
    return complete({"train": examples}, side="output")


def tunes() -> Splits:
    """Return the tunes in ABC notation of the package music21: (meter, key and melody).

    Without titles, fingerings, comments and chords; none longer than 800 characters, none in a meter of fewer than 20.
    """
    corpus = locate("music21", "music21/corpus/__init__.py", "requirements-extra.txt").parent
    found: dict[str, list[Example]] = {}
    for folder in TUNES:
        for path in sorted((corpus / folder).glob("*.abc")):
            for number, tune in enumerate(re.split(r"(?m)^X:", path.read_text("utf-8", errors="replace"))[1:], 1):
                heads = dict(re.findall(r"(?m)^([MK]):[ \t]*(.*?)[ \t]*(?:%.*)?$", tune))
                melody = clean_melody(tune)
                if len(heads) == 2 and 40 <= len(melody) <= LONGEST_TUNE:
                    example = Example(heads["M"], f"K:{heads['K']}\n{melody}", f"{path.name}, tune {number}")
                    found.setdefault(example.input, []).append(example)
    examples = [example for meter in sorted(found) for example in found[meter] if len(found[meter]) >= RAREST_METER]
    random.Random(0).shuffle(examples)
    return complete({"train": examples}, side="output")


def clean_melody(tune: str) -> str:
    """Return the lines of a tune that hold notes, without what stands between quotation marks, and comments."""
    notes = [line for line in tune.split("\n") if not re.match(r"[A-Za-z]:|%", line)][1:]
    text = re.sub(r'"[^"\n]*"|%.*|!\w+!|[\\uv~]', "", "\n".join(notes))
    return re.sub(r"\s*\n\s*", "\n", re.sub(" {2,}", " ", text)).strip()
