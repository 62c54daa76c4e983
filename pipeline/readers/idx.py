"""IDX files, as MNIST and its kin come: an array of bytes after a head that says its shape.

train-images-idx3-ubyte   train-labels-idx1-ubyte   t10k-images-idx3-ubyte   t10k-labels-idx1-ubyte
"""

import re
from pathlib import Path

import numpy as np

from pipeline.errors import BadInput, list_names
from pipeline.example import Example, Splits
from pipeline.fields import Picture
from pipeline.readers import files
from pipeline.readers.request import Request, Say

# The split that the beginning of a name says; EMNIST and Fashion-MNIST have "test" where MNIST has "t10k".
SPLITS = {"train": "train", "t10k": "test", "test": "test", "validation": "validation", "val": "validation"}
NAME = re.compile(
    r"(?:.*[-_])?(train|t10k|test|validation|val)[-_](images|labels)[-_.]idx[13][-_]ubyte(\.(gz|bz2|xz))?"
)
# What stands for bytes in the head of a file.
BYTES = 8


def read(request: Request, say: Say) -> Splits:
    """Return the pictures of a folder's IDX files with their labels, "train" and those splits that are there.

    Raises BadInput, with the file, where one is missing, is cut short, or holds something else.
    """
    if not request.path.is_dir():
        raise BadInput(f"--data {request.path}: expected the folder of {', '.join(__doc__.split()[-4:])}")
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(request.path.iterdir()):
        if match := NAME.fullmatch(path.name.lower()):
            # The same file with and without compression: the first is as good.
            found.setdefault(SPLITS[match[1]], {}).setdefault(match[2], path)
    if "train" not in found:
        there = list_names(sorted(path.name for path in request.path.iterdir()), files.SHOWN) or "nothing"
        raise BadInput(f"--data {request.path}: no train-images-idx3-ubyte in this folder. There: {there}")
    return {split: read_split(request.path, split, found[split]) for split in files.WORDS if split in found}


def read_split(folder: Path, split: str, paths: dict[str, Path]) -> list[Example]:
    """Return the pictures of one split. paths: of its "images" and its "labels"."""
    for kind in ("images", "labels"):
        if kind not in paths:
            beside = next(iter(paths.values())).name
            raise BadInput(f"--data {folder}: there are no {kind} of the {split} split beside {beside}")
    images, labels = read_array(paths["images"], 3), read_array(paths["labels"], 1)
    if len(images) != len(labels):
        raise BadInput(
            f"{paths['labels']}: {len(labels):,} labels, and {paths['images'].name} has {len(images):,} images"
        )
    name = paths["images"].name
    return [
        Example(
            Picture.from_pixels(np.repeat(square(image)[:, :, None], 3, axis=2), f"{name}:{number}"),
            str(label),
            f"{name}:{number}",
        )
        for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True), 1)
    ]


def read_array(path: Path, axes: int) -> np.ndarray:
    """Return the array of a file, of uint8 and so many axes; BadInput if it holds another, or is cut short."""
    content = files.read_bytes(path)
    head = 4 + 4 * axes
    if len(content) < 4 or content[:2] != b"\0\0":
        raise BadInput(f"{path}: not an IDX file, which begins with two bytes of 0; is it whole?")
    if content[2] != BYTES or content[3] != axes:
        raise BadInput(f"{path}: expected bytes in {axes} axes, got {content[3]} axes of the type 0x{content[2]:02x}")
    if len(content) < head:
        raise BadInput(f"{path}: {len(content)} bytes, which end within its head; it is cut short")
    shape = np.frombuffer(content, ">u4", axes, offset=4).tolist()
    wanted = head + int(np.prod(shape, dtype="int64"))
    if len(content) != wanted:
        raise BadInput(f"{path}: {len(content):,} bytes, and by its head {wanted:,}; it is damaged or cut short")
    return np.frombuffer(content, "uint8", offset=head).reshape(shape)


def square(image: np.ndarray) -> np.ndarray:
    """Return an image in the middle of a dark square."""
    side = max(image.shape)
    before = [(side - size) // 2 for size in image.shape]
    return np.pad(image, [(start, side - size - start) for start, size in zip(before, image.shape, strict=True)])
