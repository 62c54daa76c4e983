import pytest

from pipeline.errors import BadInput
from pipeline.fields import Tokens
from tests.pipeline.fields import fitted


def test_a_token_that_spells_out_a_reserved_symbol_is_a_word_like_any_other():
    spelled = fitted(Tokens(9, 9), [("a", "<padding>")])
    assert spelled.encode(("<Padding>", "<unknown>", "a"))["words"].tolist() == [2, 1, 3]


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("Ann's dog isn't here.", ["Ann's", "dog", "isn't", "here", "."]),
        ("It costs 3.5 euros, not 1,000!", ["It", "costs", "3.5", "euros", ",", "not", "1", ",", "000", "!"]),
        ("the U.S. army", ["the", "U.S.", "army"]),
        ("https://a.org/b?c=1", ["https", ":", "/", "/", "a.org", "/", "b", "?", "c", "=", "1"]),
        ("wow😀ok", ["wow", "😀", "ok"]),
        ("Kadıköy'de İstanbul", ["Kadıköy'de", "İstanbul"]),
        ("", []),
    ],
)
def test_a_typed_sentence_is_split_and_keeps_its_capitals(text, tokens):
    assert Tokens(9, 9).parse(text) == tuple(tokens)


def test_tokens_are_looked_up_lower_cased_and_spelled_with_capitals():
    field = fitted(Tokens(9, 9, min_count=2, width=4), [("Ab", "ab", "c"), ("abcdefg",)])
    assert field.words == ["<padding>", "<unknown>", "ab"]
    encoded = field.encode(("AB", "c", "abcdefg", "ğ"))
    assert encoded["words"].tolist() == [2, 1, 1, 1]
    spelled = [[field.characters[number] for number in row] for row in encoded["characters"]]
    empty, unknown = "<padding>", "<unknown>"
    assert spelled == [
        ["A", unknown, empty, empty],
        ["c", empty, empty, empty],
        ["a", "b", "f", "g"],
        [unknown, empty, empty, empty],
    ]
    assert {array.dtype.name for array in encoded.values()} == {"int32"}


def test_sentences_that_are_empty_or_too_long_are_refused():
    field = fitted(Tokens(9, 2), [("a", "b", "c")])
    with pytest.raises(BadInput, match="no token"):
        field.encode(())
    with pytest.raises(BadInput, match=r"'a b c' has 3 tokens.*2 are allowed.*--max-length"):
        field.encode(("a", "b", "c"))


@pytest.mark.parametrize(
    ("tokenizer", "text", "tokens"),
    [
        ("word", "Ann's dog isn't 3.5", ["Ann's", "dog", "isn't", "3.5"]),
        ("blank", "do n't -LRB- 10/12/2019", ["do", "n't", "-LRB-", "10/12/2019"]),
        ("character", "北京 上海", ["北", "京", "上", "海"]),
    ],
)
def test_a_typed_sentence_is_divided_as_the_tokenizer_says(tokenizer: str, text: str, tokens: list[str]) -> None:
    assert list(Tokens(9, 9, tokenizer=tokenizer).parse(text)) == tokens


def test_a_field_knows_how_often_its_tokenizer_divides_as_the_corpus_does() -> None:
    field = Tokens(99, 9)
    field.fit([("10/12", "go"), ("Ann", "ran", "."), ("a", "b"), ("c",)])
    assert field.agreement == 0.75
    characters = Tokens(99, 9, tokenizer="character")
    characters.fit([("北", "京"), ("上海", "人")])
    assert characters.agreement == 0.5


def test_texts_that_are_tokenized_already_are_divided_at_their_blanks_alone():
    field = fitted(Tokens(9, 9), [("do", "n't")])
    other = field.pretokenized()
    assert other.parse("well , 3/4") == ("well", ",", "3/4") and field.parse("3/4") == ("3", "/", "4")
    assert other.words == field.words and field.tokenizer == "word"


def test_a_sentence_that_will_be_read_in_windows_may_be_long():
    field = fitted(Tokens(9, 2), [("a", "b", "c")])
    assert field.window == 2
    assert len(field.encode_whole(("a", "b", "c"))["words"]) == 3
