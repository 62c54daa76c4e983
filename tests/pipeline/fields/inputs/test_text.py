import pytest

from pipeline.errors import BadInput
from pipeline.fields import Text, restore, save
from tests.pipeline.fields import fitted


def test_unknown_words_are_1_and_0_is_never_given_to_a_word():
    text = fitted(Text(4, 9), ["b b a a c"])
    assert text.words == ["<padding>", "<unknown>", "a", "b"]
    assert text.encode("a C b ?")["words"].tolist() == [2, 1, 3, 1]
    assert text.encode("<padding> <unknown>")["words"].tolist() == [1, 1]


@pytest.mark.parametrize("limit, kept", [(1, "e"), (2, "ae"), (3, "ade"), (4, "abde"), (5, "abcde"), (6, "abcde")])
def test_a_long_text_keeps_its_two_ends(limit, kept):
    text = fitted(Text(99, limit), ["a b c d e"])
    assert [text.words[number] for number in text.encode("a b c d e")["words"]] == list(kept)


def test_text_without_a_word_or_of_another_type_is_refused():
    text = fitted(Text(9, 9), ["a"])
    for wrong in ("", "  \n", None, 3, ("a",)):
        with pytest.raises(BadInput):
            text.encode(wrong)


@pytest.mark.parametrize("unit", ["word", "character", "subword"])
def test_a_running_text_may_be_words_characters_or_subwords(unit: str) -> None:
    texts = ["Ein schöner Film<br />und gut", "ein guter Film und schön"] * 9
    field = Text(60, 99, unit)
    field.fit(texts)
    found = [field.words[number] for number in field.encode(texts[0])["words"]]
    if unit == "character":
        assert "".join(found) == texts[0]
    elif unit == "word":
        assert found == ["ein", "schöner", "film", "und", "gut"]
    else:
        assert "".join(found).replace("▁", " ").strip() == "ein schöner film und gut"
    assert field.arrays["words"].size == len(field.words) <= 60
    assert field.refuse(" ") == f"the text has no {unit} in it" and field.refuse("x") is None


def test_texts_longer_than_allowed_are_counted_in_training() -> None:
    field = Text(99, 2)
    field.fit(["a b c", "a b", "a b c d"])
    assert field.truncated == 2
    # It belongs to this training, not to the field.
    assert "truncated" not in save(field) and restore(Text(99, 2), save(field)) == field
