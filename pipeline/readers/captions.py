"""Captions: image files and what they show.

In a table, in COCO's JSON, in the lists that Flickr8k and 30k have, in the list of IAM's handwritten words, or in the
name of each file, as collections of captchas have it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.errors import BadInput, list_names
from pipeline.example import Alternatives, Example, Splits
from pipeline.fields.picture import Picture
from pipeline.readers import files, media
from pipeline.readers.faults import BadRow, Faults
from pipeline.readers.request import Request, Say
from pipeline.readers.tabular import tables, values
from pipeline.readers.tabular.records import SUFFIXES
from pipeline.readers.tabular.sides import TEXT, Side
from pipeline.readers.tabular.values import short

ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
# "1000_ab.jpg#0": the number of the caption.
NUMBERED = re.compile(r"(.+\.\w{3,4})#\w+")


def read(request: Request, say: Say) -> Splits:
    """Return one picture per image file, with its caption, or all of its captions as `Alternatives` if it has several.

    The tables are those of tables.read: also COCO's JSON, Karpathy's, and rows of `image#number TAB caption`
    (Flickr8k). Where an image is: see media.Finder.find. Lists of images beside the table that are named for the splits
    (Flickr_8k.testImages.txt) divide it.
    A row without its image is left out, counted and said. Raises BadInput as tables.read does.
    """
    if named := _find_named(request.path):
        say(f"{request.path}: no table, so what an image shows is its name, such as {values.short(named[0].output)}")
        return {"train": named}
    if listed := _find_handwriting(request):
        return {"train": _read_handwriting(listed, request, say)}
    lists = _find_lists(request)
    if lists and request.path.is_dir() and "train" not in request.files:
        request = replace(request, path=_find_captions(request.path, lists))
    # Beside its captions COCO has boxes and keypoints of the same splits.
    found = files.find(request, (SUFFIXES, (".txt", ".token")), say, prefer="caption")
    image = Side("image", partial(_read_image, media.Finder(ENDINGS, request)), _fit_image)
    splits = tables.read_files(found, request, say=say, sides=(image, replace(TEXT, name="caption")))
    grouped: Splits = {split: _group(examples) for split, examples in splits.items()}
    return _divide(grouped["train"], lists, say) if lists and grouped.keys() == {"train"} else grouped


def _read_image(finder: media.Finder, value: object, folder: Path) -> Picture:
    name = values.text(value).strip()
    numbered = NUMBERED.fullmatch(name)
    name = numbered[1] if numbered else name
    path = finder.find(name, folder)
    if path is None:
        message = (
            f"there is no image {values.short(name)} in {folder} or a folder in it; mend the name, or remove the row"
        )
        raise BadRow("there is no such image", message)
    return Picture.from_file(path, name)


def _fit_image(column: Sequence[object], folder: Path) -> float:
    """Return the share of names of images."""
    names = [value.split("#")[0].lower() for value in column if isinstance(value, str)]
    return sum(name.endswith(ENDINGS) for name in names) / len(column) if column else 0.0


def _group(rows: Sequence[Example]) -> list[Example]:
    """Group rows (one per caption) into one example per image, in the order in which the images come first."""
    captions: dict[Picture, dict[str, str]] = {}
    groups = {row.input: row.group for row in reversed(rows)}
    for row in rows:
        captions.setdefault(row.input, {}).setdefault(row.output, row.origin)
    return [
        Example(
            picture,
            Alternatives(found) if len(found) > 1 else next(iter(found)),
            next(iter(found.values())),
            groups[picture],
        )
        for picture, found in captions.items()
    ]


# IAM's handwriting: "a01-000u-00-00 ok 154 408 768 27 51 AT A", the image, whether it is well cut, and what it says.

HANDWRITTEN = re.compile(r"[a-z]\d\d-\d{3}\w?-\d\d(?:-\d\d)? (?:ok|err) ")
# Between that and the text.
NUMBERS = 6


def _find_handwriting(request: Request) -> Path | None:
    """Return IAM's list of words or lines, given or in the folder that is given; None if there is none."""
    candidates = [request.path / "words.txt", request.path / "lines.txt"] if request.path.is_dir() else [request.path]
    for file in candidates:
        if file.suffix == ".txt" and file.is_file() and not request.files:
            lines = files.read_text(file, request.encoding).split("\n", 100)
            if HANDWRITTEN.match(next((line for line in lines if line.strip() and not line.startswith("#")), "")):
                return file
    return None


