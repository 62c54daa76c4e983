import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tasks
from harness import runs
from harness.runs.restored import restore_options
from harness.runs.schema import FORMAT, Config
from pipeline import fields
from pipeline.errors import BadInput
from pipeline.fields import Label, Tokens
from tests.harness import ROOT

CONFIG: Config = {"task": "sentiment", "include": {}, "options": {}, "data": ""}
LINE = {"epoch": 1, "loss": 0.5, "validation_f1": None, "seconds": 1, "compiling": 0.0, "tokens_per_second": 9}
SCORES = {
    "run": "runs/sentiment/simple-s0", "task": "sentiment", "scores": {"accuracy": 0.5, "loss": None},
    "monitor": "accuracy", "validation": 0.5, "best_epoch": 1, "epochs": 2, "weights": 9, "seconds": 1.0,
    "compiling": 0, "tokens_per_second_answering": None, "megabytes": 9, "baselines": {"guess": {"accuracy": None}},
}  # fmt: skip


def test_a_file_is_left_whole_if_writing_the_new_one_fails(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        runs.write(path, fail)
    assert {found.name: found.read_text() for found in tmp_path.iterdir()} == {"scores.json": "old"}


def test_a_name_that_is_not_utf_8_is_written_with_its_escape(tmp_path: Path) -> None:
    runs.write_text(tmp_path / "runs.csv", "ü,a\udc80\n")
    assert (tmp_path / "runs.csv").read_bytes() == "ü,a\\udc80\n".encode()


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
    assert runs.read_json(tmp_path / "config.json", dict) == named


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"task": "pos",\n "incl', r"config.json:2: the file is damaged"),
        (b"\x80\x04\xff\x00", "config.json: the file is damaged"),
        (b"", "config.json:1: the file is damaged"),
        (b"[1]", "config.json: the file is damaged"),
        (b"[" * 100_000, "config.json: the file is damaged"),
        (b'{"task": 5, "include": [], "options": {}, "data": ""}', "task: expected str, got int"),
        (b'{"task": "pos", "include": [], "options": [], "data": ""}', "options: expected object, got array"),
        (b'{"task": "pos", "include": [], "options": {}}', "missing required field data"),
        (b'{"task": "pos", "include": [7], "options": {}, "data": ""}', "expected str, got int"),
        (
            b'{"format": 2, "task": "pos", "include": {"a.py": 7}, "options": {}, "data": ""}',
            r"include.*expected str | null, got int",
        ),
        (b'{"task": "pos", "include": [], "options": {"units": "8"}, "data": ""}', "units: expected int, got str"),
        (b'{"task": "pos", "include": [], "options": {"header": "x"}, "data": ""}', "header: invalid enum value 'x'"),
        (b'{"task": "pos", "include": [], "options": {"shade": 1}, "data": ""}', "the option 'shade' is not of this"),
        (b'{"task": "pos", "include": [], "options": {}, "data": "", "more": 1}', "the key 'more' is unknown"),
        (b'{"format": 0, "task": "pos", "include": [], "options": {}, "data": ""}', r"format: expected int >= 1"),
        (b'{"format": "2", "task": "pos", "include": [], "options": {}, "data": ""}', r"format: expected int, got str"),
    ],
)
def test_a_damaged_config_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(BadInput, match=message):
        restore_options(tmp_path, tasks.get("pos"), runs.read_config(tmp_path))


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no config.json there"):
        runs.read_config(tmp_path)
    with pytest.raises(BadInput, match="no such folder"):
        runs.read_config(tmp_path / "missing")


@pytest.mark.parametrize(("writer", "named"), [({}, "Unrolled"), ({"unrolled": "9.1"}, "Unrolled 9.1")])
def test_a_run_of_a_later_format_is_refused_with_who_wrote_it(writer: dict, named: str, tmp_path: Path) -> None:
    # Whatever else stands there then.
    runs.write_json(tmp_path / "config.json", {"format": FORMAT + 1, "options": [], **writer})
    with pytest.raises(BadInput, match=f"a run of format {FORMAT + 1}, which a later {named} wrote.*: update it"):
        runs.read_config(tmp_path)


