import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import Transcript, restore, save


def fitted(*texts, downsample=1, **given):
    field = Transcript(downsample, **given)
    field.fit(texts)
    return field


def test_a_text_is_its_characters_and_back():
    field = fitted("two six", "six")
    numbers = field.encode("six two")["output"]
    assert numbers.min() > field.blank and len(numbers) == 7
    assert field.decode(numbers) == "six two"
    assert field.symbols[:3] == ["<padding>", "<unknown>", "<blank>"]
    assert field.arrays["output"].size == len(field.symbols) == 3 + len(set("two six"))
    again = restore(Transcript(1), save(field))
    assert again.decode(numbers) == "six two"


def test_words_may_be_the_symbols_and_are_never_misspelt():
    field = Transcript(1, "word")
    field.fit(["two six", "six"])
    numbers = field.encode(" six  two nine")["output"]
    assert numbers.tolist() == [3, 4, 1]
    assert field.decode(numbers) == "six two \N{REPLACEMENT CHARACTER}"
    assert restore(Transcript(1, "word"), save(field)).decode(numbers[:2]) == "six two"


def test_a_unit_that_a_transcript_cannot_have_is_refused():
    with pytest.raises(BadInput, match="unknown --unit of a transcript 'subword'"):
        Transcript(1, "subword").fit(["a"])


def test_padding_and_blanks_say_nothing():
    field = fitted("ab")
    a, b = field.encode("ab")["output"]
    assert field.decode(np.array([0, 2, a, 0, 2, b, 0])) == "ab"
    assert field.decode(np.array([0, 0])) == ""


def test_a_character_that_was_not_in_the_training_data_is_unknown_and_shown_as_such():
    field = fitted("ab")
    numbers = field.encode("aé")["output"]
    assert numbers[1] == 1
    assert field.decode(numbers) == "a\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("text", ["", "  ", None, 5])
def test_a_transcript_with_nothing_in_it_is_refused(text):
    with pytest.raises(BadInput, match="expected a transcript"):
        fitted("ab").encode(text)


@pytest.mark.parametrize(
    "text, frames, downsample, fits",
    [
        ("abc", 3, 1, True),
        ("abc", 2, 1, False),
        ("aab", 3, 1, False),
        ("aab", 4, 1, True),
        ("aaa", 5, 1, True),
        ("aaa", 4, 1, False),
        ("abc", 5, 2, True),
        ("abc", 4, 2, False),
        ("aab", 13, 4, True),
        ("aab", 12, 4, False),
    ],
)
def test_a_transcript_longer_than_its_frames_allow_is_refused(text, frames, downsample, fits):
    field = fitted("abc", downsample=downsample)
    pair = {"frames": np.zeros((frames, 4))}, field.encode(text)
    if fits:
        field.check_pair(*pair)
    else:
        with pytest.raises(BadInput, match=rf"'{text}' needs \d+ steps .* {frames} frames .*--downsample"):
            field.check_pair(*pair)


def test_ngrams_of_the_training_transcripts_are_saved_and_tell_what_comes_next():
    texts = ["one two", "one two one", "two"]
    field = fitted(*texts, unit="word", language_model_order=2)
    one, two = (field.symbols.index(word) for word in ("one", "two"))
    assert sorted(field.grams) == sorted(
        [(0, one, 2), (0, two, 1), (one, two, 2), (two, one, 1), (one, 0, 1), (two, 0, 2)]
    )
    again = restore(Transcript(unit="word", language_model_order=2), save(field))
    automaton = again.language_model
    likely = automaton.log_probabilities[automaton.after[automaton.first, one]]
    assert likely[two] > likely[0] > likely[one] and np.exp(likely).sum() == pytest.approx(1)
    assert again.separators is None
    assert fitted(*texts).language_model is None
    spelt = fitted(*texts, language_model_order=5)
    assert [spelt.symbols[place] for place in spelt.separators or ()] == [" "]


def test_of_very_many_words_shorter_ngrams_are_counted():
    field = fitted(" ".join(map(str, range(2000))), unit="word", language_model_order=6)
    assert {len(gram) for gram in field.grams} == {6} and len(field.grams) == 2001
    assert field.describe().endswith("2,000 words are known, and n-grams of up to 5 of them")
