"""Pages that the system must fill anew, as it counts them, when an array is freed and another is made."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import harness.process.allocator, resource, threading
faults = []
def work():
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        b"." * 2**26
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
work()
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(*faults)
"""


def count_faults(**environment: str) -> list[int]:
    """Return the pages of four arrays of 64 MiB made one after the other, the last two in another thread."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep what is freed")
def test_what_is_freed_is_used_again_by_every_thread_unless_the_user_says_otherwise() -> None:
    # The first needs pages; the others have them.
    first, *others = count_faults()
    assert max(others) < first / 4
    first, *others = count_faults(MALLOC_ARENA_MAX="8")
    assert min(others) > first / 4
