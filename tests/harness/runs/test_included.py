"""Files that a run names: which of them are run, and which are not."""

import json
import os
import py_compile
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tasks
from harness.runs import included
from pipeline import cache
from pipeline.errors import BadInput
from run import main
from tests.harness import ROOT, read_record
from tests.test_run import NAMED, refused, write_reviews

# Whoever runs it leaves a mark.
MARK = 'open(__file__ + "-ran", "a").close()\n'
SOURCE = (ROOT / "tasks" / "sentiment.py").read_text().replace('name="sentiment"', 'name="mine"') + MARK


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a task file, mine.py, and a run of it under runs/."""
    folder = tmp_path_factory.mktemp("made")
    write_reviews(folder / "reviews.csv")
    (folder / "mine.py").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLLED_CACHE", str(folder / "cache"))
        assert train(folder) == 0
    return folder


def train(folder: Path, name: str = "mine.py", *further: str) -> int:
    include = ["--include", str(folder / name)]
    data = ["--data", str(folder / "reviews.csv"), "--runs", str(folder / "runs")]
    return main(["train", "mine", *include, *data, *NAMED, *further])


@pytest.fixture
def mine(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as its owner has it, elsewhere: nobody has trained with the file there."""
    folder = Path(shutil.copytree(made, tmp_path / "mine", ignore=shutil.ignore_patterns("*-ran", "cache")))
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o700)
    monkeypatch.chdir(folder)
    return folder


def locate(folder: Path) -> Path:
    return folder / "runs" / "mine" / "simple-s0"


def name_file(folder: Path, name: str) -> None:
    """Have the run name another file, with the SHA-256 of the one that it was trained with."""
    path = locate(folder) / "config.json"
    config = read_record(path)
    path.write_text(json.dumps(config | {"include": {name: next(iter(config["include"].values()))}}))


def ran(folder: Path) -> bool:
    return any(folder.rglob("*-ran"))


def refused_everywhere(capsys: pytest.CaptureFixture, folder: Path) -> str:
    """Assert that neither evaluate nor predict runs what the run names; return the message."""
    messages = [
        refused(capsys, *command) for command in (("evaluate", locate(folder)), ("predict", locate(folder), "x"))
    ]
    assert not ran(folder) and messages[0] == messages[1]
    return messages[0]


@pytest.mark.parametrize(
    "name",
    [
        lambda folder: str(folder / "mine.py"),
        lambda folder: "mine.py",
        lambda folder: "./runs/../mine.py",
        lambda folder: "/proc/self/cwd/mine.py",
        lambda folder: str(shutil.copy(folder / "mine.py", locate(folder))),
        lambda folder: str(shutil.copy(folder / "mine.py", locate(folder) / "predictions")),
    ],
)
def test_a_file_that_a_stranger_names_is_not_run_wherever_it_lies(
    name: Callable[[Path], str], mine: Path, capsys: pytest.CaptureFixture
) -> None:
    name_file(mine, name(mine))
    message = refused_everywhere(capsys, mine)
    assert "it was trained with the Python file" in message and "you have not trained with it here" in message
    # What it says to type is what is to be typed.
    command = shlex.split(message.partition("name it: ")[2])
    assert command[0] == "run.py" and main(command[1:]) == 0
    assert ran(mine)


