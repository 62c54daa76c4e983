import tarfile
from pathlib import Path
from typing import Any

import pytest

from harness.runs.packed import pack, unpack
from pipeline import files


def test_a_directory_that_is_written_to_is_packed_so_that_the_run_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "run"
    (directory / "fields").mkdir(parents=True)
    for name in ("state.npz", "metrics.jsonl", "best.keras", f"{files.UNFINISHED}1-a.state.npz", "fields/input.json"):
        (directory / name).write_text("before")
    add = tarfile.TarFile.add

    def write(archive: tarfile.TarFile, path: Path, **given: Any) -> None:
        add(archive, path, **given)
        if path.name == "state.npz":
            (directory / "metrics.jsonl").write_text("after")
            (directory / "best.keras").unlink()

    monkeypatch.setattr(tarfile.TarFile, "add", write)
    unpack(pack(directory), tmp_path / "there")
    found = {str(path.relative_to(tmp_path / "there")): path.read_text() for path in (tmp_path / "there").rglob("*.*")}
    assert found == {"state.npz": "before", "metrics.jsonl": "after", "fields/input.json": "before"}


def test_a_folder_is_packed_and_takes_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "run" / "fields").mkdir(parents=True)
    (tmp_path / "run" / "fields" / "input.json").write_text("{}")
    (tmp_path / "there" / "run").mkdir(parents=True)
    (tmp_path / "there" / "run" / "old").touch()
    unpack(pack(tmp_path / "run"), tmp_path / "there" / "run")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["run"]
    assert [str(path.relative_to(tmp_path / "there")) for path in (tmp_path / "there").rglob("*.*")] == [
        "run/fields/input.json"
    ]
    assert not (tmp_path / "there" / "run" / "old").exists()
