import pytest

from pipeline.errors import BadInput
from pipeline.readers import parallel
from pipeline.readers.tabular.columns import Columns
from tests.pipeline import readers

NAMES = Columns(("source",), ("target",))


def columns(source=None, target=None):
    return Columns(NAMES.input, NAMES.output, source, target)


def read(path, columns, said=None, **how):
    return readers.read(parallel.read, path, columns, said, **{"strict": True} | how)


@pytest.fixture
def write(tmp_path):
    def write(**files):
        for name, lines in files.items():
            (tmp_path / name.replace("__", ".")).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path

    return write


def pairs(examples):
    return [(example.input, example.output) for example in examples]


def test_lines_of_two_files_are_pairs_and_the_files_of_the_splits_are_found(write):
    path = write(
        train__en=["a dog", " two dogs "], train__de=["ein Hund", "zwei Hunde"],
        val__en=["x"], val__de=["y"], test_2016_flickr__en=["p"], test_2016_flickr__de=["q"], SOURCE__txt=["from"],
    )  # fmt: skip
    splits = read(path, columns("en", "de"))
    assert list(splits) == ["train", "validation", "test"]
    assert pairs(splits["train"]) == [("a dog", "ein Hund"), ("two dogs", "zwei Hunde")]
    assert [example.origin for example in splits["train"]] == ["train.en:1", "train.en:2"]
    assert pairs(splits["test"]) == [("p", "q")]
    assert read(path, columns("en")) == read(path, columns(None, "de")) == splits
    assert pairs(read(path, columns("de"))["test"]) == [("q", "p")]


def test_the_direction_is_english_to_the_other_language_unless_asked_for_and_it_is_said(write):
    path = write(train__en=["a"], train__de=["b"])
    said = []
    assert pairs(read(path, columns(), said)["train"]) == [("a", "b")]
    assert said == [f"{path}: en is the input and de the output; --text-column de turns them round"]
    with pytest.raises(BadInput, match="unknown --text-column, for .* 'fr'.*Known: de, en"):
        read(path, columns("fr"))
    path = write(train__fr=["c"])
    with pytest.raises(BadInput, match="de, en, fr. Say which"):
        read(path, columns("en"))
    assert pairs(read(path, columns("fr", "en"))["train"]) == [("c", "a")]


def test_files_of_unequal_length_are_refused_with_both_counts(write):
    path = write(train__en=["a", "b", "c"], train__de=["A", "B"])
    with pytest.raises(BadInput, match="train.en has 3 lines, and .*train.de has 2"):
        read(path, columns("en"))


def test_an_empty_line_beside_one_that_is_not_is_refused_and_a_pair_of_them_is_left_out(write):
    path = write(train__en=["a", "", "c"], train__de=["A", "", "C"])
    assert pairs(read(path, columns("en"))["train"]) == [("a", "A"), ("c", "C")]
    path = write(train__en=["a", "", "c"], train__de=["A", " ", " "])
    with pytest.raises(BadInput, match=r"train.de:3 is empty, and .*train.en:3 is not"):
        read(path, columns("en"))
    said = []
    assert pairs(read(path, columns("en"), said, strict=False)["train"]) == [("a", "A")]
    assert said == [
        f"{path / 'train.en'}: 1 of 3 lines are empty, in train.de too; they are left out",
        f"{path / 'train.en'}: 1 of 2 pairs left out: one of the two lines is empty (line 3); --strict refuses them",
    ]


def test_a_split_with_one_file_of_the_two_is_refused(write):
    path = write(train__en=["a"], train__de=["A"], val__en=["b"])
    with pytest.raises(BadInput, match=r"val.en: there is no val.de beside it"):
        read(path, columns("en"))


def test_tables_are_read_as_for_other_tasks(write):
    path = write(train__tsv=["source\ttarget", "a dog\tein Hund"])
    assert pairs(read(path, columns())["train"]) == [("a dog", "ein Hund")]
    assert pairs(read(path / "train.tsv", columns("target", "source"))["train"]) == [("ein Hund", "a dog")]


def test_a_folder_without_files_to_train_on_says_what_is_expected(tmp_path):
    with pytest.raises(BadInput, match="no train file"):
        read(tmp_path, columns("en"))
