"""Caches: what is kept there is run, so a folder that others may write to is not used."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.runs import included
from models.backends import native_kernels
from pipeline import cache
from pipeline.errors import BadInput


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o700)
    return tmp_path / "cache"


def open_to_group(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.chmod(0o770)


def open_to_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.chmod(0o1777)


def belong_to_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    os.chown(path, 4711, -1)


def lead_to_an_open_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.rmdir()
    (path.parent / "open").mkdir(mode=0o700)
    (path.parent / "open").chmod(0o777)
    path.symlink_to("open")


ATTACKS = [open_to_group, open_to_all, belong_to_another, lead_to_an_open_folder]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_cache_that_others_may_write_to_is_not_used(
    attack: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack(folder, monkeypatch)
    said: list[str] = []
    cache.prepare(said.append)
    assert cache.folder() != folder and cache.folder().parent == Path(tempfile.gettempdir())
    assert len(said) == 1 and said[0].startswith(f"{folder}: ") and "what is kept between runs is in" in said[0]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_part_of_the_cache_that_others_may_write_to_is_not_used(
    attack: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = cache.make_own(folder / "jax")
    attack(part, monkeypatch)
    with pytest.raises(PermissionError):
        cache.make_own(part)


@pytest.mark.parametrize("attack", ATTACKS)
def test_kernels_are_not_loaded_from_a_folder_that_others_may_write_to(
    attack: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = cache.make_own(folder / "kernels")
    monkeypatch.setattr(native_kernels, "compile_library", lambda *given, **more: pytest.fail("compiled"))
    attack(kernels, monkeypatch)
    found = native_kernels.open_library("loops", kernels, say=print, xla=False)
    assert isinstance(found, str) and "another user may write to" in found


def test_a_private_folder_that_was_there_before_is_another_users(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to_all(folder, monkeypatch)
    (tmp_path / "elsewhere").mkdir()
    Path(tempfile.gettempdir(), f"unrolled-{os.geteuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="it is a link: name a folder that can be written to in UNROLLED_CACHE"):
        cache.prepare(print)


def test_a_list_of_trusted_files_that_others_may_write_to_is_not_believed(folder: Path) -> None:
    (folder / included.NAME).write_bytes(included._format(Path("/evil.py"), "0" * 64) + b"\n")
    (folder / included.NAME).chmod(0o666)
    with pytest.raises(BadInput, match="others may write to it"):
        included.read_list()