def begin(directory: Path, **fields: Any) -> Config:
    """Write what a run begins with, and return its config as it is read."""
    config = {"task": "pos", "include": {}, "options": {}, "data": ""}
    runs.begin(directory, config, "JAX on CPU", **fields)
    return runs.read_config(directory)


def test_a_run_says_its_format_and_the_version_that_began_it(tmp_path: Path) -> None:
    config = begin(tmp_path)
    project = (ROOT / "pyproject.toml").read_text()
    assert config["format"] == FORMAT and f'\nversion = "{config["unrolled"]}"\n' in project


def test_fields_come_back_as_they_were(tmp_path: Path) -> None:
    field = Tokens(100, 50, 1)
    # As a text has it that is not UTF-8.
    field.fit([("a", "ß", "\udc80")])
    config = begin(tmp_path, input=field)
    assert runs.restore_field(tmp_path, "input", field=Tokens(100, 50, 1), config=config) == field


def test_a_field_that_is_not_as_it_was_written_is_refused(tmp_path: Path) -> None:
    field = Tokens(100, 50, 1)
    field.fit([("a", "b")])
    config = begin(tmp_path, input=field)
    path = tmp_path / "fields" / "input.json"
    field.words.reverse()
    runs.write_json(path, fields.save(field))
    with pytest.raises(BadInput, match="input.json: the file is damaged .it is not as config.json says"):
        runs.restore_field(tmp_path, "input", field=Tokens(100, 50, 1), config=config)
    # Which format 1 did not say.
    del config["fields"]
    assert runs.restore_field(tmp_path, "input", field=Tokens(100, 50, 1), config=config) == field


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
        runs.restore_field(tmp_path, "output", field=Label(), config=CONFIG)
    assert str(caught.value).count("output.json") == 1 and "damaged" in str(caught.value)


def test_a_missing_field_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"output.json: the file is missing"):
        runs.restore_field(tmp_path, "output", field=Label(), config=CONFIG)


def test_the_environment_is_described_without_git_too(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = runs.describe_environment("CPU")["commit"]
    assert commit is None or len(commit) == 40
    monkeypatch.setattr(runs, "shutil", SimpleNamespace(which=lambda _: None))
    found = runs.describe_environment("CPU")
    assert found["commit"] is None and found["device"] == "CPU" and "numpy" in found["packages"]


def write_lines(directory: Path, *lines: Any, end: bytes = b"") -> Path:
    """Write metrics.jsonl: each line as JSON, or as it is."""
    path = directory / "metrics.jsonl"
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"".join(text + b"\n" for text in texts) + end)
    return path


@pytest.mark.parametrize("end", [b"", b'{"epoch": 2, "lo', b"\xff\n\n", json.dumps(LINE | {"epoch": 2}).encode()])
def test_lines_after_the_last_finished_epoch_are_dropped_whatever_they_are(end: bytes, tmp_path: Path) -> None:
    path = write_lines(tmp_path, LINE, end=end)
    assert runs.read_metrics(tmp_path, 1, "f1") == [LINE]
    runs.cut_metrics(tmp_path, 1, "f1")
    assert path.read_text() == json.dumps(LINE) + "\n"
    runs.cut_metrics(tmp_path, 0, "f1")
    assert path.read_text() == ""


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (b'{"epoch": 2, "lo', "Unterminated string"),
        (b"\xff\xfe", "can't decode byte 0xff"),
        (b"", "Expecting value"),
        (b"7", "expected object, got int"),
        (LINE, "expected epoch 2, got 1"),
        (LINE | {"epoch": "2"}, "epoch: expected int, got str"),
        (LINE | {"epoch": 2, "loss": float("nan")}, "loss: expected float, got null"),
        (LINE | {"epoch": 2, "validation_f1": "high"}, "expected float | null, got str"),
        (LINE | {"epoch": 2, "more": 1}, "the key 'more' is unknown"),
        ({"epoch": 2}, "missing required field"),
        (
            {name: value for name, value in (LINE | {"epoch": 2}).items() if name != "validation_f1"},
            "it has no validation_f1",
        ),
        (LINE | {"epoch": 2, "seconds": -1.5}, "seconds: expected float >= 0.0"),
    ],
)
def test_a_damaged_line_of_a_finished_epoch_is_refused_with_its_place(
    second: Any, message: str, tmp_path: Path
) -> None:
    path = write_lines(tmp_path, LINE, second, LINE | {"epoch": 3})
    before = path.read_bytes()
    with pytest.raises(BadInput) as caught:
        runs.cut_metrics(tmp_path, 3, "f1")
    assert str(caught.value).startswith(f"{path}:2: the file is damaged (") and message in str(caught.value)
    assert path.read_bytes() == before


