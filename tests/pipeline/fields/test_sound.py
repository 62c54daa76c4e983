import numpy as np
import pytest
import soundfile

from pipeline import fields
from pipeline.errors import BadInput
from pipeline.fields import sound
from pipeline.fields.sound import Sound

RATE = 8000


def tone(seconds=0.3, rate=RATE, hertz=440.0, seed=0):
    """A tone in a little noise, (time,) of float between -1 and 1."""
    time = np.arange(round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * hertz * time) + 0.01 * np.random.default_rng(seed).normal(size=len(time))


def write(path, samples=None, rate=RATE, **how):
    soundfile.write(path, tone(rate=rate) if samples is None else samples, rate, **how)
    return path


def fitted(paths, **how):
    field = Sound(**({"max_length": 1000} | how))
    field.fit(map(str, paths))
    return field


def test_features_are_those_of_the_definition():
    samples, bands = tone(0.05), 12
    width, step, size = 200, 80, 256  # 25 and 10 ms
    expected = np.zeros((3, bands))
    peaks = np.linspace(1127 * np.log(1 + 20 / 700), 1127 * np.log(1 + 4000 / 700), bands + 2)
    for frame in range(3):
        piece = samples[frame * step : frame * step + width]
        for bin in range(size // 2 + 1):
            sum_of_waves = sum(
                (0.5 - 0.5 * np.cos(2 * np.pi * n / width)) * value * np.exp(-2j * np.pi * bin * n / size)
                for n, value in enumerate(piece)
            )
            mel = 1127 * np.log(1 + bin * RATE / size / 700)
            for band in range(bands):
                left, peak, right = peaks[band : band + 3]
                share = (mel - left) / (peak - left) if mel <= peak else (right - mel) / (right - peak)
                expected[frame, band] += max(0, share) * abs(sum_of_waves) ** 2
    found = sound.compute_features(samples, RATE, bands)
    np.testing.assert_allclose(found, np.log10(expected), atol=1e-4)


@pytest.mark.parametrize("rate, size, bands", [(8000, 256, 40), (16000, 512, 40), (22050, 1024, 80)])
def test_bands_are_those_of_tensorflow(rate, size, bands):
    tensorflow = pytest.importorskip("tensorflow")
    expected = tensorflow.signal.linear_to_mel_weight_matrix(bands, size // 2 + 1, rate, 20.0, rate / 2).numpy()
    filters = sound.make_filters(rate, size, bands)
    np.testing.assert_allclose(filters, expected, atol=2e-4)
    assert (filters.sum(axis=0) > 0).all()


def test_windows_are_25_ms_every_10_ms_and_a_shorter_recording_gives_one():
    for count, frames in ((1, 1), (199, 1), (200, 1), (279, 1), (280, 2), (8000, 98)):
        assert sound.compute_features(np.ones(count), RATE, 40).shape == (frames, 40)


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
    samples, rate = sound.read(write(tmp_path / name, subtype=subtype))
    assert (samples.dtype, rate) == ("float32", RATE)
    np.testing.assert_allclose(samples, tone(), atol=error)


def test_channels_are_averaged(tmp_path):
    left, right = tone(seed=1), tone(hertz=300, seed=2)
    samples, _ = sound.read(write(tmp_path / "a.wav", np.stack([left, right], axis=1), subtype="FLOAT"))
    np.testing.assert_allclose(samples, (left + right) / 2, atol=1e-6)


def test_a_tone_recorded_at_another_rate_is_the_same_tone():
    for rate in (16000, 11025, 44100):
        found = sound.resample(np.sin(2 * np.pi * 440 * np.arange(rate) / rate), rate, RATE)
        expected = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
        np.testing.assert_allclose(found[400:-400], expected[400:-400], atol=5e-3)


def test_a_recording_from_a_pipe_does_not_know_its_size_and_is_read(tmp_path):
    path = write(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    np.testing.assert_allclose(sound.read(path)[0], tone(), atol=1e-4)


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
        sound.read(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_flac_file_cut_short_is_refused(tmp_path):
    path = write(tmp_path / "a.flac", tone(3.0))
    cut(path, 0.5)
    with pytest.raises(BadInput, match="cut short|cannot be read"):
        sound.read(path)


def test_features_have_the_training_data_s_spread_and_no_mean(tmp_path):
    paths = [write(tmp_path / f"{n}.wav", tone(0.5, hertz=200 * n, seed=n)) for n in range(1, 6)]
    field = fitted(paths)
    frames = np.concatenate([field.encode(str(path))["frames"] for path in paths])
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-3)
    np.testing.assert_allclose(field.encode(str(paths[0]))["frames"].mean(axis=0), 0, atol=1e-5)
    again = fields.restore(Sound(1000), fields.save(field))
    np.testing.assert_array_equal(again.encode(str(paths[0]))["frames"], field.encode(str(paths[0]))["frames"])
    assert field.arrays["frames"].shape == (None, 40)


def test_loudness_changes_nothing(tmp_path):
    loud, soft = (write(tmp_path / f"{n}.wav", tone() * n, subtype="FLOAT") for n in (1.0, 0.01))
    field = fitted([loud])
    np.testing.assert_allclose(field.encode(str(soft))["frames"], field.encode(str(loud))["frames"], atol=1e-3)


def test_silence_is_all_0(tmp_path):
    field = fitted([write(tmp_path / "a.wav")])
    frames = field.encode(str(write(tmp_path / "b.wav", np.zeros(4000))))["frames"]
    assert frames.shape == (48, 40) and not frames.any()


def test_the_rate_is_the_most_frequent_of_the_training_data_and_others_are_brought_to_it(tmp_path):
    paths = [write(tmp_path / f"{n}.wav", rate=rate) for n, rate in enumerate((16000, RATE, RATE, 44100))]
    field = fitted(paths)
    assert field.rate == RATE
    assert {field.encode(str(path))["frames"].shape for path in paths} == {(28, 40)}


def test_a_recording_that_is_too_long_is_refused_with_its_length(tmp_path):
    field = fitted([write(tmp_path / "a.wav")], max_length=50)
    with pytest.raises(BadInput, match=r"lasts 2.0 seconds, 200 frames .* at most 50 .*--max-length"):
        field.encode(str(write(tmp_path / "b.wav", tone(2.0))))


def test_a_typed_line_is_a_path_without_the_spaces_around_it():
    assert Sound(10).parse(" a b.wav\n") == "a b.wav"


def test_a_file_that_is_written_again_has_another_stamp(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    before = Sound(100).stamp(path)
    assert Sound(100).stamp(path) == before
    write(tmp_path / "a.wav", tone(hertz=220.0))
    assert Sound(100).stamp(path) != before
