"""Encoded examples that are kept: the same as those that are not, made anew when they are damaged."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.batches import encoded_cache
from pipeline.batches.bucketing import Batches
from pipeline.batches.encoded import measure_all, read_column
from pipeline.batches.padding import measure
from pipeline.fields import Array, Text
from tests.harness import ROOT, linux, run_on_disk
from tests.models import fit

ARRAYS = (
    {"words": Array((None,), "int32", 9), "characters": Array((None, 3), "int32", 9)},
    {"output": Array((), "int32", 4), "image": Array((2, 2), "float32")},
)
COUNT = 30


def draw() -> tuple[list, list]:
    """Return examples of lengths from 1 to 9; the inputs of two neighbours are the same arrays."""
    generator = np.random.default_rng(0)
    inputs: list = []
    outputs = []
    for number in range(COUNT):
        length = generator.integers(1, 10)
        new = {
            "words": generator.integers(1, 9, length).astype("int32"),
            "characters": generator.integers(1, 9, (length, 3)).astype("int32"),
        }
        inputs.append(inputs[-1] if number == 7 else new)
        outputs.append(
            {"output": np.array(number % 4, "int32"), "image": generator.normal(size=(2, 2)).astype("float32")}
        )
    return inputs, outputs


@pytest.fixture
def encode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """A function that counts its calls; whatever it takes is worth keeping."""
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    monkeypatch.setattr(encoded_cache, "WORTH", 0.0)

    def encode() -> tuple[list, list]:
        encode.calls += 1
        return draw()

    encode.calls = 0
    return encode


def assert_same(kept: tuple, plain: tuple) -> None:
    for side, expected in zip(kept, plain, strict=True):
        assert len(side) == len(expected)
        for one, other in zip(side, expected, strict=True):
            assert one.keys() == other.keys()
            for name, array in other.items():
                assert one[name].dtype == array.dtype
                np.testing.assert_array_equal(one[name], array)


def test_the_second_start_does_not_encode_and_has_the_same_batches(encode: Callable) -> None:
    plain = draw()
    for _ in range(3):
        kept = encoded_cache.load_or_encode("name", ARRAYS, encode)
        assert_same(kept, plain)
    assert encode.calls == 1
    one, other = (Batches(side[0], ARRAYS[0], 4, side[1], ARRAYS[1], seed=1) for side in (plain, kept))
    for first, second in zip(one.plan(2), other.plan(2), strict=True):
        for left, right in zip(one.draw(*first), other.draw(*second), strict=True):
            np.testing.assert_equal(right, left)


def test_neighbours_that_share_their_arrays_are_kept_once(encode: Callable, tmp_path: Path) -> None:
    encoded_cache.load_or_encode("name", ARRAYS, encode)
    assert len(np.load(tmp_path / "encoded" / "name" / "input.words.ends.npy")) == COUNT - 1


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + b"x", lambda b: b"", None])
@pytest.mark.parametrize("file", ["input.words.npy", "input.words.ends.npy", "output.rows.npy", "checksums.json"])
def test_what_is_damaged_is_made_anew(file: str, damage: Callable | None, encode: Callable, tmp_path: Path) -> None:
    encoded_cache.load_or_encode("name", ARRAYS, encode)
    path = tmp_path / "encoded" / "name" / file
    path.write_bytes(damage(path.read_bytes())) if damage else path.unlink()
    for _ in range(2):
        assert_same(encoded_cache.load_or_encode("name", ARRAYS, encode), draw())
    assert encode.calls == 2
    assert [path.name for path in (tmp_path / "encoded").iterdir()] == ["name"]


def test_what_is_encoded_in_no_time_is_not_kept(
    encode: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoded_cache, "WORTH", 60.0)
    assert_same(encoded_cache.load_or_encode("name", ARRAYS, encode), draw())
    assert not list(tmp_path.iterdir())


def test_where_nothing_can_be_written_nothing_is_kept(encode: Callable, tmp_path: Path) -> None:
    (tmp_path / "encoded").write_text("no folder")
    for _ in range(2):
        assert_same(encoded_cache.load_or_encode("name", ARRAYS, encode), draw())
    assert encode.calls == 2


# A million numbers for a disk of a megabyte.
FILLING = """
import os, sys
os.environ["UNROLLED_CACHE"] = sys.argv[1]
import numpy as np
from pipeline.batches import encoded_cache
from pipeline.fields import Array
encoded_cache.WORTH = 0.0
rows = [{"words": np.full(1000, number, "int32")} for number in range(1000)]
arrays = [{"words": Array((None,), "int32", 1000)}] * 2
inputs, outputs = encoded_cache.load_or_encode("key", arrays, lambda: (rows, rows))
print(sum(int(row["words"].sum()) for row in inputs), os.listdir(os.path.join(sys.argv[1], "encoded")))
"""


def test_on_a_full_disk_nothing_is_kept(tmp_path: Path) -> None:
    done = run_on_disk(tmp_path, "1m", "-c", FILLING, tmp_path)
    assert done.returncode == 0 and done.stdout == f"{1000 * 1000 * 999 // 2} []\n", done.stderr


DISK = """
import os, sys
os.environ["UNROLLED_CACHE"] = sys.argv[1]
import numpy as np
from pipeline.batches import encoded_cache
from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.fields import Array
from pipeline.on_disk import gather
arrays = [{"words": Array((None,), "int32", 1000)}] * 2
row = {"words": np.full(1000, 7, "int32")}
try:
    encoded_cache.encode_to_disk(sys.argv[2] or None, arrays, lambda: ((row, row) for row in [row] * 1000))
