import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.readers import idx
from pipeline.readers.request import Request
from pipeline.readers.tabular.columns import Columns

IMAGES = np.arange(2 * 5 * 4, dtype="uint8").reshape(2, 5, 4)
LABELS = np.array([7, 3], "uint8")


def write(array: np.ndarray, kind: int = 8) -> bytes:
    """Return the content of an IDX file, as its definition has it: big-endian."""
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def read(folder: Path) -> dict:
    return idx.read(Request(folder, Columns((), ())), lambda line: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(write(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(write(LABELS))
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(write(IMAGES[1:])))
    (tmp_path / "t10k-labels.idx1-ubyte.gz").write_bytes(gzip.compress(write(LABELS[1:])))
    (tmp_path / "readme.txt").write_text("no data")
    return tmp_path


def test_the_files_of_mnist_are_read_as_they_come(folder: Path) -> None:
    found = read(folder)
    assert [(split, [one.output for one in some]) for split, some in found.items()] == [
        ("train", ["7", "3"]),
        ("test", ["3"]),
    ]
    picture = found["train"][0].input
    # In a square: four columns became five.
    assert picture.side == 5
    assert np.array_equal(picture.pixels(5)[:, :4, 0], IMAGES[0]) and not picture.pixels(5)[:, 4].any()
    assert found["test"][0].input == found["train"][1].input
    assert found["train"][1].origin == "train-images-idx3-ubyte:2"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("train-images-idx3-ubyte", lambda old: old[:-1], "55 bytes, and by its head 56; it is damaged or cut short"),
        ("train-images-idx3-ubyte", lambda old: old[:6], "6 bytes, which end within its head; it is cut short"),
        ("train-images-idx3-ubyte", lambda old: b"GIF89a" + old, "not an IDX file"),
        ("train-images-idx3-ubyte", lambda old: write(LABELS), "expected bytes in 3 axes, got 1 axes of the type 0x08"),
        (
            "train-labels-idx1-ubyte",
            lambda old: write(LABELS, 13),
            "expected bytes in 1 axes, got 1 axes of the type 0x0d",
        ),
        (
            "train-labels-idx1-ubyte",
            lambda old: write(LABELS[:1]),
            "1 labels, and train-images-idx3-ubyte has 2 images",
        ),
        ("t10k-images-idx3-ubyte.gz", lambda old: old[:20], "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused_by_its_name(
    folder: Path, name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    with pytest.raises(BadInput, match=message) as caught:
        read(folder)
    assert name in str(caught.value)


def test_what_is_missing_is_said(folder: Path) -> None:
    (folder / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(BadInput, match="there are no labels of the train split beside train-images-idx3-ubyte"):
        read(folder)
    (folder / "train-images-idx3-ubyte").unlink()
    with pytest.raises(BadInput, match="no train-images-idx3-ubyte in this folder. There: readme.txt, t10k-"):
        read(folder)
    with pytest.raises(BadInput, match="expected the folder of train-images-idx3-ubyte"):
        read(folder / "readme.txt")
