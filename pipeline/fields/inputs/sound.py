"""Sound: a recording as log-mel features."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import BadInput, TooLong
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.log_mel import STEP, WINDOW, compute_log_mel
from pipeline.fields.recording import find_rate, find_seconds, read, resample
from pipeline.option import option

FITTED = 500  # recordings from which the spread of the features is measured
SILENT = 1e-3  # of the greatest amplitude; below it nothing is heard
CLIPPED = 0.01  # the share of samples at the greatest amplitude from which a recording was made too loud
SHORTEST = 0.1  # seconds; no word is shorter


@dataclass
class Sound(InputField[str]):
    """A recording, as the path of its file -> {"frames": (time, bands)}, one frame for every 10 ms.

    From each band the recording's own mean is taken, so that neither how loud it is nor the microphone matters, and
    the rest divided by the standard deviation of that in the training data.

    bands: of the mel scale. rate: samples per second to which all recordings are brought; most of the training data's.
    deviation: per band.
    """

    max_length: int = option(400, "Longest recording, in frames of 10 ms; a longer one is refused.", low=1)
    file: ClassVar[Literal["image", "recording"] | None] = "recording"
    bands: int = 40
    rate: int = field(default=0, metadata=LEARNED)
    deviation: list[float] = field(default_factory=list, metadata=LEARNED)

    def fit(self, paths: Iterable[str]) -> None:
        paths = list(paths)
        self.rate = Counter(map(find_rate, paths)).most_common(1)[0][0]
        features = np.concatenate([self._hear(path) for path in paths[:: -(-len(paths) // FITTED)]])
        # A band in which nothing ever changes must not become infinite.
        self.deviation = [round(float(value), 6) for value in np.maximum(features.std(axis=0), 1e-3)]

    def _hear(self, path: str) -> np.ndarray:
        samples, rate = read(path)
        seconds = len(samples) / rate
        if seconds > self.max_length * STEP + WINDOW:
            raise TooLong(
                f"{path}: the recording lasts {seconds:.1f} seconds, {seconds / STEP:.0f} frames of 10 ms, and at most "
                f"{self.max_length} are allowed; divide it, or raise --max-length"
            )
        features = compute_log_mel(resample(samples, rate, self.rate), self.rate, self.bands)
        return features - features.mean(axis=0)

    def encode(self, path: str) -> Arrays:
        if not isinstance(path, str):
            raise BadInput(f"expected the path of a sound file, got {path!r:.60}")
        frames = self._hear(path) / np.array(self.deviation, "float32")
        return {"frames": frames[: self.max_length]}

    def fingerprint(self, path: str) -> tuple[int, int]:
        """Return two numbers that are others when the file is written again."""
        found = Path(path).stat()
        return found.st_size, found.st_mtime_ns

    @property
    def arrays(self) -> dict[str, Array]:
        return {"frames": Array((None, self.bands), "float32")}

    def parse(self, text: str) -> str:
        return text.strip()

    def describe(self) -> str:
        longest = f"at most {self.max_length * STEP:g} seconds, in frames of 10 ms"
        return f"a recording of {longest}, heard at {self.rate:,} samples per second"

    @property
    def typed(self) -> str:
        return "recording.wav"

    @property
    def counted(self) -> str:
        return "frame"

    @property
    def greatest_length(self) -> int:
        return self.max_length

    def measure(self, path: str) -> int:
        """Return how many frames of 10 ms a recording has, out of the head of its file."""
        # Of seconds, the last digit is not to be relied on.
        return max(1, int((find_seconds(path) - WINDOW) / STEP + 1e-6) + 1)

    def find_flaws(self, path: str) -> Iterator[str]:
        samples, rate = read(path)
        loudest = float(np.abs(samples).max())
        if loudest < SILENT:
            yield "silence only"
        elif (np.abs(samples) >= loudest).mean() > CLIPPED:
            yield "clipped sound, recorded too loud"
        if len(samples) / rate < SHORTEST:
            yield f"less than {SHORTEST:g} seconds"
