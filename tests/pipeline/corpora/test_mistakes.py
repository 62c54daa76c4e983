import random

import pytest

from pipeline.corpora import mistakes, packages
from pipeline.corpora.mistakes import MistakeMaker
from pipeline.corpora.packages import locate
from pipeline.fields.edits.marks import accept, reject
from pipeline.fields.edits.words import find_edits, list_words


@pytest.fixture(scope="module", autouse=True)
def reviews():
    """The first reviews only: of all of them the words are counted, too."""
    few = {origin: packages.read_reviews(origin)[:1500] for origin in ("rotten_tomatoes", "imdb")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mistakes, "read_reviews", few.get)
        yield


@pytest.fixture(scope="module")
def splits(reviews):
    return mistakes.make({"train": 600, "validation": 150, "test": 150})


@pytest.fixture(scope="module")
def forms():
    """codespell's misspellings, in another way than the corpus reads them."""
    text = locate("codespell", "codespell_lib/data/dictionary.txt").read_text(encoding="utf-8")
    return {line.split("->")[0] for line in text.splitlines()}


def test_a_third_of_the_sentences_is_right_and_others_have_one_to_three_mistakes(splits):
    counts = [len(find_edits(list_words(one.input), list_words(accept(one.output)))) for one in splits["train"]]
    assert counts.count(0) / len(counts) == pytest.approx(1 / 3, abs=0.06)
    assert sum(1 <= count <= 3 for count in counts) + counts.count(0) > 0.98 * len(counts)
    assert all(reject(one.output) == one.input for one in splits["train"])


def test_no_misspelling_and_no_review_is_in_two_splits(splits, forms):
    def misspellings(split):
        return {word for one in splits[split] for word in map(str.lower, list_words(one.input)) if word in forms}

    train, validation, test = map(misspellings, ("train", "validation", "test"))
    assert len(test) > 30
    assert not train & test and not train & validation and not validation & test
    origins = [{one.origin for one in examples} for examples in splits.values()]
    assert not origins[0] & origins[2] and not origins[0] & origins[1] and not origins[1] & origins[2]


def test_right_sentences_have_no_known_misspelling(splits, forms):
    assert not any(word.lower() in forms for one in splits["train"] for word in list_words(accept(one.output)))


def test_fewer_sentences_are_the_first_of_more(splits):
    few = mistakes.make({"train": 20, "validation": 5, "test": 5})
    assert all(few[split] == splits[split][: len(few[split])] for split in few)


@pytest.mark.parametrize(
    "kind, sentence, place, made",
    [
        ("agreement", "he goes home", 1, ["go"]),
        ("agreement", "it tries again", 1, ["try"]),
        ("agreement", "who watches it", 1, ["watch"]),
        ("agreement", "they go home", 1, ["goes"]),
        ("agreement", "we cry again", 1, ["cries"]),
        ("agreement", "we played again", 1, None),
        ("agreement", "That was it", 1, ["were"]),
        ("confusion", "Your film", 0, ["You're"]),
        ("confusion", "no film", 1, None),
        ("doubled", "in the end", 1, ["the", "the"]),
        ("missing", "in the end", 1, []),
        ("missing", "the end", 0, None),
        ("misspelling", "the Film", 1, ["Flim"]),
        ("misspelling", "the end", 1, None),
    ],
)
def test_each_kind_of_mistake(kind, sentence, place, made):
    maker = MistakeMaker(random.Random(0), {"film": ["flim"]})
    assert maker.kinds[kind](sentence.split(), place) == made


def test_a_misspelling_is_made_twice_at_most():
    maker = MistakeMaker(random.Random(0), {"film": ["flim"]})
    assert [maker.misspell(["film"], 0) for _ in range(3)] == [["flim"], ["flim"], None]


def test_what_is_kept_is_what_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(mistakes, "SIZES", {"train": 6, "validation": 2, "test": 2})
    first, second = mistakes.corrections(), mistakes.corrections()
    assert first == second and len(list(tmp_path.iterdir())) == 1
    # Damaged, it is made anew.
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:50])
    assert mistakes.corrections() == first
    assert [len(examples) for examples in mistakes.corrections(limit=3).values()] == [3, 2, 2]
