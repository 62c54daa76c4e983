"""For the tests of fields: a fitted field, and recordings."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import soundfile

Kind = TypeVar("Kind")

RATE = 8000


def fitted(field: Kind, values: Iterable[Any]) -> Kind:
    field.fit(values)  # type: ignore[attr-defined]
    return field


def tone(seconds: float = 0.3, rate: int = RATE, hertz: float = 440.0, seed: int = 0) -> np.ndarray:
    """Return a tone in a little noise, (time,) of float between -1 and 1."""
    time = np.arange(round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * hertz * time) + 0.01 * np.random.default_rng(seed).normal(size=len(time))


def write(path: Path, samples: np.ndarray | None = None, rate: int = RATE, **how: Any) -> Path:
    """Write a sound file, of a tone by default."""
    soundfile.write(path, tone(rate=rate) if samples is None else samples, rate, **how)
    return path
