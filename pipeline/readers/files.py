"""The user's files: which of them are train, validation and test, and their text. Compression is undone.

A split's word in a file's name says which it is, whatever stands before and after: train.csv, en_ewt-ud-dev.conllu,
eng.testb, train-00000-of-00002.parquet; or the name of the folder that it is in: test/metadata.csv.
"""

import bz2
import codecs
import difflib
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from pipeline.errors import BadInput, list_names, shorten
from pipeline.files import exists
from pipeline.readers import archives
from pipeline.readers.request import Request, Say

WORDS = {
    "train": frozenset(("train", "training")),
    "validation": frozenset(("valid", "validation", "val", "dev", "devel", "development", "testa")),
    "test": frozenset(("test", "testing", "testb")),
}
# Words that mean a split where nothing else does: "tr" is Turkish too, and "eval" beside a test file is validation.
ABBREVIATIONS = {"tr": "train", "trn": "train", "tst": "test", "eval": "test", "evaluation": "test"}
NOT_DATA = re.compile(r"(readme|license|licence|copying|source|notice|citation|changelog|authors)\b", re.IGNORECASE)
NOT_TEXT = frozenset(
    ".md .rst .pdf .html .htm .py .ipynb .sh .png .jpg .jpeg .gif .bmp .tif .tiff .webp .wav .flac .mp3 .ogg "
    ".opus .m4a .npy .npz .pkl .pt .h5 .keras .zip .tar .tgz .7z .rar .md5 .sha256 .bib .tex .xml .ids .yml "
    ".yaml .toml .cfg".split()
)
# Files that a message names.
SHOWN = 10
SHARD = re.compile(r"-\d{5}-of-\d{5}")
OPENERS: dict[str, Callable] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
MAGIC = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ": ".xz"}
# What a compressed file may hold, in bytes: one of a few kilobytes can claim any size.
LARGEST = 8 * 2**30
# Or times those that it is packed in, beyond a size that does no harm; text is packed to a tenth.
RATIO, SMALL = 250, 2**28

# What Unicode files other than UTF-8 start with. UTF-32 comes first: its mark starts as UTF-16's does.
BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def suffix(path: Path) -> str:
    """Return a name's ending in lower case, that of a compression left out: ".csv" of data.CSV.gz."""
    name = path.name.lower()
    for ending in OPENERS:
        name = name.removesuffix(ending)
    return Path(name).suffix


def find_split(name: str, folder: str = "") -> str | None:
    """Return the split that a file's name says, else that of the folder it is in; None if neither says any.

    Raises BadInput if a name says two.
    """
    for part in (name, folder):
        words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", part)]
        said = [split for split, known in WORDS.items() if not known.isdisjoint(words)]
        if len(said) > 1:
            raise BadInput(
                f"{part}: its name says both {said[0]} and {said[1]}: rename it, or say which it is with "
                f"{' or '.join(f'--{split}-file' for split in said)}."
            )
        said = said or [ABBREVIATIONS[word] for word in words if word in ABBREVIATIONS]
        if said:
            return said[0]
    return None


def find(request: Request, kinds: Sequence[Sequence[str]], say: Say, *, prefer: str = "") -> dict[str, list[Path]]:
    """Return the files of each split: "train" always, "validation" and "test" where there are any.

    A split has several files where it comes in shards, train-00000-of-00002 and so on. A folder with a single file of
    data has no other train file. What has no split in its name is left out, and said.
    kinds: endings of names, such as (".csv", ".tsv"), the preferred kind first. The first kind of which there is a
    train file is read; after them any other file of text.
    prefer: a word in the names of those files that are taken where several claim one split.
    Raises BadInput if the path is missing, if there is no train file, or if two files claim one split.
    """
    named = {split: [resolve(request, split)] for split in WORDS if split in request.files}
    path = check_exists(request.path)
    if not path.is_dir():
        return _order({"train": [path]} | named)
    listed = [_list(path, kind) for kind in (*kinds, None)]
    for files in listed:
        if "train" in named or any(_split(file, path) == "train" for file in files):
            return _order(_divide(path, files, named=named, say=say, prefer=prefer))
    alone = next((files for files in listed if len(files) == 1), None)
    if alone and not _split(alone[0], path):
        return _order({"train": alone} | named)
    raise BadInput(_no_train_file(path, kinds[0]))


def _divide(
    path: Path, files: list[Path], named: dict[str, list[Path]], say: Say, *, prefer: str
) -> dict[str, list[Path]]:
    """Return the files of each split, those that are named in place of what their names say."""
    given = [file for chosen in named.values() for file in chosen]
    found: dict[str, list[Path]] = {}
    left = []
    for file in files:
        split = _split(file, path)
        if file in given or split in named:
            continue
        found.setdefault(split, []).append(file) if split else left.append(file)
    _tell_evaluation_from_test(found)
    for split, claiming in found.items():
        found[split] = claiming = [file for file in claiming if prefer in file.name.lower()] or claiming
        _check_one(path, split, claiming)
    if left:
        say(f"{path}: left out, as no split is in their names: {list_names((file.name for file in left), SHOWN)}")
    tell_splits(path, found, say)
    return found | named


