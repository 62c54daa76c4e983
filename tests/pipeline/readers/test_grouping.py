"""Rows that belong in one split: by a column, by a part of it, by the path of a recording."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

import tasks
from harness import data
from harness.options import defaults
from pipeline.errors import BadInput
from pipeline.example import Splits


def load(task: str, path: Path | str, said: list[str] | None = None, **options: str | bool) -> Splits:
    known = tasks.get(task)
    return data.load(known, defaults(known).replace(data=str(path), **options), (said or []).append)


def list_groups(found: Splits) -> Mapping[str, set[str | None]]:
    return {split: {example.group for example in examples} for split, examples in found.items()}


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    rows = [f"a film number {n},{'good' if n % 2 else 'bad'},writer {n % 5},{n % 5}.0" for n in range(50)]
    (tmp_path / "reviews.csv").write_text("\n".join(["text,label,author,number", *rows]) + "\n")
    return tmp_path / "reviews.csv"


def record(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.sin(np.arange(800) / 9), 8000)


def test_no_value_of_the_column_is_in_two_splits(reviews: Path) -> None:
    groups = list_groups(load("sentiment", reviews, split_by="author"))
    assert [len(group) for group in groups.values()] == [3, 1, 1]
    assert set.union(*groups.values()) == {f"writer {n}" for n in range(5)}
    # A number of a column, as --text-column has it; and the same author whether 1 or 1.0 stands there.
    assert set.union(*list_groups(load("sentiment", reviews, split_by="4")).values()) == set("01234")


def test_one_value_is_left_out_as_the_test(reviews: Path) -> None:
    said: list[str] = [""]
    found = load("sentiment", reviews, said, split_by="author", leave_out="writer 2")
    assert {example.group for example in found["test"]} == {"writer 2"} and len(found["test"]) == 10
    assert len(found["validation"]) == 10 and len(found["train"]) == 30
    assert "by --split-by: 4 groups in train, 1 group in test" in said


def test_the_speaker_is_found_in_the_names_of_the_recordings(tmp_path: Path) -> None:
    for word in "01":
        for speaker in ("theo", "lucas", "anna"):
            record(tmp_path / f"{word}_{speaker}_7.wav")
    rows = [f"{path.name}\t{path.name[0]}" for path in sorted(tmp_path.glob("*.wav"))]
    (tmp_path / "train.tsv").write_text("\n".join(["audio\ttext", *rows]) + "\n")
    found = load("speech", tmp_path, split_by="audio", split_pattern="_([a-z]+)_", leave_out="theo")
    assert {example.input.split("_")[-2] for example in found["test"]} == {"theo"}
    assert all(len(group) == 1 for group in list_groups(found).values())
    with pytest.raises(BadInput, match=r"train.tsv:2: --split-pattern x\+ finds nothing in '0_anna_7.wav'"):
        load("speech", tmp_path, split_by="audio", split_pattern="x+", strict=True)


def test_recordings_without_a_table_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    for speaker in ("p225", "p226", "p227"):
        for number in range(2):
            record(tmp_path / "wav48" / speaker / f"{speaker}_{number}.wav")
            text = tmp_path / "txt" / speaker / f"{speaker}_{number}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text("a word")
    found = load("speech", tmp_path, split_by="path", split_pattern="/(p[0-9]+)/", leave_out="p226")
    assert list_groups(found)["test"] == {"p226"} and len(found["test"]) == 2
    with pytest.raises(BadInput, match="--split-by speaker: .* has no table, and so no columns; expected path"):
        load("speech", tmp_path, split_by="speaker")


@pytest.mark.parametrize(
    "task, options, message",
    [
        ("sentiment", {"split_by": "writer"}, "--split-by: unknown column 'writer'"),
        ("sentiment", {"split_by": "author", "split_pattern": "(a"}, r"--split-pattern \(a: not a regular expression"),
        ("sentiment", {"leave_out": "writer 1"}, "--leave-out writer 1: of which column"),
        ("sentiment", {"split_pattern": "a"}, "--split-pattern a: of which column"),
        ("sentiment", {"split_by": "author", "leave_out": "nobody"}, "unknown --leave-out 'nobody'"),
        ("sentiment", {"split_by": "label"}, "2 distinct groups: too few"),
    ],
)
def test_what_cannot_be_is_refused(task: str, options: dict[str, str], message: str, reviews: Path) -> None:
    with pytest.raises(BadInput, match=message):
        load(task, reviews, **options)


def test_data_without_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("Ann\tB-P\nsees\tO\n\n" * 5)
    with pytest.raises(BadInput, match="--split-by author: only a table has columns"):
        load("ner", tmp_path, split_by="author")
    with pytest.raises(BadInput, match="only a table has columns, and english"):
        load("ner", "english", split_by="author")


def test_captions_of_one_image_have_its_group(tmp_path: Path) -> None:
    from PIL import Image

    for number in range(6):
        Image.new("RGB", (16, 16), (number, 0, 0)).save(tmp_path / f"{number}.png")
    rows = [f"{n}.png,caption {k} of {n},s{n % 3}" for n in range(6) for k in range(2)]
    (tmp_path / "captions.csv").write_text("\n".join(["image,caption,scene", *rows]) + "\n")
    found = load("caption", tmp_path / "captions.csv", split_by="scene")
    assert all(len(group) == 1 for group in list_groups(found).values())
    assert sum(len(examples) for examples in found.values()) == 6
