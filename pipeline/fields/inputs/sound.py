"""Sound: a recording as log-mel features."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.log_mel import STEP, WINDOW, compute_log_mel
from pipeline.fields.recording import find_rate, read, resample
from pipeline.option import option

FITTED = 500  # recordings from which the spread of the features is measured


@dataclass
class Sound(InputField[str]):
    """A recording, as the path of its file -> {"frames": (time, bands)}, one frame for every 10 ms.

    From each band the recording's own mean is taken, so that neither how loud it is nor the microphone matters, and
    the rest divided by the standard deviation of that in the training data.

    bands: of the mel scale. rate: samples per second to which all recordings are brought; most of the training data's.
    deviation: per band.
    """

    max_length: int = option(400, "Longest recording, in frames of 10 ms; a longer one is refused.", low=1)
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
            raise BadInput(
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
