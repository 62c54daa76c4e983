"""Formal languages, generated: what a network must keep track of, scored on longer sequences than it was trained on.

Deletang et al. 2023, "Neural Networks and the Chomsky Hierarchy", have parity, even pairs, modular arithmetic, cycle
navigation, reversing and bucket sort, trained up to 40 symbols; Merrill et al. 2024, "The Illusion of State in
State-Space Models", the groups S3 and S5; Hewitt et al. 2020 brackets of bounded depth.

There, one answer is asked for at the end. Here, where the answer to each prefix is defined, all of them are: the answer
at step n is the answer to the first n symbols. Where the whole sequence must be known first, it is followed by a mark,
and as many blanks as there are answers.
"""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from pipeline import metrics
from pipeline.errors import BadInput
from pipeline.example import Example, Splits
from pipeline.metrics import Scores
from pipeline.option import Options, option

SIZES = {"train": 20_000, "validation": 1_000, "test": 1_000}
# What is given where an answer is due, what asks for the answers, and what is answered where none is due.
BLANK, MARK = ".", ":"
MODULUS, DEPTH = 5, 8
# Sequences drawn in vain before one that is in another split is taken.
TRIES = 100
# Scores of the longest are those of this share of the lengths.
LONGEST = 0.875

Symbols = list[str]
Answers = list[str]


@dataclass(frozen=True)
class Language:
    """One language.

    draw: so many symbols, drawn at random. answer: what is due at each step of symbols, as many answers.
    longest: symbols of the longest sequence of the test. delayed: the answers come after the last symbol.
    modulus: modulo which number symbols have to be counted, or a group that holds such counting; 1: none is.
    """

    draw: Callable[[random.Random, int], Symbols]
    answer: Callable[[Symbols], Answers]
    longest: int = 256
    delayed: bool = False
    modulus: int = 1


def draw_any(alphabet: Sequence[str], chooser: random.Random, count: int) -> Symbols:
    return chooser.choices(alphabet, k=count)


def count_parity(symbols: Symbols) -> Answers:
    """Return at each step whether the number of ones so far is odd or even."""
    return [("even", "odd")[ones % 2] for ones in itertools.accumulate(map(int, symbols))]


def match_ends(symbols: Symbols) -> Answers:
    """Return at each step whether ab and ba have occurred an even number of times: the first symbol is this one."""
    return ["yes" if symbol == symbols[0] else "no" for symbol in symbols]


def follow_cycle(symbols: Symbols) -> Answers:
    """Return at each step the place on a ring of five, from 0: 1 goes forward, 2 goes back, 0 stays."""
    moves = {"0": 0, "1": 1, "2": -1}
    return [str(place % MODULUS) for place in itertools.accumulate(moves[symbol] for symbol in symbols)]


def draw_sum(chooser: random.Random, count: int) -> Symbols:
    """Return numbers from 0 to 4 with an operator between each two."""
    digits, operators = [str(number) for number in range(MODULUS)], ["+", "-", "*"]
    return [chooser.choice(operators if place % 2 else digits) for place in range(count)]


def evaluate_modulo(symbols: Symbols) -> Answers:
    """Return after each number the value so far, modulo 5, products before sums; a blank at an operator."""
    answers, total, product, operator = [], 0, 1, "*"
    for symbol in symbols:
        if symbol in "+-*":
            operator = symbol
            answers.append(BLANK)
            continue
        number = int(symbol)
        if operator == "*":
            product = product * number
        else:
            total, product = total + product, number if operator == "+" else -number
        # Kept small: only the remainder counts.
        total, product = total % MODULUS, product % MODULUS
        answers.append(str((total + product) % MODULUS))
    return answers


def draw_brackets(chooser: random.Random, count: int) -> Symbols:
    """Return brackets of two kinds, each closed by its own, open to a depth of eight; some may stay open."""
    symbols: Symbols = []
    stack: Symbols = []
    for _ in range(count):
        if not stack or (len(stack) < DEPTH and chooser.random() < 0.5):
            stack.append(chooser.choice("(["))
            symbols.append(stack[-1])
        else:
            symbols.append({"(": ")", "[": "]"}[stack.pop()])
    return symbols


def find_open(symbols: Symbols) -> Answers:
    """Return at each step the bracket that must be closed first, or "none"."""
    stack: Symbols = []
    answers = []
    for symbol in symbols:
        if symbol in "([":
            stack.append(symbol)
        else:
            stack.pop()
        answers.append(stack[-1] if stack else "none")
    return answers


def list_permutations(size: int) -> Symbols:
    """Return the permutations of 1 to `size` as they are written: where 1, 2 and so on go."""
    return ["".join(map(str, one)) for one in itertools.permutations(range(1, size + 1))]


