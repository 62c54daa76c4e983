import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import runs
from pipeline.errors import BadInput
from pipeline.fields import Label, Tokens


def test_a_file_is_left_whole_if_writing_the_new_one_fails(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        runs.write(path, fail)
    assert {found.name: found.read_text() for found in tmp_path.iterdir()} == {"scores.json": "old"}


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.json"
    runs.write_json(path, {"name": "ü", "score": 1.5})
    seen = []

    def save(temporary: Path) -> None:
        temporary.write_text("{}")
        seen.append((temporary.suffix, path.read_text()))

    runs.write(path, save)
    assert seen == [(".json", '{\n "name": "ü",\n "score": 1.5\n}\n')]
    assert [found.name for found in path.parent.iterdir()] == ["scores.json"]


def test_the_name_of_a_file_that_is_not_unicode_comes_back_as_it_was(tmp_path: Path) -> None:
    named = {"data": os.fsdecode(b"/data/caf\xe9.csv")}
    runs.write_json(tmp_path / "config.json", named)
    assert runs.read_json(tmp_path / "config.json") == named


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"task": "pos",\n "incl', r"config.json:2: the file is damaged"),
        (b"\x80\x04\xff\x00", "config.json: the file is damaged"),
        (b"", "config.json:1: the file is damaged"),
        (b"[1]", "config.json: the file is damaged"),
        (b"[" * 100_000, "config.json: the file is damaged"),
        (b'{"task": 5, "include": [], "options": {}, "data": ""}', "no 'task' of the right kind"),
        (b'{"task": "pos", "include": [], "options": [], "data": ""}', "no 'options' of the right kind"),
        (b'{"task": "pos", "include": [], "options": {}}', "no 'data' of the right kind"),
    ],
)
def test_a_damaged_config_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(BadInput, match=message):
        runs.read_config(tmp_path)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no config.json there"):
        runs.read_config(tmp_path)
    with pytest.raises(BadInput, match="no such folder"):
        runs.read_config(tmp_path / "missing")


def test_fields_come_back_as_they_were(tmp_path: Path) -> None:
    field = Tokens(100, 50, 1)
    field.fit([("a", "ß")])
    runs.save_fields(tmp_path, input=field)
    assert runs.restore_field(tmp_path, "input", Tokens(100, 50, 1)) == field


@pytest.mark.parametrize(
    "content",
    [
        '{"type": "Label", "labels": ["a", "b"',
        '{"type": "Label", "labels": 5}',
        '{"type": "Label", "labels": null}',
        '{"type": "Label", "labels": [1, 2]}',
        '{"type": "Label", "labels": ["a", "b"], "more": 1}',
        '{"type": "Label"}',
        '{"type": "Number", "labels": ["a"]}',
        "{}",
        "[]",
        "",
    ],
)
def test_a_damaged_field_is_refused_once(content: str, tmp_path: Path) -> None:
    (tmp_path / "fields").mkdir()
    (tmp_path / "fields" / "output.json").write_text(content)
    with pytest.raises(BadInput) as caught:
        runs.restore_field(tmp_path, "output", Label())
    assert str(caught.value).count("output.json") == 1 and "damaged" in str(caught.value)


def test_a_missing_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"output.json: the file is missing"):
        runs.restore_field(tmp_path, "output", Label())


def test_the_environment_is_described_without_git_too(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = runs.describe_environment("CPU")["commit"]
    assert commit is None or len(commit) == 40
    monkeypatch.setattr(runs, "shutil", SimpleNamespace(which=lambda _: None))
    found = runs.describe_environment("CPU")
    assert found["commit"] is None and found["device"] == "CPU" and "numpy" in found["packages"]
