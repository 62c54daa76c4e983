"""Tar archives, also where Python has no filters for their members (3.11.0 to 3.11.3)."""

import io
import tarfile
from pathlib import Path

import pytest

from pipeline.files import extract


def pack(**members: dict) -> tarfile.TarFile:
    """Return an archive with a member for each name; its attributes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for number, attributes in enumerate(members.values()):
            member = tarfile.TarInfo(f"plain-{number}")
            for name, value in attributes.items():
                setattr(member, name, value)
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    packed.seek(0)
    return tarfile.open(fileobj=packed)


@pytest.fixture(params=["filters", "none"])
def filters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "none":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    elif not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python has no filters")


def test_files_and_folders_are_unpacked(filters: None, tmp_path: Path) -> None:
    with pack(one={"name": "a", "type": tarfile.DIRTYPE, "mode": 0o755}, two={"name": "a/b.txt", "size": 3}) as archive:
        extract(archive, tmp_path / "new")
    assert (tmp_path / "new" / "a" / "b.txt").read_text() == "xxx"


@pytest.mark.parametrize(
    "member",
    [
        {"name": "../out", "size": 1},
        {"name": "a/../../out", "size": 1},
        {"name": "link", "type": tarfile.SYMTYPE, "linkname": "../out"},
        {"name": "link", "type": tarfile.LNKTYPE, "linkname": "../out"},
        {"name": "device", "type": tarfile.CHRTYPE},
    ],
)
def test_what_leaves_the_folder_is_refused(member: dict, filters: None, tmp_path: Path) -> None:
    with pack(good={"name": "good", "size": 1}, bad=member) as archive, pytest.raises(tarfile.TarError):
        extract(archive, tmp_path / "new")
    assert not (tmp_path / "out").exists()
