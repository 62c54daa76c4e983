"""A grammar of English news sentences, tagged with named entities and with parts of speech.

No sentence was written by anybody else: a template of words and slots is expanded at random, and every slot
knows the entity tag (BIO over PER, ORG, LOC, DATE) and the part of speech (Universal Dependencies) of each
word it writes.

Who is what is told by context. The names of validation and test are not in train (see
gazetteers.partition), and names such as Jordan, Ford, Amazon, May, Will or Washington, which are in every
split, change type from one sentence to the next. Dates are in every split too. DATE is a date that has a
name: "May", "last Tuesday", "the 1990s", "1998-03-04"; "yesterday" and "last week" are outside, like
nationalities, languages, "Dr." and titles of books.

The ceiling. Outside the rule AMBIGUOUS the context, or a form such as "Zim Industries", settles every type
and every boundary. A share AMBIGUOUS_SHARE of sentences, "I saw Jordan yesterday .", has one name that
nothing settles: its type is drawn first, the likelier one with probability LIKELIER, then the name, from
one list for both types. The best possible tagger answers the likelier type and is wrong in AMBIGUOUS_SHARE
* (1 - LIKELIER) spans per sentence. A wrong type leaves the number of spans as it is, so precision = recall =
F1 = 1 - wrong / all:

    CEILING = 1 - AMBIGUOUS_SHARE * (1 - LIKELIER) / SPANS_PER_SENTENCE

SPANS_PER_SENTENCE is measured: 2.15 to 2.4 by seed and size, which moves CEILING by less than 0.0005. For
parts of speech the ceiling is 1: a name is PROPN either way.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import TypeVar

from pipeline.corpora.generated_english.gazetteers import (
    AMBIGUOUS,
    LEXICON,
    NAMES,
    PRODUCTS,
    WORDS,
    Names,
    partition,
    read_tables,
)
from pipeline.example import Example, Splits

AMBIGUOUS_SHARE = 0.03
LIKELIER = 0.6
SPANS_PER_SENTENCE = 2.35
CEILING = 1 - AMBIGUOUS_SHARE * (1 - LIKELIER) / SPANS_PER_SENTENCE
AMBIGUOUS_ORIGIN = "grammar.toml:AMBIGUOUS"
# How the types are called where they are labels.
NAMED = {"PER": "person", "ORG": "organisation", "LOC": "place", "DATE": "date"}

_ORIGIN = "grammar.toml:SENTENCE"
_LONGEST = 40
_DEEPEST = 7  # beyond it a rule takes its first line, which ends soon

_DAYS = tuple(str(day) for day in range(1, 29))
_PRONOUNS = {"HE": {"male": "he", "female": "she"}, "HIS": {"male": "his", "female": "her"}}


def _join(*lists: str) -> tuple[str, ...]:
    return tuple(name for one in lists for name in AMBIGUOUS[one])


# Three times the names of any type, which are few.
_PLACES_ALONE = _join("person_or_place", "company_or_place", "place_or_word", *["any_type"] * 3)
_COMPANIES_ALONE = _join("person_or_company", "company_or_place", "company_or_word", *["any_type"] * 3)
_FIRST_NAMES_ALONE = _join("person_or_place", "first_name_or_word")
_SURNAMES_ALONE = _join("person_or_company", "surname_or_word", *["any_type"] * 3)
# (likelier type, other type, names)
_EITHER = (
    ("PER", "LOC", AMBIGUOUS["person_or_place"]),
    ("PER", "ORG", AMBIGUOUS["person_or_company"]),
    ("LOC", "ORG", AMBIGUOUS["company_or_place"]),
)

Item = TypeVar("Item")
Word = tuple[str, str]  # a word, its part of speech
Token = tuple[str, str, str]  # and its entity tag


def named_entities(train: int = 8000, validation: int = 1000, test: int = 1000, seed: int = 0) -> Splits:
    """Return sentences (tuples of tokens) with BIO tags over PER, ORG, LOC and DATE, one tag per token.

    The size of train changes nothing in validation and test. No sentence occurs twice.
    Examples of the templates that nothing settles have the origin AMBIGUOUS_ORIGIN.
    """
    return _generate({"test": test, "validation": validation, "train": train}, seed, column=2)


def mentions(train: int = 8000, validation: int = 1000, test: int = 1000, seed: int = 0) -> Splits:
    """Return the same sentences as texts, and which types of names each mentions: none, one or several of NAMED."""
    splits = named_entities(train, validation, test, seed)
    return {
        split: [
            replace(
                one,
                input=" ".join(one.input),
                output=tuple(sorted({NAMED[tag[2:]] for tag in one.output if tag != "O"})),
            )
            for one in examples
        ]
        for split, examples in splits.items()
    }


def parts_of_speech(train: int = 4000, validation: int = 500, test: int = 500, seed: int = 0) -> Splits:
    """Return sentences of the same grammar with Universal Dependencies parts of speech, one tag per token."""
    return _generate({"test": test, "validation": validation, "train": train}, seed, column=1)


def _generate(sizes: dict[str, int], seed: int, column: int) -> Splits:
    parts = partition(seed)
    seen: set[tuple[str, ...]] = set()
    splits: Splits = {}
    for split, size in sizes.items():  # train is last: its size must not change the other two
        writer = Writer(parts[split], random.Random(f"{split}-{seed}"))
        examples = splits[split] = []
        while len(examples) < size:
            tokens, origin = writer.sentence()
            words = tuple(token[0] for token in tokens)
            if words not in seen:
                seen.add(words)
                examples.append(Example(words, tuple(token[column] for token in tokens), origin))
    return {split: splits[split] for split in ("train", "validation", "test")}


class Writer:
    """Writes sentences that mention only the given names."""

    def __init__(self, names: Names, rng: random.Random):
        self._names = names
        self._rng = rng
        self._rules = _compile()
        self._tokens: list[Token] = []
        self._sex = "female"
        self._slots: dict[str, Callable[[], None]] = {
            "PER": self._person_in_context,
            "PERSON": self._person,
            "SURNAME": self._surname_in_context,
            "ORG": self._company_in_context,
            "FIRM": self._company,
            "BUSINESS": self._business,
            "BRAND": self._brand,
            "TEAM": self._team,
            "LOC": self._place_in_context,
            "RIVER": self._river,
            "EITHER": self._either,
            "DAY": self._weekday,
            "PAST_DAY": self._past_day,
            "DATE": self._date,
            "PERIOD": self._period,
            "MONTH": self._month,
            "MONTHS": self._months,
            "DAY_NUMBER": self._day_number,
            "HE": lambda: self._plain((_PRONOUNS["HE"][self._sex], "PRON")),
            "HIS": lambda: self._plain((_PRONOUNS["HIS"][self._sex], "PRON")),
            "NATION": lambda: self._plain((self._one(WORDS["nations"]), "ADJ")),
            "LANGUAGE": lambda: self._plain((self._one(WORDS["languages"]), "PROPN")),
            "PRODUCT": self._product,
            "TITLE": self._title,
            "AGE": self._age,
            "NUMBER": self._number,
            "SCORE": self._score,
            "DIGIT": lambda: self._plain((str(1 + self._below(9)), "NUM")),
            "DECIMAL": lambda: self._plain((f"{self._below(30)}.{1 + self._below(9)}", "NUM")),
        }

    def sentence(self) -> tuple[list[Token], str]:
        """Return one finished sentence of 3 to 40 tokens, no proper noun twice, and its origin."""
        ambiguous = self._rng.random() < AMBIGUOUS_SHARE
        rule, origin = ("AMBIGUOUS", AMBIGUOUS_ORIGIN) if ambiguous else ("SENTENCE", _ORIGIN)
        while True:
            self._tokens = []
            self._sex = "female" if self._rng.random() < 0.5 else "male"
            self._write(rule, 0)
            tokens = _finish(self._tokens)
            proper = [word for word, part, _ in tokens if part == "PROPN"]
            quotes = sum(word == '"' for word, _, _ in tokens)  # none within another
            if 3 <= len(tokens) <= _LONGEST and len(set(proper)) == len(proper) and quotes <= 2:
                return tokens, origin

    def _write(self, rule: str, depth: int) -> None:
        productions = self._rules[rule]
        production = productions[0] if depth > _DEEPEST else self._one(productions)
        for item in production:
            if isinstance(item, tuple):
                self._tokens.append((item[0], item[1], "O"))
            elif item in self._slots:
                self._slots[item]()
            else:
                self._write(item, depth + 1)

    def _one(self, choices: Sequence[Item]) -> Item:
        return choices[self._below(len(choices))]

    def _below(self, end: int) -> int:
        return int(self._rng.random() * end)

    def _plain(self, *words: Word) -> None:
        self._tokens.extend((word, part, "O") for word, part in words)

    def _entity(self, kind: str, *words: Word) -> None:
        for index, (word, part) in enumerate(words):
            self._tokens.append((word, part, f"I-{kind}" if index else f"B-{kind}"))

    def _proper(self, kind: str, *words: str) -> None:
        self._entity(kind, *((word, "PROPN") for word in words))

    # People. Every full name holds at least one name of this split's own.

    def _person(self) -> None:
        first, sex = self._one(self._names.first)
        last = self._one(self._names.last)
        chance = self._rng.random()
        if chance < 0.15:
            title = self._one(WORDS["titles"] + WORDS[f"titles_{self._sex}"])
            self._plain((title, "PROPN"))
            self._proper("PER", last)
            return
        if chance < 0.25:
            self._proper("PER", f"{first[0]}.", f"{self._one(self._names.first)[0][0]}.", last)
            return
        if chance < 0.40:
            first = self._one(_FIRST_NAMES_ALONE)
            sex = _sex(first)
        elif chance < 0.50:
            last = self._one(_SURNAMES_ALONE)
        self._sex = sex
        middle = [f"{self._one(self._names.first)[0][0]}."] if 0.5 <= chance < 0.6 else []
        self._proper("PER", first, *middle, last)

    def _person_in_context(self) -> None:
        chance = self._rng.random()
        if chance < 0.45:
            self._person()
        elif chance < 0.60:
            self._surname_in_context()
        elif chance < 0.75:
            name, self._sex = self._one(self._names.first)
            self._proper("PER", name)
        else:
            name = self._one(_FIRST_NAMES_ALONE)
            self._sex = _sex(name)
            self._proper("PER", name)

    def _surname_in_context(self) -> None:
        self._proper("PER", self._one(_SURNAMES_ALONE if self._rng.random() < 0.4 else self._names.last))

    # Organisations.

    def _company(self) -> None:
        chance, place = self._rng.random(), self._place()
        if chance < 0.65:
            self._business()
        elif chance < 0.85:
            head = self._one(WORDS["company_heads"])
            self._entity("ORG", (head, "PROPN"), ("of", "ADP"), (place, "PROPN"))
        else:
            kind = self._one(WORDS["college_kinds"])
            self._proper("ORG", place, kind, self._one(WORDS["colleges"]))

    def _business(self) -> None:
        if self._rng.random() < 0.7:
            lists = self._names.last, self._names.brands, self._names.towns
            self._proper("ORG", self._one(self._one(lists)), self._one(WORDS["company_endings"]))
        else:
            first, second = self._one(self._names.last), self._one(self._names.last)
            self._entity("ORG", (first, "PROPN"), ("&", "CCONJ"), (second, "PROPN"))

    def _company_in_context(self) -> None:
        if self._rng.random() < 0.35:
            self._company()
        else:
            self._brand()

    def _brand(self) -> None:
        names = self._one((self._names.acronyms, self._names.brands, _COMPANIES_ALONE))
        self._proper("ORG", self._one(names))

    def _team(self) -> None:
        """A town's club by the name of the town is an organisation."""
        chance = self._rng.random()
        if chance < 0.3:
            self._proper("ORG", self._one(_PLACES_ALONE))
        elif chance < 0.65:
            self._proper("ORG", self._place())
        else:
            self._proper("ORG", self._one(self._names.towns), self._one(WORDS["club_endings"]))

    # Places.

    def _place(self) -> str:
        return self._one(self._names.places if self._rng.random() < 0.3 else self._names.towns)

    def _place_in_context(self) -> None:
        chance, town = self._rng.random(), self._one(self._names.towns)
        if chance < 0.18:
            self._proper("LOC", self._one(WORDS["place_starts"]), town)
        elif chance < 0.24:
            self._proper("LOC", town, "Island")
        elif chance < 0.62:
            self._proper("LOC", self._place())
        else:
            self._proper("LOC", self._one(_PLACES_ALONE))

    def _river(self) -> None:
        river = self._one(self._names.towns)
        words = ("River", river) if self._rng.random() < 0.5 else (river, "River")
        self._proper("LOC", *words)

    def _either(self) -> None:
        likelier, other, names = self._one(_EITHER)
        self._proper(likelier if self._rng.random() < LIKELIER else other, self._one(names))

    # Dates.

    def _weekday(self) -> None:
        self._proper("DATE", self._one(WORDS["weekdays"]))

    def _past_day(self) -> None:
        self._entity("DATE", ("last", "ADJ"), (self._one(WORDS["weekdays"]), "PROPN"))

    def _month(self) -> None:
        often = ("March", "April", "May", "June", "August")
        self._proper("DATE", self._one(often if self._rng.random() < 0.4 else WORDS["months"]))

    def _months(self) -> None:
        pairs = (("from", "ADP"), ("to", "ADP")), (("between", "ADP"), ("and", "CCONJ"))
        first, second = self._one(pairs)
        self._plain(first)
        self._month()
        self._plain(second)
        self._month()

    def _day_number(self) -> None:
        """The number ends the date that a month began."""
        self._tokens.append((self._one(_DAYS), "NUM", "I-DATE"))

    def _year(self) -> str:
        return str(1900 + self._below(125))

    def _date(self) -> None:
        month, day = (self._one(WORDS["months"]), "PROPN"), (self._one(_DAYS), "NUM")
        year = (self._year(), "NUM")
        chance = self._rng.random()
        if chance < 0.25:
            self._entity("DATE", day, month, year)
        elif chance < 0.50:
            self._entity("DATE", month, day, (",", "PUNCT"), year)
        elif chance < 0.85:
            self._entity("DATE", month, day)
        else:
            iso = f"{year[0]}-{1 + self._below(12):02d}-{int(day[0]):02d}"
            self._entity("DATE", (iso, "NUM"))

    def _period(self) -> None:
        chance = self._rng.random()
        if chance < 0.4:
            self._month()
        elif chance < 0.7:
            self._entity("DATE", (self._year(), "NUM"))
        elif chance < 0.85:
            self._entity("DATE", (self._one(WORDS["months"]), "PROPN"), (self._year(), "NUM"))
        else:
            self._entity("DATE", ("the", "DET"), (f"{1900 + 10 * self._below(10)}s", "NOUN"))

    # Capitals and numbers that are no entities.

    def _product(self) -> None:
        name, model = self._one(PRODUCTS)
        self._plain((name, "PROPN"), (model, "NUM" if model.isdigit() else "PROPN"))

    def _title(self) -> None:
        adjective, noun = self._one(WORDS["title_adjectives"]), self._one(WORDS["title_nouns"])
        self._plain(('"', "PUNCT"), ("The", "DET"), (adjective, "ADJ"), (noun, "NOUN"), ('"', "PUNCT"))

    def _score(self) -> None:
        loser = self._below(6)
        self._plain((str(loser + 1 + self._below(3)), "NUM"), ("-", "PUNCT"), (str(loser), "NUM"))

    def _age(self) -> None:
        self._plain((str(18 + self._below(72)), "NUM"))

    def _number(self) -> None:
        number = 1900 + self._below(125) if self._rng.random() < 0.4 else 20 + self._below(880)
        self._plain((str(number), "NUM"))


