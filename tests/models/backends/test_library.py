"""The library of native kernels: it is loaded only as it was compiled, and a compiler may be, or do, anything."""

import _ctypes
import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.backends import native_kernels

ROOT = Path(__file__).parents[3]
LONG_LINE = "x" * 5000


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return native_kernels.find_library("loops", tmp_path_factory.mktemp("kernels"), say=print, xla=False)
    except OSError as error:
        pytest.skip(str(error))


@pytest.fixture
def kept(compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy that is found where it was kept; what is compiled anew is copied too."""
    monkeypatch.setattr(native_kernels, "compile_library", lambda name, path, say, xla: shutil.copy(compiled, path))
    return Path(shutil.copy(compiled, tmp_path))


def test_what_was_compiled_is_found_again(kept: Path) -> None:
    said: list[str] = []
    assert native_kernels.find_library("loops", kept.parent, say=said.append, xla=False) == kept and not said
    assert hasattr(native_kernels.open_library("loops", kept.parent, say=said.append, xla=False), "gru_plain_backward")


@pytest.mark.parametrize("damage", ["empty", "cut", "changed", "another"])
def test_a_damaged_library_is_never_loaded_but_compiled_anew(damage: str, kept: Path, compiled: Path) -> None:
    whole = kept.read_bytes()
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    another = Path(_ctypes.__file__).read_bytes()
    kept.write_bytes({"empty": b"", "cut": whole[:middle], "changed": changed, "another": another}[damage])
    said: list[str] = []
    assert isinstance(native_kernels.open_library("loops", kept.parent, say=said.append, xla=False), ctypes.CDLL)
    assert said == [f"{kept} is not as it was compiled"]
    assert list(kept.parent.iterdir()) == [kept] and kept.read_bytes() == compiled.read_bytes()


def test_what_a_compilation_that_was_killed_left_is_removed_by_a_later_one(kept: Path) -> None:
    old, new = kept.with_name("old.tmp"), kept.with_name("new.tmp")
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    kept.unlink()
    native_kernels.find_library("loops", kept.parent, say=print, xla=False)
    assert new.exists() and not old.exists()


@pytest.mark.parametrize("which", ["folder", "file"])
@pytest.mark.parametrize("how", ["group", "others", "owner"])
def test_what_another_user_may_write_to_is_not_loaded(which: str, how: str, kept: Path) -> None:
    path = kept if which == "file" else kept.parent
    if how == "owner":
        if os.getuid():
            pytest.skip("only root can give a file away")
        os.chown(path, 12345, -1)
    else:
        path.chmod(0o770 if how == "group" else 0o707)
    found = native_kernels.open_library("loops", kept.parent, say=print, xla=False)
    assert isinstance(found, str) and found.startswith(
        "no native kernels, the portable loops are used: another user may"
    )
    assert str(path) in found and "chmod go-w" in found


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("/bin/true", "/bin/true made no library"),
        ("/bin/false", "/bin/false failed (exit 1)"),
        ('"g++', 'CXX is "g++, which is no command: No closing quotation'),
        ("/no/such/compiler -O9", "No such file or directory: '/no/such/compiler'"),
        ("FOLDER", "Permission denied"),
        ("sh FOLDER/garbage", "sh failed (error: xx"),
        ("sh FOLDER/writes", "sh made no library"),
        ("''", "no native kernels"),
    ],
)
def test_a_compiler_that_does_not_compile_is_one_line(
    command: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "garbage").write_text(f"printf '\\377\\033\\n' >&2; echo 'error: {LONG_LINE}' >&2; exit 1")
    (tmp_path / "writes").write_text('while [ "$1" != -o ]; do shift; done; echo nonsense > "$2"')
    monkeypatch.setenv("CXX", command.replace("FOLDER", str(tmp_path)))
    found = native_kernels.open_library("loops", tmp_path / "kernels", say=print, xla=False)
    assert isinstance(found, str) and found.startswith("no native kernels, the portable loops are used: ")
    assert reason in found and "\n" not in found and len(found) < 500
    assert not list((tmp_path / "kernels").iterdir())


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_name_of_a_compiler_is_none(blank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", blank)
    monkeypatch.setenv("PATH", "")
    found = native_kernels.open_library("loops", tmp_path, say=print, xla=False)
    assert isinstance(found, str) and "there is no C++ compiler (install g++" in found


PROGRAM = """
import importlib.metadata, sys
sys.modules["jax"] = sys.modules["jaxlib"] = None
installed = importlib.metadata.version
def version(package):
    if package in ("jax", "jaxlib"):
        raise importlib.metadata.PackageNotFoundError(package)
    return installed(package)
importlib.metadata.version = version
from harness.process import backend
print(backend.start("tensorflow", "cpu"))
from models.backends import kernels
print(kernels.library)
"""


@pytest.mark.slow
def test_tensorflow_has_them_where_jax_is_not_installed(compiled: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "UNROLLED_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    device, library = done.stdout.splitlines()
    assert device.endswith("native kernels") and str(tmp_path) in library
