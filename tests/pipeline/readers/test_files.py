"""Which file is which split, and what is in it, whatever its name, its compression and its encoding."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

import tasks
from harness import data
from harness.options import defaults
from pipeline.errors import BadInput
from pipeline.readers import archives, files
from pipeline.readers.request import Request
from pipeline.readers.tabular.columns import Columns

KINDS = ((".csv", ".tsv"), (".txt",))
NONE = Columns((), ())


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def find(folder: Path, said: list[str] | None = None, **given: str) -> dict[str, list[str]]:
    request = Request(folder, NONE, {split: Path(file) for split, file in given.items()})
    found = files.find(request, KINDS, (said if said is not None else []).append)
    return {split: [str(path.relative_to(folder)) for path in paths] for split, paths in found.items()}


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        ("training.csv testing.csv", "train test"),
        ("train.csv dev.csv test.csv", "train validation test"),
        ("train.csv eval.csv test.csv", "train validation test"),
        ("train.csv eval.csv", "train test"),
        ("my-train.csv my_val.csv my.test.csv", "train validation test"),
        ("sst_Train.tsv sst_Devel.tsv sst_TEST.tsv", "train validation test"),
        ("eng.train eng.testa eng.testb", "train validation test"),
        ("Flickr_8k.trainImages.txt Flickr_8k.devImages.txt Flickr_8k.testImages.txt", "train validation test"),
        ("ontonotes.tr.csv ontonotes.dev.csv", "train validation"),
        ("wnut17train.csv emerging.dev.csv emerging.test.annotated.csv", "train validation test"),
        ("train/metadata.csv test/metadata.csv", "train test"),
        ("data/train.csv data/test.csv", "train test"),
        ("train.csv.gz valid.csv.bz2 test.csv.xz", "train validation test"),
        ("train.dat test.dat", "train test"),
        ("opus.dev.tr.csv train.tr.csv", "validation train"),
    ],
)
def test_the_names_of_public_sets_say_their_split(names: str, splits: str, tmp_path: Path) -> None:
    expected = dict(zip(splits.split(), ([name] for name in names.split()), strict=True))
    assert find(make(tmp_path, *names.split(), "README.md", "LICENSE.txt", "readme.txt", "SOURCE.csv")) == expected


def test_shards_are_one_split(tmp_path: Path) -> None:
    shards = [f"train-0000{number}-of-00002.csv" for number in range(2)]
    assert find(make(tmp_path, *shards)) == {"train": shards}


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    assert find(make(tmp_path, "train.csv", "latest.csv", "other.csv"), said) == {"train": ["train.csv"]}
    assert said == [f"{tmp_path}: left out, as no split is in their names: latest.csv, other.csv"]


def test_which_file_is_which_is_said_where_the_names_are_not_plain(tmp_path: Path) -> None:
    said: list[str] = []
    find(make(tmp_path / "plain", "train.csv", "dev.csv", "test-00000-of-00001.csv"), said)
    assert not said
    find(make(tmp_path / "public", "nl_alpino-ud-train.csv", "nl_alpino-ud-dev.csv"), said)
    assert said == [
        f"{tmp_path / 'public'}: by their names, train nl_alpino-ud-train.csv, validation nl_alpino-ud-dev.csv; "
        "--train-file, --validation-file, --test-file name others"
    ]


def test_one_file_is_all_there_is_whatever_its_name(tmp_path: Path) -> None:
    assert find(make(tmp_path, "reviews.csv", "README.txt")) == {"train": ["reviews.csv"]}


def test_options_say_which_file_is_which(tmp_path: Path) -> None:
    make(tmp_path, "a.csv", "b.csv", "train.csv", "train.old.csv")
    with pytest.raises(BadInput, match=r"two files for the train split: train\.csv and train\.old\.csv.*--train-file"):
        find(tmp_path)
    said: list[str] = []
    found = find(tmp_path, said, train="train.old.csv", test=str(tmp_path / "b.csv"))
    assert found == {"train": ["train.old.csv"], "test": ["b.csv"]}
    assert said == [f"{tmp_path}: left out, as no split is in their names: a.csv"]
    with pytest.raises(BadInput, match=r"--test-file c\.csv: no such file or directory"):
        find(tmp_path, train="a.csv", test="c.csv")


def test_a_folder_without_a_train_file_names_the_option_and_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no train file.*There: a\.csv, b\.csv\. .*--train-file"):
        find(make(tmp_path, "a.csv", "b.csv"))


PACK = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("ending", PACK)
def test_compressed_files_are_read_whatever_their_name(ending: str, tmp_path: Path) -> None:
    for name in (f"a.csv.{ending}", "a.csv"):
        (tmp_path / name).write_bytes(PACK[ending]("naïve\r\n".encode()))
        assert files.read_lines(tmp_path / name) == ["naïve"]
        assert files.suffix(tmp_path / name) == ".csv"
    (tmp_path / "cut").write_bytes(PACK[ending](b"abc" * 9999)[:-9])
    with pytest.raises(BadInput, match="cut: cannot be read"):
        files.read_text(tmp_path / "cut")


def test_what_unpacks_to_more_than_is_sensible_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 2**21)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"a" * 2**23))
    with pytest.raises(BadInput, match="bomb.gz: unpacked, it is larger than"):
        files.read_text(tmp_path / "bomb.gz")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_says_the_encoding(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("süß 日本\n".encode(encoding))
    assert files.read_lines(tmp_path / "a.txt") == ["süß 日本"]


def test_other_encodings_are_read_where_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("café\n“quoted”\n".encode("cp1252"))
    with pytest.raises(BadInput, match=r"a\.txt:1: not UTF-8: byte 0xe9 .*--encoding cp1252"):
        files.read_text(path)
    assert files.read_text(path, "cp1252") == "café\n“quoted”\n"
    with pytest.raises(BadInput, match="--encoding klingon: no encoding of that name"):
        files.read_text(path, "klingon")


def archive(path: Path, members: dict[str, str]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as zipped:
            for name, text in members.items():
                zipped.writestr(name, text)
    else:
        with tarfile.open(path, "w:gz") as tarred:
            for name, text in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                tarred.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tgz"])
def test_an_archive_is_read_as_the_folder_in_it(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    path = archive(tmp_path / f"set.{ending}", {"set/train.csv": "a", "set/test.csv": "b", "set/README.md": ""})
    found = files.find(Request(path, NONE), KINDS, print)
    assert {split: paths[0].read_text() for split, paths in found.items()} == {"train": "a", "test": "b"}
    # Unpacked once.
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.csv")}
    files.find(Request(path, NONE), KINDS, print)
    assert before == {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.csv")}


@pytest.mark.parametrize("ending", ["zip", "tgz"])
def test_no_member_of_an_archive_leaves_its_folder(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "deep" / "cache"))
    path = archive(tmp_path / f"bad.{ending}", {"train.csv": "a", "../../../../evil.txt": "x", "/evil.txt": "y"})
    try:
        archives.unpack(path)
    except BadInput as error:
        assert "cannot be unpacked" in str(error)
    inside = {file for file in tmp_path.rglob("evil.txt")}
    assert not Path("/evil.txt").exists() and all("unpacked" in file.parts for file in inside)


def test_an_archive_that_is_damaged_or_larger_than_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(BadInput, match="a.zip: the archive cannot be unpacked"):
        archives.unpack(tmp_path / "a.zip")
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 3}))
    with pytest.raises(BadInput, match=r"b.zip: unpacked it is .* GiB free"):
        archives.unpack(archive(tmp_path / "b.zip", {"train.csv": "more than that"}))


@pytest.mark.parametrize(
    "encoding, content, match",
    [
        ("x\0y", b"a", "no encoding of that name"),
        ("hex", b"a", "no encoding of that name"),
        ("y" * 5000, b"a", "no encoding of that name"),
        ("punycode", b"a-[", "not PUNYCODE: .*Say how it is written"),
        ("idna", b"xn--\x80", "not IDNA"),
        ("unicode_escape", b"a\nb \\ud800", r"a\.txt:2: half of a surrogate pair, read as unicode_escape"),
        ("utf-7", b"+2AA-", r"a\.txt:1: half of a surrogate pair, read as utf-7"),
    ],
)
def test_an_encoding_that_makes_no_text_is_refused(encoding: str, content: bytes, match: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=match) as caught:
        files.read_text(path, encoding)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("given", ["~no such user/a.csv", "x" * 300, "a/" * 3000, "a\0b"])
def test_a_name_that_no_file_can_have_is_that_of_no_file(given: str, tmp_path: Path) -> None:
    task = tasks.get("sentiment")
    for option in ("data", "train_file"):
        options = defaults(task).replace(**{"data": str(tmp_path), option: given})
        with pytest.raises(BadInput, match="no such|cannot be read"):
            data.read(task, options)
