"""The command cache: what it shows, what it removes, and what it leaves."""

import json
import tempfile
from pathlib import Path

import pytest

from pipeline import cache
from pipeline.cache_contents import format_size
from run import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("cache", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    tmp_path = tmp_path / "cache"
    for path in ("encoded/key/checksums.json", "encoded/key/input.words.npy", "jax/program", "kernels/loops.so"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x" * 5000)
    (tmp_path / "included.jsonl").write_text("[]\n")
    return tmp_path


def list_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_kept_is_shown_by_kind(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["cache"]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    size = sum(path.stat().st_blocks * 512 for path in (folder / "encoded").rglob("*") if path.is_file())
    assert format_size(size) in rows["encoded"] and "today" in rows["encoded"] and "0 bytes" in rows["unpacked"]
    assert str(folder) in shown and "UNROLLED_CACHE_SIZE" in shown
    assert main(["cache", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["kinds"]["encoded"]["entries"] == 1 and content["kinds"]["encoded"]["bytes"] == size
    assert content["kinds"]["unpacked"] == {
        "holds": "archives that were unpacked", "entries": 0, "bytes": 0, "last_used": None, "in_use": 0
    }  # fmt: skip
    assert len(list_files(folder)) == 5


def test_one_kind_is_removed_or_all_but_what_the_user_named(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["cache", "encoded", "--empty"]) == 0
    assert " removed (encoded)" in capsys.readouterr().err
    assert list_files(folder) == ["included.jsonl", "jax/program", "kernels/loops.so"]
    assert main(["cache", "--empty", "kernels", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kinds"]["kernels"]["entries"] == 0
    assert main(["cache", "--empty"]) == 0
    assert list_files(folder) == ["included.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encoded"], "to remove it, give --empty too"),
        (["--empty", "kernel"], "unknown kind 'kernel'. Did you mean 'kernels'?"),
    ],
)
def test_what_cannot_be_meant_removes_nothing(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    before = list_files(folder)
    assert main(["cache", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list_files(folder) == before


def test_a_folder_that_others_may_write_to_is_not_emptied(folder: Path, capsys: pytest.CaptureFixture) -> None:
    folder.chmod(0o777)
    before = list_files(folder)
    assert main(["cache", "--empty"]) == 0
    assert "others may write to it" in capsys.readouterr().err
    assert list_files(folder) == before
    assert cache.folder() != folder


def test_a_bound_that_is_no_size_is_refused_before_anything_is_trained(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("UNROLLED_CACHE_SIZE", "plenty")
    assert main(["cache"]) == 2
    assert main(["train", "rating", "--runs", str(tmp_path / "runs")]) == 2
    assert capsys.readouterr().err.count("UNROLLED_CACHE_SIZE plenty: expected a size") == 2
    assert not (tmp_path / "runs").exists()
