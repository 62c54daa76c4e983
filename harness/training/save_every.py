"""Save every: after how long the state of a training is kept within an epoch too (--save-every)."""

import re

from pipeline.errors import BadInput

# Seconds, where none are given.
EVERY = 600.0
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def read_duration(text: str) -> float:
    """Return the seconds that a text stands for: 90, 90s, 5m or 1.5h; BadInput for anything else."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([smh]?)", text)
    if not found or not float(found[1]):
        raise BadInput(f"--save-every {text}: expected a time above 0, such as 60s, 5m or 1h")
    return float(found[1]) * UNITS[found[2]]
