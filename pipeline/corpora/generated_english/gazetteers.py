"""Names and words of the generated English corpus, split so that the names of test are new.

First names and surnames are read from the installed package `names` 0.3.0 (census data); the rest is listed in
gazetteers.toml, or composed here. Every list is cut into a train, a validation and a test part by `partition`. The
names in `AMBIGUOUS` are in none of those parts: they belong to every split, since only their context, never the name,
tells their type.
"""

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

Lists = dict[str, tuple[str, ...]]


def read_tables(name: str) -> dict[str, dict[str, str]]:
    """Return the tables of a TOML file beside this one: names, and words with blanks between them."""
    return tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _split(table: dict[str, str]) -> Lists:
    return {name: tuple(words.split()) for name, words in table.items()}


_TABLES = read_tables("gazetteers.toml")
# What gazetteers.toml says of each.
AMBIGUOUS, NAMES, WORDS = (_split(_TABLES[name]) for name in ("ambiguous", "names", "words"))
AMBIGUOUS_NAMES = frozenset(name for names in AMBIGUOUS.values() for name in names)
PRODUCTS = [tuple(product.split("/")) for product in WORDS["products"]]
_RESERVED = frozenset(word.partition("/")[0] for words in WORDS.values() for word in words) | {"River", "Island"}
# The only tag, in the grammar, of a word that its templates leave untagged.
LEXICON = {word: tag for tag, words in _split(read_tables("lexicon.toml")["words"]).items() for word in words}

_LETTERS = {"C": "BCDFGHKLMNPRSTVWZ", "V": "AEIOU"}
_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


@dataclass(frozen=True)
class Names:
    """The names one split may use; `first` holds (name, "female" or "male") pairs, `towns` are made up."""

    first: tuple[tuple[str, str], ...]
    last: tuple[str, ...]
    places: tuple[str, ...]
    towns: tuple[str, ...]
    brands: tuple[str, ...]
    acronyms: tuple[str, ...]


def partition(seed: int) -> dict[str, Names]:
    """Return the names of "train", "validation" and "test": 80, 10 and 10 % of every list, nothing shared."""
    rng = random.Random(f"names-{seed}")
    others = {"places": NAMES["places"], "towns": _towns(), "brands": _brands(), "acronyms": _acronyms()}
    first, last = _people(frozenset(name for names in others.values() for name in names))
    lists: dict[str, Sequence] = {"first": first, "last": last, **others}
    parts: dict[str, dict[str, tuple]] = {split: {} for split in _SHARES}
    for kind, entries in lists.items():
        for split, part in _cut(entries, rng).items():
            parts[split][kind] = part
    return {split: Names(**part) for split, part in parts.items()}


def _cut(entries: Sequence, rng: random.Random) -> dict[str, tuple]:
    shuffled = list(entries)
    rng.shuffle(shuffled)
    parts, start = {}, 0
    for split, share in _SHARES.items():
        end = len(shuffled) if split == "test" else start + int(share * len(shuffled))
        parts[split] = tuple(shuffled[start:end])
        start = end
    return parts


@cache
def _people(taken: frozenset[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return first names with the sex that uses them more, and surnames; a surname is no first name."""
    share: dict[str, tuple[float, str]] = {}
    for sex in ("female", "male"):
        for name, percent in _read(f"dist.{sex}.first", 2500):
            if name not in share or percent > share[name][0]:
                share[name] = (percent, sex)
    unfit = taken | AMBIGUOUS_NAMES | _RESERVED | {word.capitalize() for word in LEXICON}
    first = [(name, sex) for name, (_, sex) in share.items() if name not in unfit and len(name) > 2]
    last = [
        name for name, _ in _read("dist.all.last", 12_000) if name not in share and name not in unfit and len(name) > 3
    ]
    return first, last


def _read(file: str, most: int) -> list[tuple[str, float]]:
    entries = []
    with (files("names") / file).open(encoding="ascii") as lines:
        for line, _ in zip(lines, range(most), strict=False):
            name, percent, *_ = line.split()
            mac = name.startswith("MC") and len(name) > 3
            entries.append(("Mc" + name[2:].capitalize() if mac else name.capitalize(), float(percent)))
    return entries


def _towns() -> list[str]:
    composed = [
        stem + ending for stem in NAMES["town_stems"] for ending in NAMES["town_endings"] if stem[-1] != ending[0]
    ]
    return [town for town in dict.fromkeys(composed) if town not in NAMES["places"]]


def _brands() -> list[str]:
    composed = [start + ending for start in NAMES["brand_starts"] for ending in NAMES["brand_endings"]]
    return [*NAMES["brands"], *composed]


def _acronyms() -> list[str]:
    rng = random.Random("acronyms")
    shapes = (rng.choice(NAMES["acronym_shapes"]) for _ in range(1200))
    made = ("".join(rng.choice(_LETTERS[letter]) for letter in shape) for shape in shapes)
    return [name for name in dict.fromkeys(made) if len(set(name)) == len(name)]
