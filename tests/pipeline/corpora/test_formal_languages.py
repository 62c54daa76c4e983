"""The formal languages, against definitions written in another way."""

import random
import re
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from pipeline.corpora import formal_languages
from pipeline.corpora.formal_languages import BLANK, LANGUAGES, MARK
from pipeline.errors import BadInput


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formal_languages, "SIZES", {"train": 200, "validation": 20, "test": 100})


def generate(language: str, max_length: int = 12, test_length: int | None = 30) -> Any:
    return formal_languages.generate(
        SimpleNamespace(language=language, max_length=max_length, test_length=test_length)  # type: ignore[arg-type]
    )


def read(language: str) -> list[tuple[list[str], list[str]]]:
    return [(one.input.split(), list(one.output)) for split in generate(language).values() for one in split]


def permute(written: str) -> np.ndarray:
    matrix = np.zeros((len(written), len(written)), int)
    for place, goes in enumerate(written):
        matrix[place, int(goes) - 1] = 1
    return matrix


def compute(language: str, symbols: list[str]) -> list[str]:
    """Return what is due after all of `symbols`, without regard to what was due before."""
    text = "".join(symbols)
    match language:
        case "parity":
            return [["even", "odd"][text.count("1") % 2]]
        case "even-pairs":
            pairs = len(re.findall("(?=ab|ba)", text))
            return [["yes", "no"][pairs % 2]]
        case "cycle":
            return [str((text.count("1") - text.count("2")) % 5)]
        case "modular":
            return [BLANK if text[-1] in "+-*" else str(eval(text) % 5)]
        case "dyck":
            while text != (text := text.replace("()", "").replace("[]", "")):
                pass
            return [text[-1] if text else "none"]
        case "s3" | "s5":
            product = np.linalg.multi_dot([np.eye(len(symbols[0]), dtype=int), *map(permute, symbols)])
            return ["".join(str(place + 1) for place in product.argmax(axis=1))]
        case "reverse":
            return [text[place] for place in range(len(text) - 1, -1, -1)]
        case "bucket-sort":
            return [letter for letter in "abcde" for _ in range(text.count(letter))]
    raise AssertionError(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_are_those_of_the_definition(language: str) -> None:
    for symbols, answers in read(language):
        assert len(symbols) == len(answers)
        if LANGUAGES[language].delayed:
            given = symbols[: symbols.index(MARK)]
            assert symbols == [*given, MARK, *[BLANK] * len(given)]
            assert answers == [BLANK] * (len(given) + 1) + compute(language, given)
        else:
            assert answers == [compute(language, symbols[: end + 1])[0] for end in range(len(symbols))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_training_is_short_and_the_test_has_all_lengths(language: str) -> None:
    splits = generate(language)

    def lengths(split: str) -> list[int]:
        given = [one.input.split(f" {MARK} ")[0].split() for one in splits[split]]
        return [len(symbols) for symbols in given]

    assert max(lengths("train")) == 12 and max(lengths("validation")) <= 12
    assert set(lengths("test")) == set(range(1, 31))
    assert generate(language) == splits


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sequence_is_in_two_splits(language: str) -> None:
    train, validation, test = ({one.input for one in examples} for examples in generate(language).values())
    assert not (train & validation or train & test or validation & test)


def test_a_language_with_too_few_sequences_repeats_them() -> None:
    assert [len(examples) for examples in generate("parity", 2, 2).values()] == [200, 20, 100]


@pytest.mark.parametrize("language", LANGUAGES)
def test_by_default_the_test_is_as_long_as_the_papers(language: str) -> None:
    test = generate(language, 40, None)["test"]
    longest = max(len(one.input.split(f" {MARK} ")[0].split()) for one in test)
    assert longest > 0.98 * (1024 if language in ("parity", "s3") else 256)


def test_all_symbols_of_a_group_occur() -> None:
    assert len({symbol for symbols, _ in read("s3") for symbol in symbols}) == 6
    assert len(formal_languages.list_permutations(5)) == 120


def test_brackets_are_never_open_deeper_than_eight() -> None:
    symbols = formal_languages.draw_brackets(random.Random(0), 10_000)
    depths = np.cumsum([1 if symbol in "([" else -1 for symbol in symbols])
    assert depths.min() == 0 and depths.max() == 8


def test_the_option_has_every_language() -> None:
    assert get_args(get_type_hints(formal_languages.Sequences)["language"]) == tuple(LANGUAGES)


def test_the_score_of_the_longest_is_that_of_their_last_answers() -> None:
    references = [["a"] * 10, ["a"] * 9, ["a"] * 8, [BLANK, "a"]]
    predictions = [["b"] * 9 + ["a"], ["a"] * 8 + ["b"], ["b"] * 8, ["b", "a"]]
    found = formal_languages.measure_accuracy(references, predictions)
    # Due: 10 + 9 + 8 + 1; right: 1 + 8 + 0 + 1. The longest: those above 8.75.
    assert found == {"accuracy": pytest.approx(10 / 28), "accuracy_longest": 0.5}


def test_the_commonest_answer_scores_its_share() -> None:
    splits = generate("even-pairs")
    due = [answer for one in splits["test"] for answer in one.output]
    found = formal_languages.score_commonest(None, splits)
    assert found["accuracy"] == pytest.approx(max(due.count("yes"), due.count("no")) / len(due))


def test_a_test_that_is_shorter_than_the_training_is_refused() -> None:
    with pytest.raises(BadInput, match="--test-length 11: shorter than --max-length 12"):
        generate("parity", 12, 11)
