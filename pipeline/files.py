"""Text files of the user's: the files of the splits, and their text, checked. And files written whole."""

import difflib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import BadInput

SPLIT_WORDS = {
    "train": ("train",),
    "validation": ("valid", "validation", "val", "dev", "devel"),
    "test": ("test",),
}

# What Unicode files other than UTF-8 start with. UTF-32 comes first: its mark starts as UTF-16's does.
BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def find(path: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """Return the file of each split: "train" always, "validation" and "test" where there is one.

    path: one file, which is all "train", or a directory of files that have a split's word in their names.
    suffixes: what the names of the files in a directory may end with, such as (".csv", ".tsv").
    Raises BadInput if the path is missing, or if the train file is, or if two files claim one split.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise BadInput(_missing(path))
        if not path.is_dir():
            return {"train": path}
        entries = sorted(path.iterdir())
    except OSError as error:
        raise BadInput(f"--data {path}: cannot be read: {error.strerror}.") from None
    found: dict[str, Path] = {}
    for file in entries:
        if file.name.startswith(".") or file.suffix.lower() not in suffixes or not file.is_file():
            continue
        words = set(re.findall("[a-z]+", file.stem.lower()))
        for split, names in SPLIT_WORDS.items():
            if words.isdisjoint(names):
                continue
            claimed = next((other for other, taken in found.items() if taken == file), None)
            if claimed:
                raise BadInput(f"{file}: its name says both {claimed} and {split}: rename it.")
            if split in found:
                raise BadInput(
                    f"--data {path}: two files for the {split} split: {found[split].name} and {file.name}. "
                    "Keep one of them there, or give the path of one file."
                )
            found[split] = file
    if "train" not in found:
        there = ", ".join(entry.name for entry in entries[:10]) + (", ..." if len(entries) > 10 else "")
        raise BadInput(
            f"--data {path}: no train file in this directory. Expected a name with the word train in it "
            f"(and, if you have them, {'|'.join(SPLIT_WORDS['validation'])} and test) that ends with "
            f"{', '.join(suffixes)}, such as train{suffixes[0]}. There: {there or 'nothing'}. "
            "To train on one file, give its own path."
        )
    return {split: found[split] for split in SPLIT_WORDS if split in found}


def read_text(path: Path, data: bytes | None = None) -> str:
    """Return the text of a UTF-8 file, its lines ended by "\\n", without a byte order mark.

    data: what is in the file, if it has been read already; the path is for messages then.
    Line ends of Windows, and of old Macs if the file has no other, become "\\n". Nothing else is changed.
    Raises BadInput if the file is missing, not text, not UTF-8, or has nothing but blank lines.
    """
    try:
        data = path.read_bytes() if data is None else data
    except FileNotFoundError:
        raise BadInput(_missing(path)) from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}.") from None
    text = _decode(path, data)
    if "\r" in text:
        text = re.sub("\r+\n", "\n", text)  # some programs write "\r\r\n"
        if "\n" not in text:
            text = text.replace("\r", "\n")
    if not text:
        raise BadInput(f"{path}: the file is empty.")
    if not text.strip():
        raise BadInput(f"{path}: the file has nothing but blank lines.")
    return text


def read_lines(path: Path, data: bytes | None = None) -> list[str]:
    """Return the lines of `read_text`, without their ends; only a line end ends a line, never U+2028.

    Raises BadInput as read_text does, and for a carriage return inside a line: the line ends are mixed.
    """
    text = read_text(path, data)
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        raise BadInput(
            f"{path}:{line}: a carriage return inside the line; the file's line ends are mixed. "
            f"Convert it: tr '\\r' '\\n' < '{path}' > '{path.stem}.lines{path.suffix}', or remove it."
        )
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _decode(path: Path, data: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            raise BadInput(
                f"{path}: {encoding} text (it starts with the byte order mark {mark.hex(' ')}); "
                f"UTF-8 is expected. Convert it: {_conversion(encoding, path)}"
            )
    zero = data.find(b"\0")
    if zero >= 0:
        raise BadInput(
            f"{path}: a binary file (a zero byte at offset {zero}); UTF-8 text is expected. "
            "If it is compressed, unpack it first."
        )
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = max(data.count(b"\n", 0, error.start), data.count(b"\r", 0, error.start)) + 1
        raise BadInput(
            f"{path}:{line}: not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start} of the file. "
            f"Convert it: {_conversion('WINDOWS-1252', path)} (or whichever encoding it was written in)"
        ) from None


def _conversion(encoding: str, path: Path) -> str:
    return f"iconv -f {encoding} -t UTF-8 '{path}' > '{path.stem}.utf8{path.suffix}'"


def _missing(path: Path) -> str:
    # The first part that is missing is the one to mend; what follows it cannot be there either.
    part = next(part for part in (*reversed(path.parents), path) if not part.exists())
    try:
        siblings = [sibling.name for sibling in part.parent.iterdir()]
    except OSError:
        siblings = []
    close = difflib.get_close_matches(part.name, siblings, n=1, cutoff=0.5)
    hint = f" Did you mean {str(part.parent / close[0])!r}?" if close else ""
    return f"--data {path}: no such file or directory.{hint} The current directory is {Path.cwd()}."


# What the names of files and folders begin with that are not finished; if their process is killed, they stay.
UNFINISHED = ".unfinished."
_unfinished: set[Path] = set()


def write(path: Path, save: Callable[[Path], Any]) -> None:
    """Write a file whole or not at all: `save` is given a temporary path in the same folder, with the same suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with remove_at_end(path.with_name(f"{UNFINISHED}{os.getpid()}.{path.name}")) as temporary:
        save(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)


def check_folder(folder: Path, option: str) -> None:
    """Refuse, with BadInput, a folder that can neither be written to nor made. option: the one that names it."""
    there = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise BadInput(f"{folder}: {there} cannot be written to; name another folder with {option}")


@contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder for what is not finished, in a folder, which need not exist, or where temporary files go."""
    if parent:
        parent.mkdir(parents=True, exist_ok=True)
    with remove_at_end(Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=parent))) as folder:
        yield folder


@contextmanager
def remove_at_end(path: Path) -> Iterator[Path]:
    """Remove a file or folder at the end, if it is there; `remove_unfinished` removes it if the end does not come."""
    _unfinished.add(path)
    try:
        yield path
    finally:
        remove(path)
        _unfinished.discard(path)


def remove_unfinished() -> None:
    """Remove what this process would have removed later; to be called when it is about to be ended."""
    for path in list(_unfinished):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