def _read_handwriting(path: Path, request: Request, say: Say) -> list[Example]:
    finder, faults = media.Finder(ENDINGS, request), Faults(path, request.strict)
    examples: list[Example] = []
    for number, line in enumerate(files.read_lines(path, request.encoding), 1):
        if line.strip() and not line.startswith("#"):
            with faults.row(number):
                name, status, *rest = [*line.split(" "), ""]
                if status == "err":
                    raise BadRow("marked as cut wrongly", missing=True)
                if not HANDWRITTEN.match(line) or len(rest) < NUMBERS + 2:
                    message = f"expected an image, ok or err, numbers and a text: {short(line)}."
                    raise BadRow("no line of IAM's list", message)
                text = " ".join(rest[NUMBERS:]).strip().replace("|", " ")
                examples.append(Example(_read_image(finder, name, path.parent), text, f"{path.name}:{number}"))
    faults.conclude(len(examples), say)
    return examples


# Images that are named for what they show.


def _find_named(folder: Path) -> list[Example]:
    """Return the images of a folder that holds nothing else, each with its name as the caption; none if it is no such.

    Names that count the images, IMG_0017 say, tell nothing, and are refused.
    """
    if not folder.is_dir():
        return []
    entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    images = [entry for entry in entries if entry.suffix.lower() in ENDINGS]
    if len(images) < 2 or len(images) < len(entries):
        return []
    kinds = {re.sub(r"\d+", "", image.stem) for image in images}
    numbers = [int(found[-1]) for image in images if (found := re.findall(r"\d+", image.stem))]
    if len(kinds) == 1 and len(numbers) == len(images) and max(numbers) - min(numbers) < 2 * len(numbers):
        raise BadInput(
            f"--data {folder}: images without a table of what they show, and with names that only count them, such as "
            f"{images[0].name}. Expected a table beside them, such as metadata.csv with the columns image and caption."
        )
    return [Example(Picture.from_file(image, image.name), image.stem, image.name) for image in images]


# Flickr8k's lists.


def _find_lists(request: Request) -> dict[str, Path]:
    """Return the files beside the table that hold nothing but names of images and are named for a split."""
    folder = request.path if request.path.is_dir() else request.path.parent
    found = {}
    for file in sorted(folder.glob("*.txt")):
        split = files.find_split(file.name)
        if split and file != request.path and file not in request.files.values():
            lines = file.read_text("utf-8", errors="replace").split("\n")
            if all(line.strip().lower().endswith(ENDINGS) and "\t" not in line for line in lines if line.strip()):
                found[split] = file
    return found if "train" in found else {}


def _find_captions(folder: Path, lists: Mapping[str, Path]) -> Path:
    """Return the file of captions beside lists of images; BadInput if there are none or several."""
    named = [file for file in sorted(folder.glob("*.txt")) if file not in lists.values() and "token" in file.name]
    # Flickr8k has them once more, each word brought to its root.
    plain = [file for file in named if "lemma" not in file.name]
    if len(plain) != 1:
        names = list_names(file.name for file in named) or "none"
        raise BadInput(f"--data {folder}: expected one file of captions, such as Flickr8k.token.txt; found {names}.")
    return plain[0]


def _divide(examples: Sequence[Example], lists: Mapping[str, Path], say: Say) -> Splits:
    say(f"divided by {list_names(path.name for path in lists.values())}")
    splits: Splits = {}
    for split in files.WORDS:
        if split in lists:
            names = {line.strip() for line in files.read_lines(lists[split])}
            splits[split] = [example for example in examples if str(example.input) in names]
    left = len(examples) - sum(map(len, splits.values()))
    if left:
        say(f"{left:,} images are in none of these lists, and left out")
    return splits
