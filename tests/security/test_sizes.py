"""Files of data that would take all memory, all of the disk, or hours: each is refused soon, in one line."""

import gzip
import io
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import tasks
from harness import data
from harness.options import defaults
from pipeline import cache
from pipeline.errors import BadInput
from pipeline.fields import recording
from pipeline.fields.edits import marks, tags
from pipeline.fields.picture import read_image
from pipeline.fields.tokenizers import divide_sentence, divide_words, tokenize
from pipeline.readers import aligned, archives, files
from pipeline.readers.tabular import json_records, values
from tests.harness import read_bytes

Write = Callable[[Path], object]


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    started = time.perf_counter()
    yield
    assert time.perf_counter() - started < 10


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is unpacked."""
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    return cache.make_own(tmp_path / "cache")


def read(task: str, path: Path) -> object:
    found = tasks.get(task)
    return data.read(found, defaults(found).replace(data=str(path)))


# Images and sound.


def write_png(width: int, height: int) -> bytes:
    """Return the head of a PNG, and no pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + check + struct.pack(">I", 0) + b"IDAT" + bytes(4)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("png", write_png(60_000, 60_000), "million pixels"),
        ("ppm", b"P6 65535 65535 255\n", "million pixels"),
        # Pillow would start Ghostscript for it.
        ("png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) run\n", "not an image of a kind"),
        ("png", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", "not an image"),
    ],
    ids=["of 3,600 million pixels", "of 4,295 million pixels", "a program of PostScript", "a drawing"],
)
def test_an_image_that_is_none_or_far_too_large(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{name}"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read_image(path, 16)


def test_a_recording_of_a_hundred_hours(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    soundfile.write(path, np.zeros(8000), 8000)
    content = bytearray(path.read_bytes())
    # The number of samples has 36 bits, after 10 bytes of sizes, 20 bits of the rate, and 8 of channels and width.
    content[21] = content[21] & 0xF0 | 0x0
    content[22:26] = struct.pack(">I", 360_000 * 8000)
    path.write_bytes(content)
    assert soundfile.info(path).frames == 360_000 * 8000
    with pytest.raises(BadInput, match="2,880,000,000 samples in 1 channels; at most 100,000,000"):
        recording.read(path)
    with pytest.raises(BadInput, match="at most 100,000,000"):
        recording.check(path)


def test_a_recording_of_two_thousand_million_samples_a_second(tmp_path: Path) -> None:
    path = tmp_path / "fast.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    content = bytearray(path.read_bytes())
    # Brought to another rate, it would take a filter of as many numbers.
    content[24:28] = struct.pack("<I", 2**31 - 1)
    path.write_bytes(content)
    with pytest.raises(BadInput, match="2,147,483,647 samples a second; at most 768,000"):
        recording.read(path)


# Archives and compressed files.


def write_zip(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write_tar(path: Path, *members: tarfile.TarInfo, content: bytes = b"x") -> None:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


# In the words of Python, and of ours where it has no filters.
OUTSIDE, NEITHER = "outside the destination|outside of the folder", "neither a file nor a folder"
LEAVES, ABSOLUTE = f"{OUTSIDE}|{NEITHER}", f"absolute path|{NEITHER}"


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("x.zip", lambda path: write_zip(path, a=bytes(2**22)), "over 250 times"),
        ("x.zip", lambda path: write_zip(path, **{f"{n}": b"" for n in range(60)}), "it holds more than 50 files"),
        ("x.tar.gz", lambda path: write_tar(path, member("a"), content=bytes(2**22)), "over 250 times"),
        ("x.tar.gz", lambda path: write_tar(path, *(member(f"{n}") for n in range(60))), "it holds more than 50 files"),
        ("x.tar.gz", lambda path: write_tar(path, member("../../a")), OUTSIDE),
        ("x.tar.gz", lambda path: write_tar(path, member("a/../../../b")), OUTSIDE),
        ("x.tar.gz", lambda path: write_tar(path, member("a", tarfile.SYMTYPE, "/etc")), "a symbolic link"),
        ("x.tar", lambda path: write_tar(path, member("a", tarfile.SYMTYPE, ".."), member("a/b")), "a symbolic link"),
        ("x.tar", lambda path: write_tar(path, member("a", tarfile.LNKTYPE, "gone")), f"'gone' not found|{NEITHER}"),
        ("x.tar.gz", lambda path: write_tar(path, member("a", tarfile.LNKTYPE, "/etc/passwd")), ABSOLUTE),
        ("x.tar.gz", lambda path: write_tar(path, member("a", tarfile.LNKTYPE, "../../b")), LEAVES),
        ("x.tar.gz", lambda path: write_tar(path, member("a", tarfile.CHRTYPE)), f"special file|{NEITHER}"),
        ("x.tar.gz", lambda path: write_tar(path, member("a", tarfile.FIFOTYPE)), f"special file|{NEITHER}"),
    ],
    ids="zip-of-zeros zip-of-files tar-of-zeros tar-of-files tar-above tar-above-by-a-folder link link-and-through-it "
    "hard-link-to-nothing hard-link hard-link-above device pipe".split(),
)  # fmt: skip
def test_an_archive_that_unpacks_to_too_much_or_elsewhere(
    name: str, write: Write, message: str, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "SMALL", 2**20)
    monkeypatch.setattr(archives, "MEMBERS", 50)
    write(tmp_path / name)
    before = read_bytes(tmp_path)
    with pytest.raises(BadInput, match=message):
        archives.unpack(tmp_path / name)
    assert read_bytes(tmp_path) == before


def test_a_zip_whose_members_are_named_for_other_folders(kept: Path, tmp_path: Path) -> None:
    write_zip(tmp_path / "x.zip", **{"../../../above": b"x", "/from/the/root": b"x", "..\\windows": b"x"})
    folder = archives.unpack(tmp_path / "x.zip")
    assert len(list(folder.rglob("*"))) > 2 and not (tmp_path / "above").exists()
    assert all(path.is_relative_to(kept) for path in tmp_path.rglob("*") if path.name != "x.zip" and path != kept)


@pytest.mark.parametrize("ending", ["zip", "tar"])
@pytest.mark.parametrize("names", [[""], ["."], ["a", "a/b"], ["a/b", "a"], ["a/"], ["a" * 300], ["a\0b"]])
def test_an_archive_whose_members_cannot_be_files(ending: str, names: list[str], kept: Path, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(zipfile.ZipInfo(name), b"x")
    else:
        with tarfile.open(path, "w") as packed:
            for name in names:
                member = tarfile.TarInfo(name)
                member.size = 1
                packed.addfile(member, io.BytesIO(b"x"))
    # Refused in one message, or what can be unpacked is.
    try:
        archives.unpack(path)
    except BadInput as error:
        assert "\n" not in str(error)


def test_a_compressed_text_of_zeros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SMALL", 2**20)
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(bytes(2**23)))
    with pytest.raises(BadInput, match="unpacked, it is over 250 times as large"):
        files.read_bytes(tmp_path / "train.csv.gz")


# Tables and arrays.


def test_a_table_of_parquet_that_repeats_one_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    values_of_one = pyarrow.DictionaryArray.from_arrays(np.zeros(20_000_000, "int8"), ["a text"])
    parquet.write_table(pyarrow.table({"text": values_of_one}), tmp_path / "train.parquet")
    with pytest.raises(BadInput, match="20,000,000 cells in a file of"):
        read("sentiment", tmp_path / "train.parquet")


def test_an_array_that_is_said_to_have_a_million_million_numbers(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(9))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content.replace(b"(9,), }" + b" " * 12, b"(1000000000000,), }"))
    (tmp_path / "train.csv").write_text("file,label\na.npy,x\n")
    with pytest.raises(BadInput, match=r"a\.npy"):
        read("series", tmp_path / "train.csv")


