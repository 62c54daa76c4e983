import pytest

from pipeline.errors import BadInput
from pipeline.fields import Prompt, restore, save
from pipeline.fields.inputs.prompt import SEED_LENGTH
from tests.pipeline.fields import fitted


def seed_of(prompt: Prompt, text: str) -> tuple[int, str]:
    found = prompt.encode(text)
    return int(found["category"]), "".join(chr(code) for code in found["seed"] if code)


def test_a_prompt_is_a_category_with_or_without_a_seed() -> None:
    prompt = fitted(Prompt(), ["male", "female", "male", "a:b"])
    assert prompt.categories == ["a:b", "female", "male"]
    assert seed_of(prompt, "female") == (1, "")
    assert seed_of(prompt, "female: Mar") == (1, "Mar")
    assert seed_of(prompt, "male:J") == (2, "J")
    assert seed_of(prompt, "a:b") == (0, "")
    assert seed_of(prompt, "a:b: c: d") == (0, "c: d")
    assert seed_of(prompt, " male : J ") == (2, "J ")
    assert prompt.refuse("a:b:c") is None and prompt.refuse("a: b") == "the category is not in the training data"
    assert prompt.parse(" female ") == "female"
    assert prompt.encode("male")["seed"].shape == (SEED_LENGTH,)


def test_an_unknown_category_is_refused_with_the_closest() -> None:
    with pytest.raises(BadInput, match="unknown category 'femal'. Did you mean 'female'?"):
        fitted(Prompt(), ["male", "female"]).encode("femal: Mar")


def test_without_categories_all_is_seed_and_a_long_one_keeps_its_end() -> None:
    prompt = fitted(Prompt(), ["", ""])
    assert seed_of(prompt, "To be: ") == (0, "To be: ")
    assert seed_of(prompt, "") == (0, "")
    assert seed_of(prompt, "x" * 50 + "y" * SEED_LENGTH) == (0, "y" * SEED_LENGTH)
    assert prompt.parse(" to be") == " to be"


def test_a_prompt_comes_back() -> None:
    prompt = fitted(Prompt(), ["b", "a"])
    assert restore(Prompt(), save(prompt)) == prompt
