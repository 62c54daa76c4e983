from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.readers import passages
from pipeline.readers.tabular.columns import Columns
from tests.pipeline import readers

COLUMNS = Columns(("text", "name"), ("category", "label"))
TEXT = "".join(f"line {number}\n\n"[: 4 + number % 9] for number in range(400))


def read(path: Path) -> dict[str, list[Example]]:
    return passages.arrange(readers.read(passages.read, path, COLUMNS))


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_gives_category_and_text(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "name,category\nAnn,female\nBob,male\n")
    assert read(path) == {"train": [Example("female", "Ann", "x.csv:2"), Example("male", "Bob", "x.csv:3")]}


def test_the_lines_of_a_file_are_texts_without_a_category(tmp_path: Path) -> None:
    path = written(tmp_path / "x.txt", "emma\nolivia k.\n")
    assert read(path) == {"train": [Example("", "emma", "x.txt:1"), Example("", "olivia k.", "x.txt:2")]}


def test_a_file_with_a_blank_line_is_one_running_text_its_end_the_test_its_beginning_validation(tmp_path: Path) -> None:
    splits = read(written(tmp_path / "x.txt", TEXT))
    end = len(TEXT.strip("\n")) + 1
    parts = {split: "".join(one.output[1] for one in examples) for split, examples in splits.items()}
    # Every character in one passage, and in that only, in order.
    assert parts["validation"] + parts["train"] + parts["test"] == TEXT.strip("\n") + "\n"
    assert len(parts["test"]) == end // 10 and len(parts["validation"]) == end // 20


def test_a_passage_has_what_stands_before_it_and_its_line(tmp_path: Path) -> None:
    splits = read(written(tmp_path / "x.txt", TEXT))
    place = 0
    for split in ("validation", "train", "test"):
        for example in splits[split]:
            before, passage = example.output
            assert example.input == "" and 0 < len(passage) <= passages.PASSAGE
            assert before == TEXT[max(0, place - passages.BEFORE[split]) : place]
            assert example.origin == f"x.txt:{TEXT.count(chr(10), 0, place) + 1}"
            place += len(passage)


def test_a_folder_of_running_texts_keeps_its_splits(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        written(tmp_path / f"{split}.txt", f"{split}\n\n" * 100)
    splits = read(tmp_path)
    assert {split: "".join(one.output[1] for one in found) for split, found in splits.items()} == {
        "train": ("train\n\n" * 100)[:-1], "validation": ("valid\n\n" * 100)[:-1], "test": ("test\n\n" * 100)[:-1],
    }  # fmt: skip


def test_a_text_too_short_to_divide_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"x.txt: a running text of 5 characters; at least 100 are needed"):
        read(written(tmp_path / "x.txt", "a\n\nb\n"))


def test_columns_of_a_text_file_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.txt", "a\nb\n")
    with pytest.raises(BadInput, match=r"x.txt: a text file has no columns"):
        readers.read(passages.read, path, Columns((), (), "1"))
