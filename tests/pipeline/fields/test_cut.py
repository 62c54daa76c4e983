"""Texts that come bit by bit, in every field that can cut them."""

import itertools

import numpy as np
import pytest

from pipeline.fields import Series, Text, Tokens
from pipeline.fields.tokenizers import divide_sentence
from tests.pipeline.fields import fitted


def cut_in_pieces(field, text, sizes):
    """Return the tokens of a text that comes in parts of these sizes, over and over."""
    found, rest, place = [], "", 0
    for size in itertools.cycle(sizes):
        part = text[place : place + size]
        place += size
        tokens, rest = field.cut(rest + part, bool(part))
        found += tokens
        if not part:
            return found


TEXT = (
    "U.S. firms -- don't\u2019s 3.5% up,  he said.<br />Not <br /> bad: नमस्ते दुनिया \U0001f600 मे\u200dरा <b>x</b> (end)"
)


@pytest.mark.parametrize("sizes", [[1], [3, 1, 5], [1000]])
@pytest.mark.parametrize("tokenizer", ["word", "blank", "character"])
def test_a_sentence_that_comes_bit_by_bit_has_the_same_tokens(tokenizer, sizes):
    field = fitted(Tokens(99, 99, tokenizer=tokenizer), [("a",)])
    found = cut_in_pieces(field, TEXT, sizes)
    assert found == divide_sentence(TEXT, tokenizer)
    whole = field.encode(tuple(found))
    for name, array in whole.items():
        np.testing.assert_array_equal(np.concatenate([field.encode_piece(one)[name] for one in found]), array)


@pytest.mark.parametrize("sizes", [[1], [3, 1, 5], [1000]])
@pytest.mark.parametrize("unit", ["word", "character", "subword"])
def test_a_running_text_that_comes_bit_by_bit_has_the_same_ids(unit, sizes):
    field = fitted(Text(60, 999, unit), [TEXT] * 9)
    pieces = cut_in_pieces(field, TEXT, sizes)
    ids = np.concatenate([field.encode_piece(one)["words"] for one in pieces])
    np.testing.assert_array_equal(ids, field.encode(TEXT)["words"])


def test_a_treebank_s_tokens_need_the_whole_sentence():
    assert fitted(Tokens(99, 99, tokenizer="treebank"), []).cut("a", False) is None


def test_a_series_that_comes_bit_by_bit_has_the_same_steps():
    field, text = Series(2), "0.27,0 0.83,1\t1,0"
    found = cut_in_pieces(field, text, [2, 3])
    np.testing.assert_array_equal(
        np.concatenate([field.encode_piece(one)["values"] for one in found]), field.encode(text)["values"]
    )
