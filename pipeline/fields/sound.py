"""Sound: recordings read from their files, and the log-mel features that a model hears.

A recording is cut into windows of 25 ms, one every 10 ms. The power spectrum of each (Hann window, Fourier transform)
is summed in bands that are equally wide on the mel scale, which is how the ear tells pitches apart, and the logarithm
taken (Davis and Mermelstein 1980).
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from math import gcd
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pipeline.errors import BadInput
from pipeline.fields import Array

WINDOW, STEP = 0.025, 0.010  # seconds
LOWEST = 20.0  # hertz; below it there is hum, and no speech
SLOWEST = 4000  # samples a second; a file with fewer holds no speech that could be understood
# What is weaker than the loudest by this factor (80 decibels) counts as silence.
SILENCE = 1e-8
FITTED = 500  # recordings from which the spread of the features is measured


@contextmanager
def open_recording(path: Path) -> Iterator[Any]:
    """Open a sound file; BadInput with its path for one that is missing, empty, cut short, or no sound at all."""
    import soundfile

    if not path.is_file():
        problem = "not a file" if path.exists() else f"there is no such file (the current directory is {Path.cwd()})"
        raise BadInput(f"{path}: {problem}; expected a sound file, WAV or FLAC")
    missing = _count_missing(path)
    if missing:
        raise BadInput(f"{path}: the recording is cut short: {missing:,} bytes that its header tells of are not there")
    try:
        file = soundfile.SoundFile(_tell_length(path) if is_endless(path) else path)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise BadInput(f"{path}: not a sound file that can be read ({reason}); expected WAV or FLAC") from None
    with file:
        if not file.frames:
            raise BadInput(f"{path}: the recording is empty: its file has a header and no sound")
        if file.samplerate < SLOWEST:
            raise BadInput(
                f"{path}: {file.samplerate} samples a second; speech needs at least {SLOWEST:,}. Is the header damaged?"
            )
        yield file


def is_endless(path: Path) -> bool:
    """Return whether a WAV file does not tell its length: programs that write to a pipe do not know it.

    They leave nothing, or the greatest number: ffmpeg of 32 bits, sox of 31 with a round number taken off.
    """
    with path.open("rb") as file:
        head = file.read(8)
    told = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and (told == 0 or told > path.stat().st_size + 2**30)


def _tell_length(path: Path) -> io.BytesIO:
    """Return a WAV file that does not tell its length with one that does: libsndfile takes 0 at its word."""
    content = bytearray(path.read_bytes())
    content[4:8] = max(0, len(content) - 8).to_bytes(4, "little")
    data = content.find(b"data", 12)
    if data >= 0:
        content[data + 4 : data + 8] = max(0, len(content) - data - 8).to_bytes(4, "little")
    return io.BytesIO(bytes(content))


def _count_missing(path: Path) -> int:
    """Return how many bytes a WAV file lacks; libsndfile reads what is there without a word."""
    size = path.stat().st_size
    if not size:
        raise BadInput(f"{path}: the file is empty; expected a sound file, WAV or FLAC")
    with path.open("rb") as file:
        head = file.read(8)
    told = int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" or is_endless(path):
        return 0
    # Some count their own eight bytes in.
    return max(0, told - size) and told + 8 - size


def find_rate(path: str | Path) -> int:
    """Return a recording's samples a second, out of the head of its file; BadInput as `open_recording`."""
    with open_recording(Path(path)) as file:
        return file.samplerate