def test_a_file_that_the_user_trained_with_is_run_and_no_other(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train(mine, "mine.py", "--fresh") == 0
    assert main(["evaluate", str(locate(mine))]) == 0
    assert "is not as it was" not in capsys.readouterr().err
    # The same content elsewhere is not the file.
    other = mine / "other.py"
    shutil.copy(mine / "mine.py", other)
    Path(f"{mine / 'mine.py'}-ran").unlink()
    name_file(mine, str(other))
    assert "you have not trained with it here" in refused_everywhere(capsys, mine)
    # A run from elsewhere that names it has nothing else run.
    name_file(mine, str(mine / "mine.py"))
    copied = shutil.copytree(locate(mine), tmp_path / "copied")
    assert main(["evaluate", str(copied)]) == 0


def test_a_file_that_has_changed_since_is_not_run_unless_it_is_named(mine: Path, capsys: pytest.CaptureFixture) -> None:
    assert train(mine, "mine.py", "--fresh") == 0
    Path(f"{mine / 'mine.py'}-ran").unlink()
    (mine / "mine.py").write_text(SOURCE + "\n")
    assert "it is not as it was when you trained with it" in refused_everywhere(capsys, mine)
    said = f"{mine / 'mine.py'} is not as it was when this run was trained with it"
    assert main(["evaluate", str(locate(mine)), "--include", "mine.py"]) == 0
    assert said in capsys.readouterr().err
    # Going on with it, the user has trained with it.
    assert train(mine) == 0
    assert said in capsys.readouterr().err
    assert main(["evaluate", str(locate(mine))]) == 0


def test_a_link_that_points_elsewhere_since_is_not_followed(mine: Path, capsys: pytest.CaptureFixture) -> None:
    (mine / "link.py").symlink_to("mine.py")
    assert train(mine, "link.py", "--fresh") == 0
    assert main(["evaluate", str(locate(mine))]) == 0
    Path(f"{mine / 'mine.py'}-ran").unlink()
    (mine / "evil.py").write_text(SOURCE + "# evil\n")
    (mine / "link.py").unlink()
    (mine / "link.py").symlink_to("evil.py")
    name_file(mine, str(mine / "link.py"))
    assert "you have not trained with it here" in refused_everywhere(capsys, mine)
    # Nor is a file that a link took the place of.
    name_file(mine, str(mine / "mine.py"))
    (mine / "mine.py").unlink()
    (mine / "mine.py").symlink_to("evil.py")
    assert "you have not trained with it here" in refused_everywhere(capsys, mine)


def test_what_was_compiled_before_is_not_run(mine: Path, capsys: pytest.CaptureFixture) -> None:
    assert train(mine, "mine.py", "--fresh") == 0
    assert not (mine / "__pycache__").exists()
    # As Python believes it: compiled from other text, and not to be compared with the file.
    (mine / "evil.py").write_text("open(" + repr(str(mine / "evil-ran")) + ', "w")\n' + SOURCE)
    compiled = Path(
        py_compile.compile(str(mine / "evil.py"), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    )
    shutil.copy(compiled, compiled.with_name(compiled.name.replace("evil", "mine")))
    assert main(["evaluate", str(locate(mine))]) == 0
    assert main(["evaluate", str(locate(mine)), "--include", str(mine / "mine.py")]) == 0
    assert not (mine / "evil-ran").exists()
    # A compiled file by its own name is no task file.
    shutil.copy(compiled, mine / "evil.pyc")
    assert "expected a Python file (.py)" in refused(capsys, "list", "--include", mine / "evil.pyc")
    Path(f"{mine / 'mine.py'}-ran").unlink()
    name_file(mine, str(mine / "evil.pyc"))
    refused_everywhere(capsys, mine)


@pytest.mark.parametrize(
    "name", ["", ".", "/", "/dev/zero", "/dev/stdin", "loop.py", "nowhere.py", "a\0b.py", "x" * 300]
)
def test_what_is_no_file_is_not_read(name: str, mine: Path, capsys: pytest.CaptureFixture) -> None:
    (mine / "loop.py").symlink_to("loop.py")
    name_file(mine, name)
    refused_everywhere(capsys, mine)


def test_a_pipe_is_not_waited_for(mine: Path, capsys: pytest.CaptureFixture) -> None:
    os.mkfifo(mine / "pipe.py")
    name_file(mine, str(mine / "pipe.py"))
    refused_everywhere(capsys, mine)


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
@pytest.mark.parametrize("folder", [True, False])
def test_a_list_that_others_may_write_to_is_not_believed(
    folder: bool, mode: int, mine: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train(mine, "mine.py", "--fresh") == 0
    Path(f"{mine / 'mine.py'}-ran").unlink()
    place = cache.folder() if folder else cache.folder() / included.NAME
    place.chmod(mode | 0o100)
    assert f"{place} belongs to another user, or others may write to it" in refused_everywhere(capsys, mine)
    # Nor added to, and training says so.
    before = (cache.folder() / included.NAME).read_bytes()
    (mine / "mine.py").write_text(SOURCE + "\n")
    capsys.readouterr()
    assert train(mine) == 0
    assert "evaluate and predict will ask for --include again" in capsys.readouterr().err
    assert (cache.folder() / included.NAME).read_bytes() == before


def test_a_list_of_another_user_is_not_believed(
    mine: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(mine, "mine.py", "--fresh") == 0
    Path(f"{mine / 'mine.py'}-ran").unlink()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert "belongs to another user" in refused_everywhere(capsys, mine)


def test_a_list_behind_a_link_is_not_believed(mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert train(mine, "mine.py", "--fresh") == 0
    Path(f"{mine / 'mine.py'}-ran").unlink()
    path = cache.folder() / included.NAME
    path.rename(tmp_path / "list")
    path.symlink_to(tmp_path / "list")
    refused_everywhere(capsys, mine)


def test_a_list_that_cannot_be_written_is_said(
    mine: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(mine / "mine.py"))
    included.remember([tasks.read(mine / "mine.py")])
    assert "Not a directory" in (said := capsys.readouterr().err)
    assert said.endswith(": evaluate and predict will ask for --include again\n")


def test_whatever_stands_in_the_list_it_is_believed_only_by_the_line(mine: Path, capsys: pytest.CaptureFixture) -> None:
    path, digest = mine / "mine.py", json.loads((locate(mine) / "config.json").read_text())["include"]
    name_file(mine, str(path))
    good = json.dumps([str(path), next(iter(digest.values()))]).encode()
    random = np.random.default_rng(0)
    for _ in range(50):
        line = bytearray(good)
        line[random.integers(len(line))] ^= 1 << int(random.integers(8))
        (cache.folder() / included.NAME).write_bytes(b"\xff\n" + bytes(line) + b"\n[[[\n")
        with pytest.raises(BadInput):
            included.trust(locate(mine), [str(path)])
    (cache.folder() / included.NAME).write_bytes(b"\xff\n" + good)
    (found,) = included.trust(locate(mine), [str(path)])
    assert found.content == path.read_bytes()


def test_what_was_looked_at_is_what_is_run(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert train(mine, "mine.py", "--fresh") == 0
    trust = included.trust

    def swap(*arguments: Any) -> Any:
        found = trust(*arguments)
        (mine / "mine.py").write_text("raise SystemExit\n")
        return found

    monkeypatch.setattr(included, "trust", swap)
    assert main(["evaluate", str(locate(mine))]) == 0


def test_a_run_of_format_1_is_no_exception(mine: Path, capsys: pytest.CaptureFixture) -> None:
    path = locate(mine) / "config.json"
    config = read_record(path)
    for name in ("format", "unrolled", "fields"):
        del config[name]
    path.write_text(json.dumps(config | {"include": [str(mine / "mine.py")]}))
    assert "you have not trained with it here" in refused_everywhere(capsys, mine)
    assert main(["evaluate", str(locate(mine)), "--include", "mine.py"]) == 0
    assert "is not as it was" not in capsys.readouterr().err


def test_a_task_that_neither_is_registered_nor_given_is_refused(mine: Path, capsys: pytest.CaptureFixture) -> None:
    path = locate(mine) / "config.json"
    path.write_text(json.dumps(read_record(path) | {"include": {}}))
    assert f"{locate(mine)}: unknown task 'mine'" in refused_everywhere(capsys, mine)


def test_a_field_names_its_type_and_nothing_is_looked_up_by_it(mine: Path, capsys: pytest.CaptureFixture) -> None:
    path = locate(mine) / "fields" / "input.json"
    saved = json.loads(path.read_text())
    for name in ("os.system", "subprocess.Popen", "Tokens", "__import__", "builtins.eval"):
        path.write_text(json.dumps(saved | {"type": name}))
        message = refused(capsys, "evaluate", locate(mine), "--include", mine / "mine.py")
        assert f"the saved field is a {name!r}, and the task uses a 'Text'" in message


def test_a_state_with_a_pickle_in_it_is_not_unpickled(mine: Path, capsys: pytest.CaptureFixture) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return open, (str(mine / "evil-ran"), "w")

    directory = locate(mine)
    (directory / "scores.json").unlink()
    with np.load(directory / "state.npz") as saved:
        arrays = {name: saved[name] for name in saved.files}
    np.savez(directory / "state.npz", **(arrays | {"0": np.array(Evil(), dtype=object)}))
    command = ["train", "mine", "--include", mine / "mine.py", "--data", mine / "reviews.csv", "--runs", mine / "runs"]
    # Where the copy's data is.
    config = read_record(directory / "config.json")
    config["options"]["data"] = str(mine / "reviews.csv")
    (directory / "config.json").write_text(json.dumps(config))
    assert "state.npz: the file is damaged" in refused(capsys, *command, *NAMED)
    assert not (mine / "evil-ran").exists()