def test_an_array_of_pickled_objects_is_not_run(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([Bomb(tmp_path / "ran")], dtype=object), allow_pickle=True)
    (tmp_path / "train.csv").write_text("file,label\na.npy,x\n")
    with pytest.raises(BadInput, match="pickle|Object arrays"):
        read("series", tmp_path / "train.csv")
    assert not (tmp_path / "ran").exists()


class Bomb:
    """What makes a file where it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "content",
    [
        '{"text": ' + "[" * 10**6,
        '{"text": "a", "label": ' + "9" * 10**6 + "}",
        '{"text": "a", "label": ' + '{"a":' * 10**5 + "1" + "}" * 10**5 + "}",
        "{" + ", ".join(f'"{number}": 1' for number in range(200_000)) + ', "199999": 2}',
    ],
    ids=["a million brackets", "a number of a million digits", "a hundred thousand objects", "a key that comes again"],
)
def test_json_that_nests_or_counts_without_end(content: str, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(content)
    with pytest.raises(BadInput, match=r"train\.jsonl"):
        read("sentiment", tmp_path / "train.jsonl")
    with pytest.raises((ValueError, RecursionError)):
        json_records.parse(content)


@pytest.mark.parametrize(
    "entities",
    [
        "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "laughs"}">' for n in range(12)),
        '<!ENTITY e11 SYSTEM "file:///etc/hostname">',
    ],
    ids=["that unfold without end", "of another file"],
)
def test_xml_with_entities(entities: str, tmp_path: Path) -> None:
    unit = "<tu><tuv xml:lang='en'><seg>a&e11;</seg></tuv><tuv xml:lang='fr'><seg>b</seg></tuv></tu>"
    (tmp_path / "train.tmx").write_text(f"<!DOCTYPE tmx [{entities}]><tmx><body>{unit * 3}</body></tmx>")
    with pytest.raises(BadInput, match=r"train\.tmx"):
        read("translation", tmp_path / "train.tmx")


@pytest.mark.needs("yaml")
def test_settings_whose_aliases_unfold_without_end(tmp_path: Path) -> None:
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]" for n in range(30)]
    (tmp_path / "data.yml").write_text("\n".join([*lines, "data: {train_features_file: *a29, src: *a29}"]))
    with pytest.raises(BadInput, match=r"data\.yml"):
        read("translation", tmp_path / "data.yml")


# Texts on which an expression that looks for the end of something, anew from each beginning, takes hours.

MANY = 100_000


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (marks.accept, "[-" * MANY),
        (marks.accept, "{+" * MANY),
        (lambda text: aligned.SEGMENT.findall(text), "<seg>" * MANY),
        (lambda text: aligned.SEGMENT.findall(text), "<seg " * MANY),
        (lambda text: values.FRACTION.fullmatch(text), "1/1" + " " * MANY + "x"),
        (lambda text: values.FRACTION.fullmatch(text), "1" * MANY + "x"),
        (lambda text: values.UNITS.fullmatch(text), " " * MANY + "1" + " " * MANY + "x"),
        (lambda text: files.read_text(Path("x"), content=text.encode()), "x" + "\r" * MANY + "\n" + "\r" * MANY),
        (tokenize, "a-" * MANY),
        (divide_words, "'" * MANY + "<" * MANY),
        (lambda text: divide_sentence(text, "word"), "a." * MANY),
        (lambda text: tags.find_changes("x", text), "a " * (MANY // 4)),
        (lambda text: tags.find_changes("x", text), "(" * (MANY // 4)),
    ],
)
def test_a_text_that_no_expression_takes_long_for(use: Callable[[str], object], text: str) -> None:
    started = time.perf_counter()
    use(text)
    assert time.perf_counter() - started < 3
