import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import Draft, restore, save

TEXTS = ["The film is good .", "the film is bad .", "Ann believes the film ."]


@pytest.fixture(scope="module")
def draft():
    draft = Draft(min_count=1)
    draft.fit(TEXTS)
    return draft


def test_the_first_step_is_the_beginning_and_each_word_follows_with_its_characters(draft):
    arrays = draft.encode("The flim")
    assert [draft.words[number] for number in arrays["words"]] == ["<unknown>", "the", "<unknown>"]
    assert "".join(map(chr, arrays["characters"][arrays["characters"] > 0])) == "The flim"
    assert not arrays["characters"][0].any()
    assert {name: array.shape for name, array in arrays.items()} == {
        "words": (3,), "characters": (3, 24), "candidates": (3, 8), "closeness": (3, 8),
    }  # fmt: skip


def test_only_an_unknown_word_has_candidates(draft):
    arrays = draft.encode("The flim beleives")
    assert [draft.words[number] for number in arrays["candidates"][2:, 0]] == ["film", "believes"]
    assert not arrays["candidates"][:2].any() and not arrays["closeness"][:2].any()
    assert ((arrays["candidates"] > 0) == (arrays["closeness"] > 0)).all()


def test_a_long_word_is_several_pieces_and_no_character_is_lost(draft):
    text = "a " + "x" * 60 + "  b !"
    arrays = draft.encode(text)
    assert len(arrays["words"]) == 1 + 1 + 3 + 2
    assert "".join(map(chr, arrays["characters"][arrays["characters"] > 0])) == text


def test_a_saved_field_encodes_as_before(draft):
    again = restore(Draft(min_count=1), save(draft))
    for name, array in draft.encode("A beleived flim").items():
        np.testing.assert_array_equal(again.encode("A beleived flim")[name], array)


def test_a_text_without_a_word_and_one_that_is_too_long_are_refused(draft):
    with pytest.raises(BadInput, match="the text has no word in it; give at least one"):
        draft.encode("  ")
    with pytest.raises(BadInput, match="has 401 words, and at most 400 are allowed; divide it, or train with a higher"):
        draft.encode("a " * 401)
    assert draft.refuse(" ") == "the text has no word in it"
