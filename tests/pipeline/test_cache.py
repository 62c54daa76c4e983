"""The cache folder: where it is, and where it is when it cannot be there."""

import os
import pwd
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline import cache, files
from pipeline.errors import BadInput

ROOT = Path(__file__).parents[2]


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said; the home folder and that of temporary files are empty ones."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    for name in ("UNROLLED_CACHE", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
        # Set first, so that what is set later is undone.
        monkeypatch.setenv(name, "")
    return []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "home/.cache/unrolled"),
        ({"UNROLLED_CACHE": ""}, "home/.cache/unrolled"),
        ({"XDG_CACHE_HOME": "xdg"}, "xdg/unrolled"),
        ({"UNROLLED_CACHE": "mine"}, "mine"),
        ({"UNROLLED_CACHE": "~/mine", "XDG_CACHE_HOME": "xdg"}, "home/mine"),
    ],
)
def test_the_cache_is_where_the_environment_says(
    variables: dict[str, str], expected: str, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    cache.prepare(said.append)
    assert cache.folder() == tmp_path / expected and (tmp_path / expected).is_dir() and not said
    # Also for processes that are started in another folder.
    assert os.environ["UNROLLED_CACHE"] == str(tmp_path / expected)


def test_an_empty_home_is_that_of_the_user(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")
    assert cache.folder() == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / "unrolled"


def break_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    def find(user: int) -> Any:
        raise KeyError(user)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", find)
    return "this user has no home folder"


def break_with_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "home" / ".cache").write_text("a file")
    return f"{tmp_path / 'home' / '.cache' / 'unrolled'}: Not a directory"


def break_with_a_file_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "mine").write_text("a file")
    monkeypatch.setenv("UNROLLED_CACHE", "mine")
    return f"{tmp_path / 'mine'}: File exists"


def break_the_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "home" not in str(path) and access(path, mode))
    return f"{tmp_path / 'home' / '.cache' / 'unrolled'}: it cannot be written to"


def break_the_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    lstat = Path.lstat

    def look(path: Path) -> os.stat_result:
        found = list(lstat(path))
        found[stat.ST_UID] += "home" in str(path)
        return os.stat_result(found)

    monkeypatch.setattr(Path, "lstat", look)
    return f"{tmp_path / 'home' / '.cache' / 'unrolled'}: it belongs to another user"


BREAKS = [
    break_home,
    break_with_a_file,
    break_with_a_file_in_its_place,
    break_the_permission,
    break_the_owner,
]


@pytest.mark.parametrize("damage", BREAKS)
def test_where_it_cannot_be_a_private_folder_takes_its_place(
    damage: Any, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = damage(tmp_path, monkeypatch)
    private = tmp_path / "tmp" / f"unrolled-{os.geteuid()}"
    for _ in range(2):
        cache.prepare(said.append)
        assert cache.folder() == private and stat.S_IMODE(private.stat().st_mode) == 0o700
    # Once, also where other processes follow.
    assert said == [f"{why}; what is kept between runs is in {private}"]


def test_a_folder_of_others_that_has_its_name_is_not_used(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_home(tmp_path, monkeypatch)
    number = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: number + 1)
    (tmp_path / "tmp" / f"unrolled-{number + 1}").mkdir()
    with pytest.raises(BadInput, match="another user: name a folder that can be written to in UNROLLED_CACHE"):
        cache.prepare(said.append)


def test_what_was_left_unfinished_for_a_day_is_removed(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "mine"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    # The last one: the clock was set back since.
    for name, age in (("a", files.LEFT_OVER + 60), ("b", 60), ("c", -10 * files.LEFT_OVER)):
        for folder in (tmp_path / "mine" / "unpacked", tmp_path / "tmp"):
            left = folder / f"{files.UNFINISHED}{name}"
            left.mkdir(mode=0o700, parents=True)
            os.utime(left, (time.time() - age,) * 2)
    (tmp_path / "tmp" / "of another program").touch()
    (tmp_path / "mine").chmod(0o700)
    cache.prepare(said.append)
    assert os.listdir(tmp_path / "mine" / "unpacked") == [".unfinished.b"] and not said
    assert sorted(os.listdir(tmp_path / "tmp")) == [".unfinished.b", "of another program"]


def test_two_processes_of_one_number_have_names_of_their_own_for_what_is_unfinished() -> None:
    one, other = (files.name_unfinished(Path("runs/state.npz")) for _ in range(2))
    assert one != other and one.suffix == ".npz" and one.name.startswith(files.UNFINISHED)


def test_the_tests_put_nothing_that_they_generate_into_the_cache_of_a_user(tmp_path: Path) -> None:
    program = "import tests.conftest; from pipeline.cache import folder; print(folder())"
    outside = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    environment = outside | {"UNROLLED_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).is_relative_to(tmp_path)
    # Programs and native kernels alone, which are the same for all.
    assert {path.name for path in tmp_path.iterdir()} == {"tests"}
    assert {path.name for path in (tmp_path / "tests").iterdir()} <= {"jax", "kernels"}