except BadInput as error:
    print(error)
try:
    gather((Example("x" * 1000, "y") for _ in range(4000)), on_disk=True)
except OSError as error:
    print(error)
print(os.listdir(os.path.join(sys.argv[1], "encoded")))
"""


@pytest.mark.parametrize("key", ["key", ""])
def test_on_a_full_disk_what_memory_does_not_hold_ends_in_a_message(key: str, tmp_path: Path) -> None:
    # Each row is another one: neighbours that are the same are kept once.
    program = DISK.replace("[row] * 1000", "({'words': row['words'] + n} for n in range(1000))")
    done = run_on_disk(tmp_path, "1m", "-c", program, tmp_path, key)
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert "the encoded examples cannot be written: No space left on device; have UNROLLED_CACHE name" in first
    assert "No space left on device" in second and str(tmp_path) in second
    assert third == "[]"


@pytest.mark.parametrize("key", ["key", None])
def test_what_is_written_as_it_is_encoded_is_the_same(key: str | None, encode: Callable, tmp_path: Path) -> None:
    def pairs() -> Iterator[tuple]:
        return zip(*encode(), strict=True)

    for _ in range(2):
        kept = encoded_cache.encode_to_disk(key, ARRAYS, pairs)
        assert_same(kept, draw())
        for side, whole in zip(kept, draw(), strict=True):
            assert_same((side[5:20], side[::3]), (whole[5:20], whole[::3]))
    assert encode.calls == (1 if key else 2)
    # Without a key it is there for as long as it is used, and has no name.
    assert [path.name for path in (tmp_path / "encoded").iterdir()] == ([key] if key else [])


@pytest.mark.parametrize("side", [0, 1])
def test_lengths_and_columns_are_those_of_the_examples(side: int, encode: Callable) -> None:
    kept = encoded_cache.encode_to_disk(None, ARRAYS, lambda: zip(*encode(), strict=True))[side]
    assert measure_all(kept, ARRAYS[side]).tolist() == [measure(one, ARRAYS[side]) for one in draw()[side]]
    if side:
        np.testing.assert_array_equal(read_column(kept, "image"), np.stack([one["image"] for one in draw()[1]]))
        np.testing.assert_array_equal(read_column(kept[3:9], "output"), [one["output"] for one in draw()[1][3:9]])


READING = """
import os, sys
os.environ["UNROLLED_CACHE"] = sys.argv[1]
import numpy as np
from harness.process.cost import peak_ram_megabytes
from pipeline.batches import encoded_cache
from pipeline.fields import Array
count, length = 100_000, 1000
arrays = {"words": Array((None,), "int32", 9)}, {"output": Array((), "int32", 2)}
pairs = (({"words": np.full(length, n % 9, "int32")}, {"output": np.array(n % 2, "int32")}) for n in range(count))
inputs, outputs = encoded_cache.encode_to_disk("key", arrays, lambda: pairs)
order = np.random.default_rng(0).permutation(count)
print(sum(int(inputs[place]["words"][0]) for place in order), peak_ram_megabytes())
"""


@linux
@pytest.mark.slow
def test_four_hundred_megabytes_are_written_and_read_in_any_order_in_little_memory(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", READING, tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    total, peak = map(int, done.stdout.split())
    assert total == sum(number % 9 for number in range(100_000))
    assert peak < 250


def test_other_data_other_fields_and_other_code_have_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    field, other = (fit(Text(10, 20), texts) for texts in (["a b"], ["a c"]))
    names = [
        encoded_cache.cache_key(("data", "train"), field, field),
        encoded_cache.cache_key(("data", "train"), fit(Text(10, 20), ["a b"]), field),
    ]
    assert names[0] == names[1]
    names += [
        encoded_cache.cache_key(("data", "test"), field, field),
        encoded_cache.cache_key(("data", "train"), field, other),
    ]
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path.parent.name == "fields"))
    names.append(encoded_cache.cache_key(("data", "train"), field, field))
    assert len(set(names)) == 4