def tell_splits(path: Path, found: Mapping[str, list[Path]], say: Say) -> None:
    """Say which files are taken for which split, unless their names are the words for it and no more."""
    plain = all(
        SHARD.sub("", file.name).split(".")[0].lower() in WORDS[split] for split in found for file in found[split]
    )
    if not plain:
        ordered = _order(dict(found)).items()
        names = [f"{split} {list_names((file.name for file in files), 2)}" for split, files in ordered]
        say(f"{path}: by their names, {', '.join(names)}; --train-file, --validation-file, --test-file name others")


def resolve(request: Request, split: str) -> Path:
    """Return the path given by --SPLIT-file: as it stands, or inside the folder of --data."""
    given = request.files[split]
    inside = request.path / given
    return check_exists(given if exists(given) or not exists(inside) else inside, f"--{split}-file")


def check_exists(path: Path, option: str = "--data") -> Path:
    """Return the path, or for an archive the folder that it is unpacked to; BadInput if there is none."""
    try:
        if not path.exists():
            raise BadInput(_missing(path, option))
        return archives.unpack(path) if archives.is_archive(path) else path
    except OSError as error:
        raise BadInput(f"{option} {path!s:.300}: cannot be read: {error.strerror or error}.") from None


def _list(folder: Path, suffixes: Sequence[str] | None) -> list[Path]:
    """Return the files of data in a folder, and in folders in it that are named for a split or hold all there is."""

    def is_data(file: Path) -> bool:
        if file.name.startswith((".", "_")) or NOT_DATA.match(file.name) or not file.is_file():
            return False
        return suffix(file) in suffixes if suffixes else suffix(file) not in NOT_TEXT

    try:
        entries = sorted(folder.iterdir())
        files = [file for file in entries if is_data(file)]
        inside = [entry for entry in entries if entry.is_dir() and not entry.name.startswith((".", "_"))]
        if any(_split(file, folder) == "train" for file in files):
            return files
        alone = len(inside) == 1 and not files
        for entry in inside:
            if alone or entry.name.lower() in ("data", "annotations", "corpus", "raw") or _split(entry, folder):
                files += [file for file in sorted(entry.iterdir()) if is_data(file)]
    except OSError as error:
        raise BadInput(f"--data {folder}: cannot be read: {error.strerror}.") from None
    return files


def _split(file: Path, folder: Path) -> str | None:
    try:
        return find_split(file.name, file.parent.name if file.parent != folder else "")
    except BadInput as error:
        raise BadInput(f"{file.parent}/{error}") from None


def _tell_evaluation_from_test(found: dict[str, list[Path]]) -> None:
    """Beside a file named test, one named eval is validation, unless there is another."""
    named = [file for file in found.get("test", []) if not re.search("eval", file.name, re.IGNORECASE)]
    others = [file for file in found.get("test", []) if file not in named]
    if named and others and "validation" not in found:
        found["test"], found["validation"] = named, others


def _check_one(path: Path, split: str, claiming: list[Path]) -> None:
    if len(claiming) > 1 and len({SHARD.sub("", file.name) for file in claiming}) > 1:
        names = [str(file.relative_to(path)) for file in claiming]
        count = "two" if len(names) == 2 else str(len(names))
        named = list_names(names, SHOWN, between=" and ")
        raise BadInput(
            f"--data {path}: {count} files for the {split} split: {named}. Say which it is: --{split}-file {names[0]}"
        )


def _order(found: dict[str, list[Path]]) -> dict[str, list[Path]]:
    return {split: found[split] for split in WORDS if split in found}


def _no_train_file(path: Path, suffixes: Sequence[str]) -> str:
    there = list_names((entry.name for entry in sorted(path.iterdir())), SHOWN) or "nothing"
    return (
        f"--data {path}: no train file in this directory. Expected a name with the word train in it "
        f"(and, if you have them, {'|'.join(sorted(WORDS['validation']))} and test) that ends with "
        f"{', '.join(suffixes)}, such as train{suffixes[0]}. There: {there}. "
        "Say which it is with --train-file (and --validation-file, --test-file), or give the path of one file."
    )


