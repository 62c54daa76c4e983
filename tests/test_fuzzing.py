"""Data, values and options by chance: each ends in an answer of which the invariants are true, or in one message.

Always the same cases; benchmarks/fuzz.py makes any number of others.
"""

import shutil
import subprocess
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import tasks
from tests.fuzzing import fields, options, readers
from tests.fuzzing.mutations import Files
from tests.fuzzing.sandbox import Broken, TooSlow, bound, check_message, judge
from tests.fuzzing.starts import STARTS, make

# Of each format, and of each task's fields and options; about 500 in all.
FILES, VALUES, WORDS = 3, 8, 6
# Always the same, within the bounds of the sandbox, and none is kept.
SAME = settings(
    derandomize=True, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def skip_unless_read(name: str) -> None:
    if (name in ("opennmt", "joeynmt") or name.startswith("yaml")) and find_spec("yaml") is None:
        pytest.skip("PyYAML is optional; see requirements-extra.txt")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A folder for the data, and the cache."""
    for name in ("data", "cache"):
        (tmp_path / name).mkdir(mode=0o700)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data", tmp_path / "cache"


def put(files: Files, folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    readers.write(files, folder)


@pytest.mark.parametrize("name", STARTS)
def test_changed_files_are_read_or_refused_with_one_message(name: str, folders: tuple[Path, Path]) -> None:
    skip_unless_read(name)
    folder, _ = folders
    # Whole, each format is read, so that the changes are what is refused.
    whole = readers.Case(name, make(name), STARTS[name].options)
    put(whole.files, folder)
    assert judge(partial(readers.ask, whole, folder, np.random.default_rng(2)), *folders) == "accepted"
    for number in range(FILES):
        random = np.random.default_rng([7, list(STARTS).index(name), number])
        case = readers.draw(name, random)
        put(case.files, folder)
        judge(partial(readers.ask, case, folder, random), *folders)


@pytest.mark.parametrize("name", fields.EXAMPLES)
def test_any_values_are_encoded_and_read_back_or_refused_with_one_message(
    name: str, folders: tuple[Path, Path]
) -> None:
    @settings(SAME, max_examples=VALUES)
    @given(fields.cases(name))
    def run(case: tuple) -> None:
        judge(partial(fields.ask, name, *case, folders[0]), *folders)

    run()


@pytest.mark.parametrize("name", tasks.find())
def test_any_options_are_taken_and_kept_or_refused_with_one_message(name: str, folders: tuple[Path, Path]) -> None:
    @settings(SAME, max_examples=WORDS)
    @given(options.words(name))
    def run(words: list[str]) -> None:
        judge(partial(options.ask, name, words), *folders)

    run()


# The sandbox itself: a check that cannot fail is none.


def test_the_sandbox_sees_what_is_written_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(tmp_path)
    for deed in (
        lambda: (tmp_path / "a").write_text("x"),
        lambda: (tmp_path / "b").mkdir(),
        lambda: (tmp_path / "a").rename(inside / "a"),
        lambda: Path("a file in the current folder").open("a").close(),
        lambda: Path("a file in the current folder").unlink(),
        lambda: subprocess.run(["true"]),
    ):
        with pytest.raises(Broken, match="it may not do that"):
            judge(deed, inside)
    assert judge(lambda: (inside / "c").write_text("x"), inside) == "accepted"


def test_the_sandbox_ends_what_takes_long_or_much(tmp_path: Path) -> None:
    def wait() -> None:
        while True:
            pass

    with pytest.raises(TooSlow, match="over 1 seconds"), bound(tmp_path, seconds=1):
        wait()
    with pytest.raises(MemoryError), bound(tmp_path):
        bytearray(8 * 2**30)


@pytest.mark.parametrize("message", ["a\nb", "", " ", "x" * 9000])
def test_a_message_that_is_no_line_is_seen(message: str) -> None:
    with pytest.raises(Broken):
        check_message(message)