def read(path: str | Path) -> tuple[np.ndarray, int]:
    """Return the samples, (time,) of float32 between -1 and 1, and how many there are a second.

    Any width of the samples, integers or floats; several channels are averaged.
    Raises BadInput as `open_recording`, and for samples that are no numbers.
    """
    import soundfile

    with open_recording(Path(path)) as file:
        promised, rate = file.frames, file.samplerate
        try:
            samples = file.read(dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            reason = error.error_string.rstrip(".")
            raise BadInput(f"{path}: the sound cannot be read, perhaps the file is cut short ({reason})") from None
    if len(samples) < promised:
        raise BadInput(f"{path}: the recording is cut short: {len(samples):,} samples of {promised:,} are there")
    if not np.isfinite(samples).all():
        raise BadInput(f"{path}: {np.sum(~np.isfinite(samples)):,} samples are no numbers (NaN or infinite)")
    return samples.mean(axis=1), rate


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return the samples as if recorded at `wanted` a second, without what that rate cannot hold."""
    from scipy.signal import resample_poly

    shared = gcd(rate, wanted)
    return samples if rate == wanted else resample_poly(samples, wanted // shared, rate // shared)


def to_mel(hertz: Any) -> Any:
    """Return frequencies on the mel scale, m = 1127 ln(1 + f / 700) (O'Shaughnessy 1987)."""
    return 1127 * np.log1p(np.asarray(hertz) / 700)


@cache
def make_filters(rate: int, size: int, bands: int) -> np.ndarray:
    """Return the weights of the frequencies of a Fourier transform in each band, (size // 2 + 1, bands).

    Triangles on the mel scale from 20 hertz to half the rate, each reaching from the peak before it to the one after.
    """
    edges = np.linspace(to_mel(LOWEST), to_mel(rate / 2), bands + 2)
    frequencies = to_mel(np.fft.rfftfreq(size, 1 / rate))[:, None]
    left, peak, right = edges[:-2], edges[1:-1], edges[2:]
    rise, fall = (frequencies - left) / (peak - left), (right - frequencies) / (right - peak)
    return np.maximum(0, np.minimum(rise, fall)).astype("float32")


def compute_features(samples: np.ndarray, rate: int, bands: int) -> np.ndarray:
    """Return the log-mel features, (frames, bands) of float32: the powers of ten of each band's energy.

    A last window that is not full is left out; a recording shorter than one window is filled up with silence.
    """
    width, step = round(WINDOW * rate), round(STEP * rate)
    samples = np.pad(samples, (0, max(0, width - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(samples, width)[::step]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
    size = 1 << (width - 1).bit_length()
    power = np.abs(np.fft.rfft(windows * hann, size)) ** 2
    energy = power @ make_filters(rate, size, bands)
    floor = max(float(energy.max()) * SILENCE, 1e-30)
    return np.log10(np.maximum(energy, floor)).astype("float32")


@dataclass
class Sound:
    """A recording, as the path of its file -> {"frames": (time, bands)}, one frame for every 10 ms.

    From each band the recording's own mean is taken, so that neither how loud it is nor the microphone matters, and
    the rest divided by the standard deviation of that in the training data.

    max_length: most frames. rate: samples a second to which all recordings are brought; most of the training data's.
    """

    max_length: int
    bands: int = 40
    rate: int = 0
    deviation: list[float] = field(default_factory=list)
    closed: ClassVar[bool] = False
    cut: ClassVar[int] = 0

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
        features = compute_features(resample(samples, rate, self.rate), self.rate, self.bands)
        return features - features.mean(axis=0)

    def refuse(self, path: str) -> str | None:
        """Return None: the reader has opened each recording."""

    def encode(self, path: str) -> dict[str, np.ndarray]:
        if not isinstance(path, str):
            raise BadInput(f"expected the path of a sound file, got {path!r:.60}")
        frames = self._hear(path) / np.array(self.deviation, "float32")
        return {"frames": frames[: self.max_length]}

    def stamp(self, path: str) -> tuple[int, int]:
        """Return two numbers that are others when the file is written again."""
        found = Path(path).stat()
        return found.st_size, found.st_mtime_ns

    @property
    def arrays(self) -> dict[str, Array]:
        return {"frames": Array((None, self.bands), "float32")}

    def parse(self, text: str) -> str:
        """Return the path that one line of text, typed by a user, stands for."""
        return text.strip()
