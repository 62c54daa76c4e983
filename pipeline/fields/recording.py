"""Recordings: samples out of sound files."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import BadInput
from pipeline.files import exists

if TYPE_CHECKING:
    from soundfile import SoundFile

# Samples a second. A file with fewer holds no speech that could be understood; none is recorded with more.
SLOWEST, FASTEST = 4000, 768_000
# Samples of all channels that are decoded at once, in 400 MB: 37 minutes at 44,100 a second. A small file of a kind
# that is packed can hold hours of silence.
MOST_SAMPLES = 10**8


@contextmanager
def open_recording(path: Path) -> "Iterator[SoundFile]":
    """Open a sound file; BadInput with its path for one that is missing, empty, cut short, or no sound at all."""
    import soundfile

    if not exists(path) or not path.is_file():
        problem = "not a file" if exists(path) else f"there is no such file (the current directory is {Path.cwd()})"
        raise BadInput(f"{path!s:.300}: {problem}; expected a sound file, WAV or FLAC")
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
        if file.samplerate > FASTEST:
            raise BadInput(
                f"{path}: {file.samplerate:,} samples a second; at most {FASTEST:,} are expected. Is the header right?"
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


def check(path: Path) -> None:
    """Raise BadInput, out of the head of a file, for a recording that `read` would refuse."""
    with open_recording(path) as file:
        _check_length(path, file)


def _check_length(path: Path, file: "SoundFile") -> None:
    if file.frames * file.channels > MOST_SAMPLES:
        raise BadInput(
            f"{path}: {file.frames:,} samples in {file.channels} channels; at most {MOST_SAMPLES:,} together are "
            "expected; divide the recording"
        )


def find_seconds(path: str | Path) -> float:
    """Return how long a recording lasts, out of the head of its file; BadInput as `open_recording`."""
    with open_recording(Path(path)) as file:
        return file.frames / file.samplerate


def read(path: str | Path) -> tuple[np.ndarray, int]:
    """Return the samples, (time,) of float32 between -1 and 1, and how many there are a second.

    Any width of the samples, integers or floats; several channels are averaged.
    Raises BadInput as `open_recording`, for more samples than are decoded at once, and for such as are no numbers.
    """
    import soundfile

    with open_recording(Path(path)) as file:
        _check_length(Path(path), file)
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


class Resampler:
    """`resample` of samples that come bit by bit: the same numbers, as soon as they no longer depend on what comes.

    scipy's filter reaches 10 samples of the slower rate to both sides, so that much is kept of what came before.
    """

    def __init__(self, rate: int, wanted: int):
        shared = gcd(rate, wanted)
        self.up, self.down = wanted // shared, rate // shared
        reach = -(-10 * max(self.up, self.down) // self.up)
        # A multiple of `down`, so that a block begins with a sample of the other rate.
        self.reach = -(-reach // self.down) * self.down
        self.left, self.before = np.zeros(0, "float32"), 0

    def push(self, samples: np.ndarray, last: bool = False) -> np.ndarray:
        """Return the samples at the other rate that are certain now; all that are left where these are the last."""
        from scipy.signal import resample_poly

        if self.up == self.down:
            return samples
        held = np.concatenate([self.left, samples])
        certain = len(held) - self.before
        if not last:
            certain = max(0, certain - self.reach) // self.down * self.down
        if not certain:
            self.left = held
            return np.zeros(0, "float32")
        first = self.before * self.up // self.down
        upto = None if last else (self.before + certain) * self.up // self.down
        found = resample_poly(held, self.up, self.down)[first:upto]
        done = self.before + certain
        self.before = min(self.reach, done)
        self.left = held[done - self.before :]
        return found
