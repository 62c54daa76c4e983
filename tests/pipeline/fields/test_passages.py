import numpy as np
import pytest

from pipeline.batches.padding import pad, weigh
from pipeline.errors import BadInput
from pipeline.fields import restore, save
from pipeline.fields.passages import CONTINUATION, WIDTH, Passages, Prompt


def fit(field, values):
    field.fit(values)
    return field


def seed_of(prompt: Prompt, text: str) -> tuple[int, str]:
    found = prompt.encode(text)
    return int(found["category"]), "".join(chr(code) for code in found["seed"] if code)


def test_a_prompt_is_a_category_with_or_without_a_seed() -> None:
    prompt = fit(Prompt(), ["male", "female", "male", "a:b"])
    assert prompt.categories == ["a:b", "female", "male"]
    assert seed_of(prompt, "female") == (1, "")
    assert seed_of(prompt, "female: Mar") == (1, "Mar")
    assert seed_of(prompt, "male:J") == (2, "J")
    assert seed_of(prompt, "a:b") == (0, "")
    assert seed_of(prompt, "a:b: c: d") == (0, "c: d")
    assert seed_of(prompt, " male : J ") == (2, "J ")
    assert prompt.refuse("a:b:c") is None and prompt.refuse("a: b") == "the category is not in the training data"
    assert prompt.parse(" female ") == "female"
    assert prompt.encode("male")["seed"].shape == (WIDTH,)


def test_an_unknown_category_is_refused_with_the_closest() -> None:
    with pytest.raises(BadInput, match="unknown category 'femal'. Did you mean 'female'?"):
        fit(Prompt(), ["male", "female"]).encode("femal: Mar")


def test_without_categories_all_is_seed_and_a_long_one_keeps_its_end() -> None:
    prompt = fit(Prompt(), ["", ""])
    assert seed_of(prompt, "To be: ") == (0, "To be: ")
    assert seed_of(prompt, "") == (0, "")
    assert seed_of(prompt, "x" * 50 + "y" * WIDTH) == (0, "y" * WIDTH)
    assert prompt.parse(" to be") == " to be"


def test_whole_texts_end_with_the_end_symbol() -> None:
    field = fit(Passages(), ["aab", "b"])
    found = field.encode("ab")
    assert found["output"].tolist() == [4, 5, Passages.end] and found["weight"].tolist() == [1, 1, 1]
    assert field.decode(found["output"]) == "ab"
    assert not field.running and field.longest == 5


def test_what_stands_before_a_passage_is_read_and_not_asked_for() -> None:
    field = fit(Passages(), [("", "aab"), ("ab", "ba")])
    assert field.running and field.longest == CONTINUATION
    found = field.encode(("ab", "ba"))
    assert found["output"].tolist() == [4, 5, 5, 4] and found["weight"].tolist() == [0, 0, 1, 1]
    outputs = pad([found, field.encode(("", "a")), field.encode(("", "a"))], field.arrays, 5)
    weights = weigh(outputs, 2)
    assert outputs.keys() == {"output"}
    assert weights.tolist() == [[0, 0, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert weights.dtype == np.float32


def test_texts_and_passages_are_not_mixed() -> None:
    with pytest.raises(BadInput, match="has learned a list of texts, one a line, and this is one running text"):
        fit(Passages(), ["a"]).encode(("a", "b"))
    with pytest.raises(BadInput, match="has learned one running text, and this is a list of texts"):
        fit(Passages(), [("a", "b")]).encode("a")


@pytest.mark.parametrize("texts", [["ab", "ü\n"], [("ab", "c")]])
def test_the_fields_come_back(texts: list) -> None:
    for empty, field in ((Passages(), fit(Passages(), texts)), (Prompt(), fit(Prompt(), ["b", "a"]))):
        assert restore(empty, save(field)) == field
