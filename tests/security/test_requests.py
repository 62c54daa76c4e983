"""Requests to the server and the page: an upload is opened under a name of our own, and never another file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import tasks
from harness import inputs
from harness.experiment import Experiment
from harness.options import defaults
from harness.serving.refusal import Refusal
from harness.serving.requests import Upload, choose_path, read_text_file
from pipeline.errors import BadInput

pytestmark = pytest.mark.needs("fastapi")


@pytest.mark.parametrize(
    "name",
    [
        "../../x.csv",
        "/etc/passwd",
        "..\\..\\x.csv",
        "x.csv\0.png",
        "x.",
        ".." * 200,
        "x.CSV",
        "x.c/../v",
        "\x1b[2J.csv",
    ],
)
def test_an_upload_is_kept_under_no_name_that_it_brings(name: str, tmp_path: Path) -> None:
    path = choose_path(tmp_path, 1, name)
    assert path.parent == tmp_path and path.name.removeprefix("upload-1") in ("", ".csv", ".png")


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00rest", b"BZh9rest", b"\xfd7zXZ\x00rest", b"PAR1rest"])
def test_a_packed_upload_is_not_unpacked(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / ("upload-1.parquet" if content.startswith(b"PAR1") else "upload-1.csv")
    path.write_bytes(content)
    with pytest.raises(Refusal) as refused:
        read_text_file(cast(Any, None), Upload("x.csv", path), {}, [])
    assert refused.value.status == 415


def from_the_root(folder: Path) -> str:
    return str(folder.parent / "own" / "own.npy")


def by_a_link(folder: Path) -> str:
    (folder / "link.npy").symlink_to("../own/own.npy")
    return "link.npy"


@pytest.mark.parametrize("name", [lambda folder: "../own/own.npy", from_the_root, by_a_link])
def test_an_uploaded_table_names_no_file_of_the_server(name: Callable[[Path], str], tmp_path: Path) -> None:
    for folder in ("own", "upload"):
        (tmp_path / folder).mkdir()
    np.save(tmp_path / "own" / "own.npy", np.arange(9.0))
    table = tmp_path / "upload" / "upload-1.csv"
    table.write_text(f"file,label\n{name(table.parent)},x\n")
    task = tasks.get("series")
    # As its user has trained it: a request cannot ask for as much.
    options = defaults(task).replace(allow_outside=True)
    run = Experiment(task, options, tmp_path, task.input(options), task.output(options), fingerprint="")
    with pytest.raises(BadInput, match="outside of"):
        inputs.read_file(run, str(table), {}, tell=print)