def test_a_line_that_is_missing_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path, LINE)
    with pytest.raises(BadInput, match=r"metrics.jsonl:2: the file is damaged"):
        runs.read_metrics(tmp_path, 2, "f1")
    with pytest.raises(BadInput, match=r"metrics.jsonl:1: the file is damaged"):
        runs.read_metrics(tmp_path / "nowhere", 2, "f1")


def test_scores_come_back_and_what_is_not_finite_is_not_a_number(tmp_path: Path) -> None:
    runs.write_json(tmp_path / "scores.json", SCORES | {"scores": {"accuracy": 0.5, "loss": float("inf")}})
    assert json.loads((tmp_path / "scores.json").read_text()) == SCORES
    found = runs.read_scores(tmp_path, CONFIG)
    assert found["scores"]["accuracy"] == 0.5 and found["weights"] == 9
    assert str(found["scores"]["loss"]) == str(found["baselines"]["guess"]["accuracy"]) == "nan"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "pos"}, "expected scores of the task 'sentiment', got 'pos'"),
        ({"monitor": "f1"}, "it monitors 'f1', and has no such score"),
        ({"best_epoch": 3}, "the best epoch is 3 of 2"),
        ({"best_epoch": 0}, "best_epoch: expected int >= 1"),
        ({"scores": {"accuracy": "good"}}, "scores[...]: expected float | null, got str"),
        ({"weights": True}, "weights: expected int, got bool"),
        ({"samples": [{"input": {}, "output": ""}]}, "samples[0].input: expected "),
    ],
)
def test_damaged_scores_are_refused(change: dict, message: str, tmp_path: Path) -> None:
    runs.write_json(tmp_path / "scores.json", SCORES | change)
    with pytest.raises(BadInput) as caught:
        runs.read_scores(tmp_path, CONFIG)
    assert str(caught.value).startswith(f"{tmp_path / 'scores.json'}: the file is damaged (")
    assert message in str(caught.value)


def test_the_environment_is_that_of_the_beginning_and_says_what_changed_when_the_run_went_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    config = begin(tmp_path)
    first = json.loads((tmp_path / "environment.json").read_text())
    runs.go_on(tmp_path, config, include={}, device="JAX on CPU", epoch=1)
    assert json.loads((tmp_path / "environment.json").read_text()) == first
    runs.go_on(tmp_path, config, include={}, device="JAX on GPU", epoch=2)
    monkeypatch.setattr(sys, "argv", ["run.py", "train", "\udcff"])
    runs.go_on(tmp_path, config, include={}, device="JAX on GPU", epoch=3)
    # As it began, with another command.
    runs.go_on(tmp_path, config, include={}, device="JAX on CPU", epoch=3)
    resumed = [
        {"epoch": 2, "device": "JAX on GPU"},
        {"epoch": 3, "command": ["run.py", "train", "\udcff"]},
        {"epoch": 3, "device": "JAX on CPU"},
    ]
    found = json.loads((tmp_path / "environment.json").read_text())
    assert found | {"checksum": first["checksum"]} == first | {"resumed": resumed}
    capsys.readouterr()
    runs.tell_device(tmp_path, "JAX on GPU")
    expected = "trained on JAX on CPU, then JAX on GPU; now on JAX on GPU: the last digits may differ\n"
    assert capsys.readouterr().err == expected


def test_nothing_is_said_of_the_same_device_nor_where_none_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    runs.tell_device(tmp_path, "JAX on CPU")
    begin(tmp_path)
    runs.tell_device(tmp_path, "JAX on CPU")
    assert capsys.readouterr().err == ""
    (tmp_path / "environment.json").write_text('{"device": 5}')
    with pytest.raises(BadInput, match=r"environment.json: the file is damaged .device: expected str, got int"):
        runs.tell_device(tmp_path, "JAX on CPU")
