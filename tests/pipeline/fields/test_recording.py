import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import Image, Pixels, Sound, recording
from tests.pipeline.fields import RATE, tone, write


@pytest.mark.parametrize(
    "name, subtype, error",
    [
        ("a.wav", "PCM_U8", 1e-2),
        ("a.wav", "PCM_16", 1e-4),
        ("a.wav", "PCM_24", 1e-6),
        ("a.wav", "PCM_32", 1e-6),
        ("a.wav", "FLOAT", 1e-6),
        ("a.wav", "DOUBLE", 1e-6),
        ("a.flac", "PCM_16", 1e-4),
        ("a.flac", "PCM_24", 1e-6),
    ],
)
def test_samples_of_any_width_are_read_the_same(tmp_path, name, subtype, error):
    samples, rate = recording.read(write(tmp_path / name, subtype=subtype))
    assert (samples.dtype, rate) == ("float32", RATE)
    np.testing.assert_allclose(samples, tone(), atol=error)


def test_channels_are_averaged(tmp_path):
    left, right = tone(seed=1), tone(hertz=300, seed=2)
    samples, _ = recording.read(write(tmp_path / "a.wav", np.stack([left, right], axis=1), subtype="FLOAT"))
    np.testing.assert_allclose(samples, (left + right) / 2, atol=1e-6)


def test_a_tone_recorded_at_another_rate_is_the_same_tone():
    for rate in (16000, 11025, 44100):
        found = recording.resample(np.sin(2 * np.pi * 440 * np.arange(rate) / rate), rate, RATE)
        expected = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
        np.testing.assert_allclose(found[400:-400], expected[400:-400], atol=5e-3)


def test_a_recording_from_a_pipe_does_not_know_its_size_and_is_read(tmp_path):
    path = write(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    np.testing.assert_allclose(recording.read(path)[0], tone(), atol=1e-4)


def cut(path, share):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: (path.unlink(), path.mkdir()), "not a file"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.write_bytes(b"this is no sound" * 9), "not a sound file that can be read"),
        (lambda path: path.write_bytes(b"RIFF"), "not a sound file|cut short"),
        (lambda path: write(path, np.zeros(0)), "a header and no sound"),
        (lambda path: write(path, np.full(900, np.nan), subtype="FLOAT"), "900 samples are no numbers"),
        (lambda path: write(path, rate=900), "900 samples a second"),
        (lambda path: cut(path, 0.5), "cut short"),
        (lambda path: cut(path, 0.001), "not a sound file|cut short"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_path(tmp_path, spoil, message):
    path = write(tmp_path / "a.wav")
    spoil(path)
    with pytest.raises(BadInput, match=message) as caught:
        recording.read(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_flac_file_cut_short_is_refused(tmp_path):
    path = write(tmp_path / "a.flac", tone(3.0))
    cut(path, 0.5)
    with pytest.raises(BadInput, match="cut short|cannot be read"):
        recording.read(path)


@pytest.mark.parametrize("wanted", [RATE, 16000, 11025, 6000, 4410])
@pytest.mark.parametrize("sizes", [[5000], [1] * 300 + [4700], [1000, 7, 2000, 1993]])
def test_a_recording_that_comes_bit_by_bit_is_resampled_the_same(wanted, sizes):
    samples = tone(1.0)[:5000]
    resampler, parts = recording.Resampler(RATE, wanted), []
    for first, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        parts.append(resampler.push(samples[first : first + size]))
    assert len(resampler.left) < 3000
    parts.append(resampler.push(samples[:0], last=True))
    np.testing.assert_allclose(np.concatenate(parts), recording.resample(samples, RATE, wanted), atol=1e-6)


@pytest.mark.parametrize("kind", [Sound, Image, Pixels])
@pytest.mark.parametrize("typed", ["\0", "x" * 300, "a/" * 3000, "~no such user/a", "/dev/null", "/dev/zero", "/tmp"])
def test_a_path_that_is_typed_and_that_of_no_file_is_refused_in_one_line(kind: type, typed: str) -> None:
    field = kind()
    with pytest.raises(BadInput, match="there is no such|not a file") as caught:
        field.encode(field.parse(typed))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
