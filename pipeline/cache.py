"""Where data that was generated, or unpacked from a dataset, is kept between runs."""

import os
from pathlib import Path


def folder() -> Path:
    """Return $UNROLLED_CACHE, else `unrolled` in $XDG_CACHE_HOME or ~/.cache; it need not exist yet."""
    given = os.environ.get("UNROLLED_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unrolled"