def multiply(symbols: Symbols) -> Answers:
    """Return at each step the product of the permutations so far: each goes where the next one sends it."""

    def follow(so_far: str, then: str) -> str:
        return "".join(then[int(place) - 1] for place in so_far)

    return list(itertools.accumulate(symbols, follow))


LETTERS = ["a", "b", "c", "d", "e"]
LANGUAGES = {
    "parity": Language(partial(draw_any, ["0", "1"]), count_parity, longest=1024, modulus=2),
    "even-pairs": Language(partial(draw_any, ["a", "b"]), match_ends),
    "modular": Language(draw_sum, evaluate_modulo, modulus=MODULUS),
    "cycle": Language(partial(draw_any, ["0", "1", "2"]), follow_cycle, modulus=MODULUS),
    "dyck": Language(draw_brackets, find_open),
    "s3": Language(partial(draw_any, list_permutations(3)), multiply, longest=1024, modulus=3),
    "s5": Language(partial(draw_any, list_permutations(5)), multiply, modulus=5),
    "reverse": Language(partial(draw_any, ["a", "b"]), lambda symbols: symbols[::-1], delayed=True),
    "bucket-sort": Language(partial(draw_any, LETTERS), sorted, delayed=True),
}


@dataclass(frozen=True)
class Sequences:
    """Options of the generated sequences."""

    language: Literal[
        "parity", "even-pairs", "modular", "cycle", "dyck", "s3", "s5", "reverse", "bucket-sort"
    ] = option("parity", "What is to be kept track of.")  # fmt: skip
    max_length: int = option(40, "Symbols of the longest sequence that is trained on.", low=2, high=10_000)
    test_length: int | None = option(
        None,
        "Symbols of the longest sequence of the test; none: 1,024 for parity and s3, else 256.",
        low=2,
        high=10_000,
    )


def generate(options: Options) -> Splits:
    """Return sequences of a language and their answers.

    Test: lengths evenly from 1 to options.test_length. Validation and training: lengths at random from 1 to
    options.max_length; no sequence is in two of the three, but where the language has too few that are so short.
    Raises BadInput if the test is shorter than the training.
    """
    language = LANGUAGES[options.language]
    longest = options.test_length or max(language.longest, options.max_length)
    if longest < options.max_length:
        raise BadInput(
            f"--test-length {longest}: shorter than --max-length {options.max_length}; the test is for longer sequences"
        )
    splits: Splits = {}
    known: set[str] = set()
    for split in ("test", "validation", "train"):
        # A string of its own for each: other seeds of Python's generator may be alike.
        chooser, size = random.Random(f"{options.language} {split}"), SIZES[split]
        if split == "test":
            examples = [make_example(language, chooser, 1 + number * longest // size) for number in range(size)]
        else:
            examples = [draw_new(language, chooser, options.max_length, known) for _ in range(size)]
        known |= {example.input for example in examples}
        splits[split] = examples
    return {split: splits[split] for split in SIZES}


def find_modulus(options: Options) -> int:
    """Return modulo which number the symbols of options.language have to be counted; 1: none has."""
    return LANGUAGES[options.language].modulus


def draw_new(language: Language, chooser: random.Random, max_length: int, known: Collection[str]) -> Example:
    """Return an example of a random length whose sequence is not known; one that is, after many tries."""
    for _ in range(TRIES):
        example = make_example(language, chooser, chooser.randint(1, max_length))
        if example.input not in known:
            break
    return example


def make_example(language: Language, chooser: random.Random, length: int) -> Example:
    """Return a sequence of so many symbols with its answers; with a mark and blanks where these are delayed."""
    symbols = language.draw(chooser, length)
    answers = language.answer(symbols)
    if language.delayed:
        symbols, answers = [*symbols, MARK, *[BLANK] * length], [BLANK] * (length + 1) + answers
    return Example(" ".join(symbols), tuple(answers))


def measure_accuracy(references: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]]) -> Scores:
    """Return the share of right answers where one is due; and that of the last one due of the longest sequences.

    Longest: those of the longest eighth of all lengths.
    """
    longest = max(map(len, references))
    ends = [
        (one[-1], other[-1])
        for one, other in zip(references, predictions, strict=True)
        if len(one) > LONGEST * longest and one[-1] != BLANK
    ]
    right = metrics.recall_accuracy(references, predictions, BLANK)["recalled"]
    last = metrics.accuracy(*zip(*ends, strict=True))["accuracy"] if ends else right
    return {"accuracy": right, "accuracy_longest": last}


def score_commonest(options: object, splits: Splits) -> Scores:
    """Return the scores of always giving the answer that is due most often in the training data."""
    counts = Counter(answer for example in splits["train"] for answer in example.output if answer != BLANK)
    # Among equals the first by the alphabet: the order of the examples says nothing.
    commonest = min(counts, key=lambda answer: (-counts[answer], answer))
    outputs = [example.output for example in splits["test"]]
    return measure_accuracy(outputs, [[commonest] * len(output) for output in outputs])
