"""Encoded examples that are kept: the same as those that are not, made anew when they are damaged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.batches import encoded_cache
from pipeline.batches.bucketing import Batches
from pipeline.fields import Array, Text
from tests.harness import run_on_disk
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
