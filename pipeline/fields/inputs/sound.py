"""Sound: a recording as log-mel features."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from pipeline.errors import BadInput, TooLong
from pipeline.fields.array import Array, Arrays
from pipeline.fields.field import LEARNED, InputField
from pipeline.fields.log_mel import STEP, WINDOW, RunningLogMel, compute_log_mel
from pipeline.fields.perturbation import add_noise, change_speed, draw_speed
from pipeline.fields.recording import Resampler, find_rate, find_seconds, read, resample
from pipeline.option import option

FITTED = 500  # recordings from which the spread of the features is measured
SILENT = 1e-3  # of the greatest amplitude; below it nothing is heard
CLIPPED = 0.01  # the share of samples at the greatest amplitude from which a recording was made too loud
PRIOR = 50  # frames that the mean of the training data counts as beside those of a recording
SHORTEST = 0.1  # seconds; no word is shorter
KEPT = 2**28  # bytes of samples that are kept in memory where training draws recordings anew in each epoch


@dataclass
class Sound(InputField[str]):
    """A recording, as the path of its file -> {"frames": (time, bands)}, one frame for every 10 ms.

    From each band the recording's own mean is taken, so that neither how loud it is nor the microphone matters, and
    the rest divided by the standard deviation of that in the training data. A running mean needs nothing of what comes
    later: see `RunningLogMel`.

    The mean of a recording of one word is that word as much as the microphone, and is lost with it. A shrunk mean is
    that of the training data where the recording is short, and its own where it is long: of loudness, which is taken
    first, nothing is left either way.

    Where speed or noise are drawn, training reads each recording anew in every epoch; validation and test are as they
    are.

    bands: of the mel scale. rate: samples per second to which all recordings are brought; most of the training data's.
    deviation: per band. average: per band, where the mean is a running or a shrunk one.
    """

    max_length: int = option(
        400, "Longest recording, in frames of 10 ms; a longer one is refused.", low=1, adjustable=True
    )
    file: ClassVar[Literal["image", "recording"] | None] = "recording"
    feature_mean: Literal["recording", "shrunk", "running"] = option(
        "recording",
        "Mean taken from the features: the recording's; shrunk for short ones; running for streams.",
    )
    speed_perturbation: float = option(
        0.0, "How much faster or slower recordings are played in training, as a share of their speed.",
        group="training", low=0, high=0.5, adjustable=True,
    )  # fmt: skip
    noise_level: float = option(
        0.0, "Loudest noise added to recordings in training, as a share of their own loudness.",
        group="training", low=0, high=10, adjustable=True, rare=True,
    )  # fmt: skip
    bands: int = 40
    rate: int = field(default=0, metadata=LEARNED)
    deviation: list[float] = field(default_factory=list, metadata=LEARNED)
    average: tuple[float, ...] = field(default=(), metadata=LEARNED)
    # The samples of recordings that training reads again and again, by path; and for how many bytes there is room.
    _kept: dict[str, np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)
    _room: int = field(default=KEPT, init=False, repr=False, compare=False)

    def fit(self, paths: Iterable[str]) -> None:
        paths = list(paths)
        self.rate = Counter(map(find_rate, paths)).most_common(1)[0][0]
        paths = paths[:: -(-len(paths) // FITTED)]
        if self.feature_mean != "recording":
            known = [compute_log_mel(self._read(path), self.rate, self.bands) for path in paths]
            if self.feature_mean == "shrunk":
                known = [features - features.mean() for features in known]
            self.average = tuple(round(float(value), 6) for value in np.concatenate(known).mean(axis=0))
        features = np.concatenate([self._hear(self._read(path)) for path in paths])
        # A band in which nothing ever changes must not become infinite.
        self.deviation = [round(float(value), 6) for value in np.maximum(features.std(axis=0), 1e-3)]

    def _read(self, path: str) -> np.ndarray:
        samples, rate = read(path)
        seconds = len(samples) / rate
        if seconds > self.max_length * STEP + WINDOW:
            raise TooLong(
                f"{path}: the recording lasts {seconds:.1f} seconds, {seconds / STEP:.0f} frames of 10 ms, and at most "
                f"{self.max_length} are allowed; divide it, or raise --max-length"
            )
        return resample(samples, rate, self.rate)

    def _hear(self, samples: np.ndarray) -> np.ndarray:
        if self.feature_mean == "running":
            running = RunningLogMel(self.rate, self.bands, np.array(self.average))
            return np.concatenate([running.hear(samples), running.finish()])
        features = compute_log_mel(samples, self.rate, self.bands)
        if self.feature_mean == "recording":
            return features - features.mean(axis=0)
        features = features - features.mean() - np.array(self.average, "float32")
        return features - features.sum(axis=0) / (len(features) + PRIOR)

    def encode(self, path: str) -> Arrays:
        if not isinstance(path, str):
            raise BadInput(f"expected the path of a sound file, got {path!r:.60}")
        return self._scale(self._hear(self._read(path)))

    def _scale(self, features: np.ndarray) -> Arrays:
        return {"frames": (features / np.array(self.deviation, "float32"))[: self.max_length]}

    def resample(self, paths: Sequence[str], seed: int) -> list[Arrays] | None:
        if not (self.speed_perturbation or self.noise_level):
            return None
        return [self._perturb(path, np.random.default_rng((seed, place))) for place, path in enumerate(paths)]

    def _perturb(self, path: str, generator: np.random.Generator) -> Arrays:
        """Return a recording at another speed, and with noise, each drawn at random.

        One that would be longer than the longest allowed keeps its speed.
        """
        samples = self._read_often(path)
        speed = draw_speed(self.speed_perturbation, generator)
        if len(samples) / speed <= (self.max_length * STEP + WINDOW) * self.rate:
            samples = change_speed(samples, speed)
        if self.noise_level:
            samples = add_noise(samples, self.noise_level, generator)
        return self._scale(self._hear(samples))

    def _read_often(self, path: str) -> np.ndarray:
        """Return the samples of a recording; from memory, where it has been read and there was room."""
        samples = self._kept.get(path)
        if samples is None:
            samples = self._read(path)
            if samples.nbytes <= self._room:
                self._kept[path] = samples
                self._room -= samples.nbytes
        return samples

    def fingerprint(self, path: str) -> tuple[int, int]:
        """Return two numbers that are others when the file is written again."""
        found = Path(path).stat()
        return found.st_size, found.st_mtime_ns

    def list_steps(self, path: str, arrays: Arrays) -> Sequence[str]:
        return [f"{number * STEP:.2f} s" for number in range(len(arrays["frames"]))]

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

    def listen(self, rate: int | None = None) -> "SoundListener | None":
        return SoundListener(self, rate or self.rate) if self.feature_mean == "running" else None


class SoundListener:
    """A recording that comes bit by bit -> {"frames": (time, bands)}: what `Sound.encode` makes of all of it.

    rate: samples a second of what is heard.
    """

    def __init__(self, sound: Sound, rate: int):
        self.running = RunningLogMel(sound.rate, sound.bands, np.array(sound.average))
        self.deviation = np.array(sound.deviation, "float32")
        self.resampler = Resampler(rate, sound.rate)

    def hear(self, samples: np.ndarray) -> Arrays:
        return {"frames": self.running.hear(self.resampler.push(samples)) / self.deviation}

    def finish(self) -> Arrays:
        rest = self.resampler.push(np.zeros(0, "float32"), last=True)
        return {"frames": np.concatenate([self.running.hear(rest), self.running.finish()]) / self.deviation}