def _sex(name: str) -> str:
    return "male" if name in NAMES["male"] else "female"


def _finish(tokens: list[Token]) -> list[Token]:
    """Capitalise the first word and what follows ^, choose "a" or "an", drop commas before punctuation."""
    done: list[Token] = []
    capital = True
    for word, part, entity in tokens:
        if word == "^":
            capital = True
            continue
        if word in (".", ",", "?") and done and done[-1][0] == "," and entity == "O":
            done.pop()
        if done and done[-1][0] in ("a", "A") and word[0] in "aeiouAEIOU":
            done[-1] = (done[-1][0] + "n", *done[-1][1:])
        if capital and word != '"':
            word, capital = word[0].upper() + word[1:], False
        done.append((word, part, entity))
    return done


@cache
def _compile() -> dict[str, list[list[Word | str]]]:
    """Return every rule as a list of productions: (word, tag) pairs and names of rules or slots."""
    grammar = read_tables("grammar.toml")
    lines = {rule: text.strip().split("\n") for rule, text in grammar["rules"].items()}
    lines |= {rule: words.split() for rule, words in grammar["words"].items()}
    rules: dict[str, list[list[Word | str]]] = {}
    for rule, productions in lines.items():
        rules[rule] = []
        for line in productions:
            first, *rest = line.split()
            weight, items = (int(first), rest) if first.isdigit() else (1, [first, *rest])
            rules[rule] += [[_item(item) for item in items]] * weight
    return rules


def _item(item: str) -> Word | str:
    """Return a rule's or slot's name as it is, a word with its tag; KeyError for a word without one."""
    if len(item) > 1 and item.replace("_", "").isalpha() and item.isupper():
        return item
    word, _, tag = item.partition("/")
    return (word, "") if word == "^" else (word, tag or LEXICON[word.lower()])
