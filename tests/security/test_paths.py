"""Paths in data that lead elsewhere: nothing outside of the folder of the data is opened, unless it is allowed."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import tasks
from harness import data
from harness.options import defaults, restore
from harness.runs import location
from harness.runs.schema import FORMAT
from pipeline.errors import BadInput
from pipeline.example import Example

SAID: list[str] = []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of data, beside one that holds what is the user's own."""
    SAID.clear()
    for name in ("data", "own"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "text.txt").write_text("a text of my own")
        Image.new("RGB", (8, 8), "red" if name == "own" else "blue").save(tmp_path / name / f"{name}.png")
        soundfile.write(tmp_path / name / f"{name}.wav", np.zeros(8000), 8000)
        np.save(tmp_path / name / f"{name}.npy", np.arange(9.0))
    return tmp_path / "data"


def read(task: str, path: Path, **options: str | bool) -> list[Example]:
    found = tasks.get(task)
    return data.read(found, defaults(found).replace(data=str(path), **options), SAID.append)["train"]


def write_table(path: Path, *names: str, head: str = "image,caption") -> Path:
    path.write_text(f"{head}\n" + "".join(f"{name},a text\n" for name in names))
    return path


def link(name: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / "first.png").symlink_to(Path(os.path.relpath(folder.parent, folder), "own", "own.png"))
        (folder / "second.png").symlink_to("first.png")
        return name

    return make


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(lambda folder: "../own/own.png", id="above"),
        pytest.param(lambda folder: "x/../../own/own.png", id="above by a folder that is not there"),
        pytest.param(lambda folder: str(folder.parent / "own" / "own.png"), id="from the root"),
        pytest.param(lambda folder: "..\\own\\own.png", id="as Windows writes it"),
        pytest.param(lambda folder: "own.png", id="by its name, beside the folder"),
        pytest.param(lambda folder: f"/proc/self/cwd/{os.path.relpath(folder.parent)}/own/own.png", id="by proc"),
        pytest.param(lambda folder: "/proc/self/environ", id="of proc"),
        pytest.param(link("first.png"), id="by a link"),
        pytest.param(link("second.png"), id="by a link to a link"),
    ],
)
def test_a_table_names_no_image_outside_of_its_folder(name: Callable[[Path], str], folder: Path) -> None:
    table = write_table(folder / "captions.csv", "data.png", name(folder))
    (one,) = read("caption", table)
    assert str(one.input) == "data.png"
    assert any("1 of 2 rows left out: a file outside of the folder of the data (line 3)" in line for line in SAID)
    with pytest.raises(BadInput, match="captions.csv:3: .* outside of .*; --allow-outside reads it, if you trust"):
        read("caption", table, strict=True)
    assert len(read("caption", table, allow_outside=True)) == 2


@pytest.mark.parametrize(("task", "ending", "head"), [("speech", "wav", "file,text"), ("series", "npy", "file,label")])
def test_a_table_names_no_recording_or_series_outside_of_its_folder(
    task: str, ending: str, head: str, folder: Path
) -> None:
    table = write_table(folder / "train.csv", f"data.{ending}", f"data.{ending}", f"../own/own.{ending}", head=head)
    assert len(read(task, table)) == 2
    assert any("left out: a file outside of the folder of the data (line 4)" in line for line in SAID)
    assert len(read(task, table, allow_outside=True)) == 3


@pytest.mark.needs("yaml")
@pytest.mark.parametrize("name", ["~/secret", "/etc/passwd", "../own/text.txt"])
def test_settings_of_other_suites_name_no_text_outside_of_their_folder(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.chdir(folder)
    (folder.parent / "secret").write_text("a secret")
    settings = folder / "data.yml"
    settings.write_text(f"data:\n  train_features_file: {name}\n  train_labels_file: text.txt\n")
    with pytest.raises(BadInput, match="train_features_file: .* is outside of .*; --allow-outside reads it"):
        read("translation", settings)


@pytest.mark.parametrize(
    ("task", "name"), [("sentiment", "good/1.txt"), ("sentiment", "good"), ("sentiment", "train.csv")]
)
def test_a_link_in_a_folder_of_data_leads_to_nothing_outside(task: str, name: str, folder: Path) -> None:
    for label in ("good", "bad"):
        (folder / label).mkdir()
        (folder / label / "1.txt").write_text(label)
    path, outside = folder / name, folder.parent / "own" / "text.txt"
    if path.is_dir():
        (path / "1.txt").unlink()
        path.rmdir()
    path.unlink(missing_ok=True)
    path.symlink_to(outside if path.suffix else outside.parent)
    with pytest.raises(
        BadInput, match=f"{name}: a link that leads out of the folder of --data, to .*; --allow-outside"
    ):
        read(task, folder)
    if path.suffix == ".txt":
        assert {one.input for one in read(task, folder, allow_outside=True)} == {"bad", "a text of my own"}


def test_cocos_images_are_beside_the_folder_of_its_tables_and_nowhere_else(folder: Path) -> None:
    (folder / "annotations").mkdir()
    table = write_table(folder / "annotations" / "captions.csv", "data.png", "../../own/own.png")
    assert [str(one.input) for one in read("caption", table)] == ["data.png"]
    assert [str(one.input) for one in read("caption", folder, train_file="annotations/captions.csv")] == ["data.png"]


def test_a_link_inside_the_folder_is_followed(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "link.png").symlink_to("../data.png")
    table = write_table(folder / "captions.csv", "data.png", "more/link.png")
    assert len(read("caption", table)) == 1 and not any("left out" in line for line in SAID)


@pytest.mark.parametrize("name", ["pipe.png", "/dev/zero"])
def test_what_never_ends_is_no_file(name: str, folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    table = write_table(folder / "captions.csv", "data.png", name)
    assert len(read("caption", table, allow_outside=True)) == 1
    assert any("there is no such image" in line for line in SAID)


def test_a_stored_run_allows_nothing_and_is_no_other_run_for_what_its_user_allows() -> None:
    task = tasks.get("caption")
    usual = defaults(task)
    allowed = usual.replace(allow_outside=True)
    assert restore(allowed.as_dict(), task, FORMAT) == usual
    assert location.name_directory(allowed, usual) == location.name_directory(usual, usual)
