"""Words, characters and subwords, in every script; the regex package, which knows Unicode, is the reference."""

import random
import unicodedata

import pytest
import regex

from pipeline.errors import BadInput
from pipeline.fields import Text, Tokens, tokenizers

# A letter, a digit or the underscore, and marks after it; parts of a word joined by hyphens and the like.
PART = r"[\w--\p{M}][\w\p{M}]*"
REFERENCE = regex.compile(rf"(?V1){PART}(?:[-'’\u200c\u200d]{PART})*|<[\w--\p{{M}}]+>|[^[\w\s]--\p{{M}}]\p{{M}}*")
SCRIPTS = {
    "hindi": ("लड़की किताब पढ़ती।", ["लड़की", "किताब", "पढ़ती", "।"]),
    "tamil": ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
    "vowelled arabic": ("كِتَابٌ جَمِيل", ["كِتَابٌ", "جَمِيل"]),
    "hebrew": ("שָׁלוֹם עוֹלָם", ["שָׁלוֹם", "עוֹלָם"]),
    "thai": ("ร้าน อาหาร", ["ร้าน", "อาหาร"]),
    "decomposed latin": ("cafe\u0301 nai\u0308ve", ["cafe\u0301", "nai\u0308ve"]),
    "persian": ("می\u200cخواهم برو", ["می\u200cخواهم", "برو"]),
    "turkish": ("İstanbul'da", ["i\u0307stanbul'da"]),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_marks_belong_to_their_word_in_every_script(name: str) -> None:
    text, words = SCRIPTS[name]
    assert tokenizers.tokenize(text) == words
    assert [word.lower() for word in tokenizers.divide_sentence(text, "word")] == words
    if name != "turkish":
        joined = tokenizers.divide_words(text)
        assert " ".join(joined).replace(" " + tokenizers.JOINER, "") == text


def test_any_text_is_divided_as_by_the_categories_of_unicode() -> None:
    # Python and the regex package may know different versions of Unicode: only what both call a mark or a letter.
    letters = [chr(code) for code in range(0x20, 0x3000) if unicodedata.category(chr(code)) != "Cn"]
    marks = [mark for mark in letters if unicodedata.category(mark).startswith("M") and regex.match(r"\p{M}", mark)]
    others = [one for one in letters if not unicodedata.category(one).startswith("M")]
    others = [one for one in others if bool(regex.match(r"\w", one)) == (one.isalnum() or one == "_")]
    chooser = random.Random(0)
    for _ in range(2000):
        text = "".join(chooser.choice(chooser.choice((others, marks, "ab -'<>1"))) for _ in range(12))
        # A mark that nothing stands before belongs to nothing.
        text = "a" + "".join(one for n, one in enumerate(text) if one not in marks or not text[n - 1].isspace())
        assert tokenizers._find("review", text) == REFERENCE.findall(text), ascii(text)


def test_whether_there_is_a_token_is_known_without_dividing() -> None:
    for text in ("a", " . ", "<br />x", "\u0301 b", "狗"):
        assert tokenizers.has_token(text)
    for text in ("", " \n", "<br />", "<br /> <br />"):
        assert not tokenizers.has_token(text) and not tokenizers.tokenize(text)


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
    assert field.cut == 2


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


@pytest.mark.needs("nltk")
def test_the_penn_treebank_divides_contractions() -> None:
    assert tokenizers.divide_sentence("They don't (really).", "treebank") == [
        *["They", "do", "n't", "(", "really", ")", "."]
    ]


def test_a_missing_nltk_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nltk.tokenize", None)
    with pytest.raises(BadInput, match="--tokenizer treebank: NLTK is not installed; run: pip install -r requirements"):
        tokenizers.divide_sentence("a", "treebank")


def test_a_field_knows_how_often_its_tokenizer_divides_as_the_corpus_does() -> None:
    field = Tokens(99, 9)
    field.fit([("10/12", "go"), ("Ann", "ran", "."), ("a", "b"), ("c",)])
    assert field.agreement == 0.75
    characters = Tokens(99, 9, tokenizer="character")
    characters.fit([("北", "京"), ("上海", "人")])
    assert characters.agreement == 0.5
