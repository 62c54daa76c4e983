"""Run directories of strangers: nothing that they name is run, and nothing outside of them is written or removed."""

import base64
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from harness import runs
from harness.process.lock import hold
from harness.runs import states
from harness.runs.listing import find_runs
from harness.runs.restored import read_run
from harness.training.checkpoint import Checkpoint
from pipeline.errors import BadInput
from pipeline.fields.subwords import learn_subwords, open_subwords
from run import main
from tests.harness import read_bytes
from tests.security.test_sizes import Bomb

# A run that an earlier version stopped: all of its files, and no training.
STOPPED = Path(__file__).parents[1] / "format_2" / "stopped" / "copy"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "kept.txt").write_text("kept")
    return Path(shutil.copytree(STOPPED, tmp_path / "run"))


def test_the_run_is_whole(run: Path) -> None:
    assert read_run(run).task.name == "copy"


def change(run: Path, **values: object) -> None:
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, **values}))


def deep(run: Path) -> None:
    (run / "config.json").write_text("[" * 10**6)


def long(run: Path) -> None:
    change(run, format=int("9" * 4000))


def twice(run: Path) -> None:
    text = (run / "config.json").read_text()
    (run / "config.json").write_text(text.replace('"task"', '"task": "pos", "task"', 1))


def wait(run: Path) -> None:
    (run / "config.json").unlink()
    os.mkfifo(run / "config.json")


def endless(run: Path) -> None:
    (run / "config.json").unlink()
    (run / "config.json").symlink_to("/dev/zero")


def large(run: Path) -> None:
    # A file with a hole: it takes no room on the disk.
    with (run / "config.json").open("wb") as file:
        file.truncate(runs.LARGEST + 1)


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (deep, "it nests more than 50 deep"),
        (long, "no integer of more than 19 digits"),
        (twice, "stands there twice"),
        (wait, "not a file, but a pipe"),
        (endless, "not a file, but a pipe or a device"),
        (large, "at most 268,435,456 are expected"),
        (lambda run: change(run, task="../../home/kept"), "task"),
        (lambda run: change(run, task="copy\x1b]0;x\x07"), "task"),
        (lambda run: change(run, include={"/dev/zero": None}), "is not there|was not run"),
        (lambda run: change(run, include={"../home/kept.txt": "0" * 64}), "is not there|was not run"),
        (lambda run: change(run, fields={"input": "0" * 64}), "not as config.json says"),
    ],
)
def test_a_config_that_is_an_attack_is_one_message(
    attack: Callable[[Path], None], message: str, run: Path, capsys: pytest.CaptureFixture
) -> None:
    attack(run)
    assert main(["evaluate", str(run)]) == 2
    said = capsys.readouterr().err
    assert said.count("error: ") == 1 and "Traceback" not in said and "\x1b" not in said and "\x07" not in said
    with pytest.raises(BadInput, match=message):
        read_run(run)


def test_options_that_ask_for_all_memory_are_not_those_of_the_model(run: Path, capsys: pytest.CaptureFixture) -> None:
    options = json.loads((run / "config.json").read_text())["options"]
    change(run, options={**options, "units": 10**12})
    assert main(["evaluate", str(run)]) == 2
    assert "best.keras is not the model of config.json" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["fields", "predictions", "tensorboard"])
def test_a_run_writes_to_no_folder_that_a_link_leads_to(name: str, run: Path, tmp_path: Path) -> None:
    shutil.rmtree(run / name, ignore_errors=True)
    (run / name).symlink_to(tmp_path / "home")
    with pytest.raises(BadInput, match=f"{name}: a link to .*; a run writes to its own files"):
        read_run(run)


def test_a_run_that_goes_on_adds_nothing_to_a_file_that_a_link_leads_to(run: Path, tmp_path: Path) -> None:
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").symlink_to(tmp_path / "home" / "kept.txt")
    with pytest.raises(BadInput, match="metrics.jsonl: a link to"):
        runs.cut_metrics(run, 0, "loss")
    assert (tmp_path / "home" / "kept.txt").read_text() == "kept"


def test_what_looks_left_over_and_leads_elsewhere_is_not_removed_there(run: Path, tmp_path: Path) -> None:
    (run / ".unfinished.7.state.npz").symlink_to(tmp_path / "home")
    (run / "fields" / ".unfinished.7.x").symlink_to(tmp_path / "home" / "kept.txt")
    before = read_bytes(tmp_path / "home")
    with hold(run):
        assert not list(run.rglob(".unfinished.*"))
    assert read_bytes(tmp_path / "home") == before


def test_a_list_of_runs_obeys_no_name(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    change(run, task="[red]\x1b[2J\u202e")
    assert len(find_runs(tmp_path)) == 1
    assert main(["runs", "--runs", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err and "\u202e" not in said.out


# Subwords.


def make_subwords() -> bytes:
    return base64.b64decode(learn_subwords([f"a good film, and a bad one {number}" for number in range(50)], 60))


@pytest.mark.parametrize(
    "damage",
    [
        lambda model: b"",
        lambda model: b"\xff" * 1000,
        lambda model: model[: len(model) // 2],
        # A piece of two thousand million bytes; and a table of characters, read as it stands by earlier versions.
        lambda model: b"\x0a\xfe\xff\xff\xff\x07" + model,
        lambda model: model + b"\x1a\x0a\x12\x08\xff\xff\xff\x7fAAAA",
        # The first piece once more.
        lambda model: model + model[: 2 + model[1]],
    ],
)
def test_subwords_that_are_an_attack_are_refused(damage: Callable[[bytes], bytes]) -> None:
    whole = make_subwords()
    assert open_subwords(base64.b64encode(whole).decode()).get_piece_size() > 10
    with pytest.raises(BadInput, match="the subword model stored with the run is damaged"):
        open_subwords(base64.b64encode(damage(whole)).decode())


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda path: np.savez(path, progress=np.array([Bomb(path.with_name("ran"))]), allow_pickle=True),
            "allow_pickle",
        ),
        (lambda path: np.savez_compressed(path, progress=np.zeros(2**24)), "its parts are compressed, or said to be"),
        (lambda path: np.savez(path, progress="[" * 10**6), "it nests more than 50 deep"),
    ],
    ids=["of pickled objects", "that unpacks to 128 MB", "that nests without end"],
)
def test_a_state_that_is_an_attack_is_not_taken_up(write: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    write(tmp_path / states.LAST)
    with pytest.raises(BadInput, match=message):
        # No variable is asked for.
        states.restore(tmp_path, lambda path: Checkpoint._read(cast(Any, None), path))
    assert os.listdir(tmp_path) == [states.LAST]