def read_bytes(path: Path) -> bytes:
    """Return what a file holds, unpacked if it is compressed; BadInput if it is missing, damaged or absurdly large."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
        kind = next((ending for mark, ending in MAGIC.items() if head.startswith(mark)), None)
        if kind is None:
            return path.read_bytes()
        with OPENERS[kind](path, "rb") as file:
            return _read_at_most(path, file)
    except FileNotFoundError:
        raise BadInput(_missing(path, "--data")) from None
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"{path}: cannot be read: {reason}.") from None


def _read_at_most(path: Path, file: IO[bytes]) -> bytes:
    content, most = io.BytesIO(), max(SMALL, RATIO * path.stat().st_size)
    while part := file.read(2**20):
        content.write(part)
        if content.tell() > most:
            raise BadInput(
                f"{path}: unpacked, it is over {RATIO} times as large; if you trust it, unpack it yourself first."
            )
        if content.tell() > LARGEST:
            raise BadInput(f"{path}: unpacked, it is larger than {LARGEST // 2**30} GiB; unpack it yourself first.")
    return content.getvalue()


def end_plainly(text: str) -> str:
    """Return a text whose lines end with "\\n", not as on Windows; some programs write "\\r\\r\\n"."""
    return re.sub("(?<!\r)\r+\n", "\n", text)


def read_text(path: Path, encoding: str = "utf-8", content: bytes | None = None) -> str:
    """Return the text of a file, its lines ended by "\\n", without a byte order mark.

    content: what is in it, if that has been read already; the path is for messages then.
    Line ends of Windows, and of old Macs if the file has no other, become "\\n". Nothing else is changed.
    Raises BadInput if the file is missing, not text, in another encoding, or has nothing but blank lines.
    """
    text = decode(path, read_bytes(path) if content is None else content, encoding)
    if "\r" in text:
        text = end_plainly(text)
        if "\n" not in text:
            text = text.replace("\r", "\n")
    if not text:
        raise BadInput(f"{path}: the file is empty.")
    if not text.strip():
        raise BadInput(f"{path}: the file has nothing but blank lines.")
    if text.startswith("version https://git-lfs.github.com/"):
        raise BadInput(f"{path}: a pointer of Git LFS, not the file itself; fetch that with: git lfs pull")
    return text


def refuse_page(path: Path, text: str) -> None:
    """Raise BadInput for a page of the web, which is what a download gives that asks for a login."""
    if re.match(r"\s*<(?:!doctype html|html)\b", text, re.IGNORECASE):
        raise BadInput(f"{path}: a page of the web (HTML), not data; did the download ask for a login?")


def read_lines(path: Path, encoding: str = "utf-8", content: bytes | None = None) -> list[str]:
    """Return the lines of read_text, without their ends; only a line end ends a line, never U+2028.

    Raises BadInput as read_text does, and for a carriage return inside a line: the line ends are mixed.
    """
    text = read_text(path, encoding, content)
    check_line_ends(path, text)
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def check_line_ends(path: Path, text: str) -> None:
    """Raise BadInput for a carriage return inside a line of read_text."""
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        raise BadInput(describe_return(path, line))


def describe_return(path: Path, line: int) -> str:
    """Return what is said of a carriage return inside a line."""
    return (
        f"{path}:{line}: a carriage return inside the line; the file's line ends are mixed. "
        f"Convert it: tr '\\r' '\\n' < '{path}' > '{path.stem}.lines{path.suffix}', or remove it."
    )


def decode(path: Path, data: bytes, encoding: str) -> str:
    """Return the text of what is in a file, without a byte order mark; BadInput, with the line, where it is none."""
    for mark, marked in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            encoding = marked
            break
    else:
        zero = data.find(b"\0")
        if zero >= 0 and not re.match("utf.?(16|32)", encoding, re.IGNORECASE):
            raise BadInput(f"{path}: a binary file (a zero byte at offset {zero}); text is expected.")
    try:
        codecs.lookup(encoding)
        text = data.decode(encoding).removeprefix("\ufeff")
        # Some other codecs make half of a surrogate pair, which is no text that could be written again.
        if encoding != "utf-8":
            text.encode()
    except UnicodeDecodeError as error:
        line = max(data.count(b"\n", 0, error.start), data.count(b"\r", 0, error.start)) + 1
        raise BadInput(
            f"{path}:{line}: not {encoding.upper()}: byte 0x{data[error.start]:02x} at offset {error.start} of the "
            "file. Say how it is written, such as --encoding cp1252 (Western Windows) or --encoding latin-1."
        ) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise BadInput(f"{path}:{line}: half of a surrogate pair, read as {encoding}; mend it, or --encoding") from None
    # What codecs that are written in Python raise, such as those of names of domains.
    except UnicodeError as error:
        reason = shorten(str(error))
        raise BadInput(f"{path}: not {encoding.upper()}: {reason}. Say how it is written: --encoding") from None
    except (LookupError, ValueError):
        name = shorten(encoding)
        raise BadInput(f"--encoding {name}: no encoding of that name; expected utf-8, cp1252 ...") from None
    return text


def _missing(path: Path, option: str) -> str:
    # The first part that is missing is the one to mend; what follows it cannot be there either.
    part = next(part for part in (*reversed(path.parents), path) if not exists(part))
    try:
        siblings = [sibling.name for sibling in part.parent.iterdir()]
    # A zero byte in the name of the folder.
    except (OSError, ValueError):
        siblings = []
    close = difflib.get_close_matches(part.name, siblings, n=1, cutoff=0.5)
    hint = f" Did you mean {str(part.parent / close[0])!r:.300}?" if close else ""
    return f"{option} {path!s:.300}: no such file or directory.{hint} The current directory is {Path.cwd()}."
