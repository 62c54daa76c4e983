"""The C library's memory, set to be used again: to be imported before NumPy, whose threads make the setting final.

glibc returns large arrays to the system as soon as they are freed. The next training step asks for the same, and the
system fills it with zeros, page by page, which takes up to a quarter of a step.

NumPy's own threads are kept out here too: nothing is multiplied in NumPy that is worth one, and to start them takes a
third of the time of a short command. The user's OPENBLAS_NUM_THREADS wins.
"""

import contextlib
import ctypes
import os

# Parameters of mallopt(3), by their numbers in malloc.h: M_TRIM_THRESHOLD and M_MMAP_MAX, so that what is freed is
# kept, and M_ARENA_MAX, so that whichever thread asks next can have it.
SETTINGS = {-1: 2**31 - 1, -4: 0, -8: 1}


def keep_freed_memory() -> None:
    """Have the C library keep what is freed, unless the user's MALLOC_ variables set it, or it is not glibc."""
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        for setting, value in SETTINGS.items():
            mallopt(setting, value)


def return_freed_memory() -> None:
    """Return to the system what is free: the next work shall not count what this process needed before."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


keep_freed_memory()
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
