"""What the cache holds: what is removed first, what never, and what is said."""

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline import cache_contents, files
from pipeline.batches import encoded_cache
from pipeline.cache_contents import MARK, find_bound, find_entries, format_size, trim
from pipeline.errors import BadInput
from pipeline.fields import Array

ARRAYS = ({"words": Array((None,), "int32", 9)}, {"output": Array((), "int32", 4)})
SIZE = 100_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(encoded_cache, "WORTH", 0.0)
    return tmp_path


def encode() -> tuple[list, list]:
    return [{"words": np.arange(SIZE, dtype="int32")}], [{"output": np.array(1, "int32")}]


def make(folder: Path, key: str, hours: float) -> Path:
    """Keep encoded examples that were last of use some hours ago, by a process that is gone."""
    sides = encoded_cache.load_or_encode(key, ARRAYS, encode)
    del sides
    for path in (folder / "encoded" / key).iterdir():
        os.utime(path, (time.time() - hours * 3600,) * 2)
    return folder / "encoded" / key


def test_what_was_of_use_longest_ago_goes_first_and_it_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, older, new = (make(folder, key, hours) for key, hours in (("a", 5), ("b", 9), ("c", 1)))
    assert [entry.path for entry in find_entries()] == [older, old, new]
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "1000k")
    said: list[str] = []
    encoded_cache.load_or_encode("d", ARRAYS, encode, said.append)
    # Four of 0.4 MB are more than a megabyte by two.
    assert sorted(path.name for path in (folder / "encoded").iterdir()) == ["c", "d"]
    assert len(said) == 1 and "of encoded examples removed" in said[0] and "at most 1.0 MB" in said[0]


def test_to_read_it_is_to_use_it(folder: Path) -> None:
    path = make(folder, "a", 5)
    make(folder, "b", 3)
    assert find_entries()[0].path == path
    encoded_cache.load_or_encode("a", ARRAYS, encode)
    assert find_entries()[1].path == path and time.time() - find_entries()[1].used < 60


def test_what_a_run_has_in_use_stays_and_goes_once_it_has_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "0")
    used = encoded_cache.load_or_encode("used", ARRAYS, encode)
    assert [cache_contents.is_held(entry) for entry in find_entries()] == [True]
    said: list[str] = []
    trim(said.append, keep=folder)
    assert (folder / "encoded" / "used").exists() and not said
    del used
    trim(said.append, keep=folder)
    assert not (folder / "encoded" / "used").exists() and said


def test_what_is_mapped_is_read_though_it_was_removed(folder: Path) -> None:
    inputs, outputs = encoded_cache.load_or_encode("a", ARRAYS, encode)
    shutil.rmtree(folder / "encoded")
    assert inputs[0]["words"].sum() == SIZE * (SIZE - 1) // 2 and outputs[0]["output"] == 1


def test_an_entry_that_is_being_written_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unfinished = folder / "encoded" / f"{files.UNFINISHED}1-ab.key"
    unfinished.mkdir(parents=True)
    (unfinished / MARK).write_bytes(b"x" * 10_000)
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "0")
    trim([].append, keep=folder)
    assert unfinished.exists()


def test_each_kind_has_its_place_and_the_rest_is_left(folder: Path) -> None:
    for path in (
        "kernels/loops.so", "jax/program", "mistakes-1.tsv.gz", "recordings/ab/c.flac", "unpacked/x/y", "included.jsonl"
    ):  # fmt: skip
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x" * 5000)
    kinds = sorted(entry.kind for entry in find_entries())
    assert kinds == ["generated", "generated", "kernels", "programs", "unpacked"]
    assert cache_contents.measure_rest() >= 5000
    assert all(map(cache_contents.remove, find_entries()))
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["included.jsonl"]


@pytest.mark.parametrize(
    ("given", "expected"), [("500M", 500e6), ("1.5 G", 1.5e9), ("2TB", 2e12), ("0", 0), ("7", 7), ("20GiB", 20e9)]
)
def test_the_bound_is_what_the_environment_says(
    given: str, expected: float, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", given)
    assert find_bound() == expected


@pytest.mark.parametrize("given", ["much", "-1", "1e9", "G"])
def test_what_is_no_size_is_refused(given: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", given)
    with pytest.raises(BadInput, match=f"UNROLLED_CACHE_SIZE {given}: expected a size, such as 500M"):
        find_bound()


def test_without_it_the_bound_is_a_tenth_of_the_disk_or_ten_gigabytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UNROLLED_CACHE_SIZE", raising=False)
    # The folder need not be there.
    monkeypatch.setenv("UNROLLED_CACHE", str(folder / "no" / "such"))
    for size, expected in ((10**12, 10**10), (5 * 10**9, 5 * 10**8)):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, size=size: SimpleNamespace(total=size))
        assert find_bound() == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2_000_000, "2.0 MB"), (3e10, "30.0 GB")],
)
def test_sizes_are_said_in_words(size: int, expected: str) -> None:
    assert format_size(int(size)) == expected
