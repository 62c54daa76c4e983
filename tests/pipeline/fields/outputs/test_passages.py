import numpy as np
import pytest

from pipeline.batches.padding import pad, weigh
from pipeline.errors import BadInput
from pipeline.fields import Passages, restore, save
from pipeline.fields.outputs.passages import CONTINUATION
from tests.pipeline.fields import fitted


def test_whole_texts_end_with_the_end_symbol() -> None:
    field = fitted(Passages(), ["aab", "b"])
    found = field.encode("ab")
    assert found["output"].tolist() == [4, 5, Passages.end] and found["weight"].tolist() == [1, 1, 1]
    assert field.decode(found["output"]) == "ab"
    assert not field.running and field.longest == 5


def test_what_stands_before_a_passage_is_read_and_not_asked_for() -> None:
    field = fitted(Passages(), [("", "aab"), ("ab", "ba")])
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
        fitted(Passages(), ["a"]).encode(("a", "b"))
    with pytest.raises(BadInput, match="has learned one running text, and this is a list of texts"):
        fitted(Passages(), [("a", "b")]).encode("a")


@pytest.mark.parametrize("texts", [["ab", "ü\n"], [("ab", "c")]])
def test_passages_come_back(texts: list) -> None:
    field = fitted(Passages(), texts)
    assert restore(Passages(), save(field)) == field


def test_only_whole_texts_end() -> None:
    assert fitted(Passages(), ["ab"]).ends and not fitted(Passages(), [("ab", "c")]).ends
