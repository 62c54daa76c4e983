"""What the spelling of a word says of it."""

import pytest

from pipeline.errors import BadInput
from pipeline.example import Token
from pipeline.fields import Tokens, restore, save
from pipeline.fields.vocabulary import Vocabulary
from pipeline.fields.word_features import (
    find_shape,
    list_ngrams,
    list_prefixes,
    list_suffixes,
    ngrams_to_ids,
    normalise,
)
from tests.pipeline.fields import fitted


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("Paris", "Xx"),
        ("the", "x"),
        ("NASA", "X"),
        ("IL-2", "X-d"),
        ("3,000", "d,d"),
        ("iPhone4S", "xXxdX"),
        ("...", "."),
    ],
)
def test_a_shape_says_what_a_word_is_made_of(word, shape):
    assert find_shape(word) == shape


def test_affixes_are_lower_cased_and_shorter_than_the_word():
    assert list_prefixes("Running") == ["r", "ru", "run", "runn"]
    assert list_suffixes("Running") == ["g", "ng", "ing", "ning"]
    assert list_suffixes("cat") == ["t", "at"]
    assert list_prefixes("a") == []
    assert normalise("COVID-19") == "covid-00"
    assert list_suffixes("b-19") == ["0", "00", "-00"]


def test_features_are_ids_of_what_enough_different_words_of_the_training_data_have():
    words = ["Running", "Singing", "Going", "dog", "1984", "2020"]
    field = fitted(Tokens(99, 9, word_features=True), [tuple(words)])
    # Both years are one word.
    assert "0000" in field.words
    assert field.suffixes == ("<padding>", "<unknown>", "g", "ing", "ng")
    assert field.prefixes == ("<padding>", "<unknown>")
    assert field.shapes == ("<padding>", "<unknown>", "Xx")
    encoded = field.encode(("Walking", "ox", "A"))
    assert encoded["suffixes"].tolist() == [[2, 4, 3, 1], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert encoded["shapes"].tolist() == [2, 1, 1]
    assert {name: array.shape for name, array in field.arrays.items()} == {
        "words": (None,), "characters": (None, 16), "shapes": (None,), "prefixes": (None, 4), "suffixes": (None, 4)
    }  # fmt: skip
    assert field.divide(("In", "1999")) == ["in", "0000"]


def test_ngrams_are_marked_at_the_ends_of_the_word_and_cut_in_the_middle_of_a_long_one():
    assert list_ngrams("Cat", 4) == ["<ca", "<cat", "cat", "cat>", "at>"]
    assert list_ngrams("a", 3) == ["<a>"]
    words = ["aspirin", "heparin", "warfarin", "in"]
    field = fitted(Tokens(99, 9, character_ngrams=4), [tuple(words)])
    assert field.ngrams[2:] == ("in>", "rin", "rin>")
    encoded = field.encode(("Purin", "in", "ox"))["ngrams"]
    assert encoded.shape == (3, 32)
    assert [row[row > 0].tolist() for row in encoded] == [[3, 4, 2], [2], []]
    many = Vocabulary(["<padding>", "<unknown>", *map(str, range(40))])
    assert ngrams_to_ids(list(map(str, range(40))), many) == [*range(2, 18), *range(26, 42)]


def test_without_the_option_there_are_none_and_a_field_that_was_saved_without_is_restored():
    field = fitted(Tokens(99, 9), [("Running",)])
    assert field.arrays.keys() == field.encode(("a",)).keys() == {"words", "characters"}
    saved = save(field)
    for later in (
        "word_features",
        "feature_columns",
        "shapes",
        "prefixes",
        "suffixes",
        "columns",
        "ngrams",
        "character_ngrams",
    ):
        del saved[later]
    assert restore(Tokens(99, 9), saved) == field


def test_a_field_with_features_and_columns_is_restored():
    sentence = (Token("Ann", ["PROPN", "Ann"]), Token("ran", ["VERB", "run"]))
    field = fitted(Tokens(99, 9, word_features=True, feature_columns="upos,lemma"), [sentence])
    assert field.columns == (("<padding>", "<unknown>", "PROPN", "VERB"), ("<padding>", "<unknown>", "Ann", "run"))
    again = restore(Tokens(99, 9, word_features=True, feature_columns="upos,lemma"), save(field))
    encoded = again.encode((Token("Bob", ["PROPN", "Bob"]), *sentence))
    assert encoded["column_1"].tolist() == [2, 2, 3]
    assert encoded["column_2"].tolist() == [1, 2, 3]


def test_columns_that_nothing_says_are_asked_for():
    field = fitted(Tokens(99, 9, feature_columns="upos"), [(Token("Ann", ["PROPN"]),)])
    with pytest.raises(BadInput, match=r"--feature-columns upos: nothing says them of 'Bob'; give a file that has"):
        field.encode(("Bob",))
