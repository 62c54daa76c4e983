"""Runs before any test file: Keras reads its backend when it is first imported."""

import atexit
import contextlib
import fcntl
import gc
import importlib.util
import os
import platform
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cache import folder

os.environ.setdefault("KERAS_BACKEND", "jax")
try:
    PROGRAMS = folder() / "tests" / "jax"
except RuntimeError:
    # There is no home folder: a place that cannot be made.
    PROGRAMS = Path(os.devnull, "jax")
# About three times what one session compiles.
MOST_BYTES = 500_000_000
# What is generated is made once per session, and is not that of a user's cache, whose recordings are more. The
# processes that run the tests inherit the folder's name.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["UNROLLED_CACHE"] = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, os.environ["UNROLLED_CACHE"], ignore_errors=True)
    # The native kernels, whose names are made of all that they depend on, serve the next session too.
    with contextlib.suppress(OSError):
        kept = PROGRAMS.parent / "kernels"
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        Path(os.environ["UNROLLED_CACHE"], "kernels").symlink_to(kept)

from pipeline.corpora import digits  # noqa: E402

# Fewer recordings are synthesised in seconds, and small runs need no more.
digits.COUNTS.update(train=400, validation=60, test=60)


def keep_programs() -> Path:
    """Return where what JAX compiles is kept for the next session; a folder of this session if there is no such place.

    The key of a program is its own text, so nothing of it is out of date; the oldest make room.
    """
    try:
        PROGRAMS.mkdir(parents=True, exist_ok=True)
        kept = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in PROGRAMS.iterdir())
        left = sum(size for _, size, _ in kept)
        for _, size, path in kept if left > MOST_BYTES else ():
            path.unlink(missing_ok=True)
            left -= size
            if left < MOST_BYTES / 2:
                break
    except OSError:
        return Path(os.environ["UNROLLED_CACHE"], "jax")
    return PROGRAMS if os.access(PROGRAMS, os.W_OK) else Path(os.environ["UNROLLED_CACHE"], "jax")


# Tracing makes many small objects, and looking through all of them often takes a tenth of the time.
gc.set_threshold(50_000)

if os.environ["KERAS_BACKEND"] == "jax":
    # One small model is built many times, in many processes, and again by the next session.
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(keep_programs())
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    # Where each operation of a program was traced takes a twentieth of the time to write down.
    os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")
    # And compiled soon rather than well: small programs compile for longer than they run. (At level 0, with fused
    # multiply-add, the gradient of a maximum may be 0 / 0: computed twice, and rounded otherwise, it is equal to none
    # of its inputs. AVX has no fused multiply-add.)
    soon = "--xla_backend_optimization_level=1"
    if platform.machine() in ("x86_64", "AMD64"):
        soon = "--xla_backend_optimization_level=0 --xla_cpu_max_isa=AVX"
    more = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    os.environ.setdefault("XLA_FLAGS", f"{soon} {more}")

from models.backends import kernels  # noqa: E402

# As the command line has it.
kernels.switch(True, folder() / "kernels", print)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--mutations", type=int, default=20, help="how often tests/test_damage.py damages each file of a run"
    )


@pytest.fixture
def only_cluster() -> Iterator[None]:
    """No other test process has a Ray cluster on this machine, which "auto" would find."""
    with open(Path(tempfile.gettempdir(), f"unrolled-tests-ray-{os.getuid()}.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def forget_tasks() -> Iterator[None]:
    """Files that a test includes are not known to the next."""
    yield
    import tasks

    tasks.forget()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        if importlib.util.find_spec(marker.args[0]) is None:
            pytest.skip(f"{marker.args[0]} is optional; see requirements-*.txt and benchmarks/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have the most slow tests, so that no process has one left when the others are done."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])
