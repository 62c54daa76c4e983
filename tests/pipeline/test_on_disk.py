"""Items on the disk: they are what a list of them would be."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import on_disk
from pipeline.example import Alternatives, Continued, Example, Token
from pipeline.on_disk import OnDisk, Writer, concatenate, gather, keep_as, read_side, select
from tests.harness import ROOT, linux

EXAMPLES = [
    Example("a film", "good", "x.csv:2"),
    Example(Continued("goes on"), "on <end>", "x.txt:3", "speaker"),
    Example((Token("The", ("the",)), "film"), ("DET", "NOUN"), "x.conllu:1"),
    Example("un film", Alternatives(("a film", "one film"))),
    Example("", None),
    Example(0.1, 3),
]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnDisk:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    found = gather(EXAMPLES, on_disk=True)
    assert isinstance(found, OnDisk)
    return found


def test_what_is_read_is_what_was_written_with_its_types(kept: OnDisk) -> None:
    assert list(kept) == EXAMPLES and len(kept) == len(EXAMPLES)
    for found, expected in zip(kept, EXAMPLES, strict=True):
        assert type(found.input) is type(expected.input) and type(found.output) is type(expected.output)
        assert repr(found) == repr(expected)


@pytest.mark.parametrize("place", [0, 3, -1, -2, -6, slice(2, 5), slice(None, None, 2), slice(None, -2), slice(4, 2)])
def test_places_and_slices_are_those_of_a_list(kept: OnDisk, place: int | slice) -> None:
    found = kept[place]
    assert (list(found) if isinstance(place, slice) else found) == EXAMPLES[place]


@pytest.mark.parametrize("place", [6, -7, 100])
def test_beyond_its_ends_there_is_nothing(kept: OnDisk, place: int) -> None:
    with pytest.raises(IndexError):
        kept[place]


def test_what_is_chosen_joined_and_made_of_them_stays_on_the_disk(kept: OnDisk) -> None:
    mask = np.array([True, False, True, False, False, True])
    assert list(select(kept, mask)) == select(EXAMPLES, mask) == [EXAMPLES[0], EXAMPLES[2], EXAMPLES[5]]
    joined = concatenate(kept[3:], kept[:2])
    assert isinstance(joined, OnDisk) and list(joined) == EXAMPLES[3:] + EXAMPLES[:2]
    other = concatenate(gather(EXAMPLES[:1], on_disk=True), kept)
    assert isinstance(other, OnDisk) and list(other) == EXAMPLES[:1] + EXAMPLES
    assert isinstance(keep_as(kept, reversed(EXAMPLES)), OnDisk)
    assert concatenate(EXAMPLES[:2], EXAMPLES[4:]) == EXAMPLES[:2] + EXAMPLES[4:]
    side = read_side(kept, lambda one: one.origin)
    assert list(side) == list(side) == [one.origin for one in EXAMPLES]
    assert side[1] == "x.txt:3" and list(side[1:3]) == ["x.txt:3", "x.conllu:1"]


def test_answers_come_in_the_order_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    writer = Writer()
    writer.extend([{"c": 1}, ("b",), "a"])
    assert list(writer.finish(np.array([2, 1, 0]))) == ["a", ("b",), {"c": 1}]


def test_no_file_is_left(kept: OnDisk, tmp_path: Path) -> None:
    assert not list(tmp_path.iterdir())


def test_a_file_is_large_by_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_disk, "LARGE", 10)
    for name, size in (("a.txt", 10), ("b.txt", 11), ("c.txt.gz", 4)):
        (tmp_path / name).write_bytes(b"x" * size)
    assert [on_disk.is_large([tmp_path / name]) for name in ("a.txt", "b.txt", "c.txt.gz", "")] == [
        False,
        True,
        True,
        False,
    ]
    assert on_disk.is_large([tmp_path / "a.txt"] * 2)


# Half a gigabyte of examples, gathered, divided, compared and read again.
HOLDING = """
import sys
from harness.process.cost import peak_ram_megabytes
from pipeline import findings, splits
from pipeline.example import Example
from pipeline.fields import Label, Text
from pipeline.on_disk import gather
from operator import attrgetter
from pipeline.on_disk import read_side

count = int(sys.argv[1])
found = gather((Example(f"{n} " + "x" * 5000, "ab"[n % 2], f"x:{n}") for n in range(count)), on_disk=True)
before = peak_ram_megabytes()
made = splits.complete({"train": found}, stratify=True)
given, wanted = Text(), Label()
given.fit(read_side(made["train"], attrgetter("input")))
wanted.fit(read_side(made["train"], attrgetter("output")))
equal = list(findings.find_equal(made, given, wanted))
print(peak_ram_megabytes(), before, [len(one) for one in made.values()], equal)
"""


@linux
@pytest.mark.slow
def test_half_a_gigabyte_takes_little_memory(tmp_path: Path) -> None:
    environment = os.environ | {"UNROLLED_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", HOLDING, "100000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    peak, before = map(int, done.stdout.split()[:2])
    assert "[80000, 10000, 10000] []" in done.stdout
    # In memory there are the positions and hashes of the examples, and counts of their words.
    assert before < 150 and peak < 250
