"""Tables of images and captions: what is read, and what each mistake is told."""

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from pipeline import splits
from pipeline.errors import BadInput
from pipeline.example import Alternatives, Splits
from pipeline.readers import captions
from pipeline.readers.tabular.columns import Columns
from tests.pipeline import readers

COLUMNS = Columns(("image", "file_name"), ("caption", "text"))


def read(path: Path, columns: Columns = COLUMNS, said: list[str] | None = None, **how: Any) -> Splits:
    return readers.read(captions.read, path, columns, said, **{"strict": True} | how)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of ten images, a.png to j.png, the last two of them in a folder of its own."""
    (tmp_path / "more").mkdir()
    for number, letter in enumerate("abcdefghij"):
        Pillow.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / ("more" if letter in "ij" else "") / f"{letter}.png")
    return tmp_path


def write(path: Path, *rows: str, header: str = "image,caption") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_several_captions_of_an_image_are_one_example(folder: Path) -> None:
    table = write(folder / "c.csv", "a.png,one", "b.png,two", "a.png,uno", 'a.png,"one"', "i.png,three")
    found = read(table)
    assert found.keys() == {"train"}
    assert [(str(example.input), example.output, example.origin) for example in found["train"]] == [
        ("a.png", ("one", "uno"), "c.csv:2"),
        ("b.png", "two", "c.csv:3"),
        ("i.png", "three", "c.csv:6"),
    ]
    assert isinstance(found["train"][0].output, Alternatives)


def test_the_same_image_under_two_names_is_one_picture(folder: Path) -> None:
    (folder / "copy.png").write_bytes((folder / "a.png").read_bytes())
    (found,) = read(write(folder / "c.csv", "a.png,one", "copy.png,uno"))["train"]
    assert found.output == ("one", "uno")


def test_a_folder_with_one_table_is_read_whatever_the_tables_name(folder: Path) -> None:
    write(folder / "captions.csv", "a.png,one", "b.png,two")
    assert len(read(folder)["train"]) == 2


def test_a_folder_with_a_table_a_split(folder: Path) -> None:
    write(folder / "train.csv", "a.png,one", "b.png,two")
    write(folder / "test.tsv", "c.png\tthree", header="file_name\ttext")
    found = read(folder)
    assert {split: len(examples) for split, examples in found.items()} == {"train": 2, "test": 1}


def test_all_captions_of_an_image_are_in_one_split(folder: Path) -> None:
    rows = [f"{letter}.png,{letter} {number}" for number in range(5) for letter in "abcdefghij"]
    found = splits.complete(read(write(folder / "c.csv", *rows)), seed=3)
    assert [len(found[split]) for split in ("train", "validation", "test")] == [8, 1, 1]
    for examples in found.values():
        for example in examples:
            assert example.output == tuple(f"{str(example.input)[0]} {number}" for number in range(5))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("z.png,there is none", r"c\.csv:3: there is no image 'z.png' in"),
        ("b.png,", r"c\.csv:3: the text is empty"),
        (",no image", r"c\.csv:3: the text is empty"),
        ("b.png", r"c\.csv:3: 1 column where c\.csv:1 has 2"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(folder: Path, row: str, message: str) -> None:
    table = write(folder / "c.csv", "a.png,one", row)
    with pytest.raises(BadInput, match=re.escape(str(folder)) + ".*" + message):
        read(table)


def test_other_columns_are_named_by_option(folder: Path) -> None:
    table = write(folder / "c.csv", "one,a.png,x", header="says,photo,other")
    said: list[str] = []
    assert str(read(table, said=said)["train"][0].input) == "a.png"
    assert said[1] == f"{table}: its image is column 'photo'; --text-column, --label-column name others"
    (found,) = read(table, Columns(COLUMNS.input, COLUMNS.output, "photo", "says"))["train"]
    assert (str(found.input), found.output) == ("a.png", "one")


def test_a_folder_without_a_table_is_refused(folder: Path) -> None:
    with pytest.raises(BadInput, match="no train file"):
        read(folder)
    with pytest.raises(BadInput, match="no such file"):
        read(folder / "none.csv")
