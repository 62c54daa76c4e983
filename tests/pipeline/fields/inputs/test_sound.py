import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import Sound, restore, save
from pipeline.fields.log_mel import compute_log_mel
from tests.pipeline.fields import RATE, tone, write


def fit(paths, **how):
    field = Sound(**({"max_length": 1000} | how))
    field.fit(map(str, paths))
    return field


def test_features_have_the_training_data_s_spread_and_no_mean(tmp_path):
    paths = [write(tmp_path / f"{n}.wav", tone(0.5, hertz=200 * n, seed=n)) for n in range(1, 6)]
    field = fit(paths)
    frames = np.concatenate([field.encode(str(path))["frames"] for path in paths])
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-3)
    np.testing.assert_allclose(field.encode(str(paths[0]))["frames"].mean(axis=0), 0, atol=1e-5)
    again = restore(Sound(1000), save(field))
    np.testing.assert_array_equal(again.encode(str(paths[0]))["frames"], field.encode(str(paths[0]))["frames"])
    assert field.arrays["frames"].shape == (None, 40)


def test_loudness_changes_nothing(tmp_path):
    loud, soft = (write(tmp_path / f"{n}.wav", tone() * n, subtype="FLOAT") for n in (1.0, 0.01))
    field = fit([loud])
    np.testing.assert_allclose(field.encode(str(soft))["frames"], field.encode(str(loud))["frames"], atol=1e-3)


def test_silence_is_all_0(tmp_path):
    field = fit([write(tmp_path / "a.wav")])
    frames = field.encode(str(write(tmp_path / "b.wav", np.zeros(4000))))["frames"]
    assert frames.shape == (48, 40) and not frames.any()


def test_the_rate_is_the_most_frequent_of_the_training_data_and_others_are_brought_to_it(tmp_path):
    paths = [write(tmp_path / f"{n}.wav", rate=rate) for n, rate in enumerate((16000, RATE, RATE, 44100))]
    field = fit(paths)
    assert field.rate == RATE
    assert {field.encode(str(path))["frames"].shape for path in paths} == {(28, 40)}


def test_a_recording_that_is_too_long_is_refused_with_its_length(tmp_path):
    field = fit([write(tmp_path / "a.wav")], max_length=50)
    with pytest.raises(BadInput, match=r"lasts 2.0 seconds, 200 frames .* at most 50 .*--max-length"):
        field.encode(str(write(tmp_path / "b.wav", tone(2.0))))


def test_a_typed_line_is_a_path_without_the_spaces_around_it():
    assert Sound(10).parse(" a b.wav\n") == "a b.wav"


def test_a_file_that_is_written_again_has_another_fingerprint(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    before = Sound(100).fingerprint(path)
    assert Sound(100).fingerprint(path) == before
    write(tmp_path / "a.wav", tone(hertz=220.0))
    assert Sound(100).fingerprint(path) != before


@pytest.mark.parametrize("seconds", [0.02, 0.025, 0.1, 0.299, 0.3, 0.505, 1.0])
def test_the_length_that_the_head_of_a_file_gives_is_the_number_of_frames(seconds, tmp_path):
    path = str(write(tmp_path / "a.wav", tone(seconds)))
    field = fit([path])
    assert field.measure(path) == len(field.encode(path)["frames"])


@pytest.mark.parametrize(
    "samples, flaws",
    [
        (tone(), []),
        (np.zeros(4000), ["silence only"]),
        (np.clip(4 * tone(), -0.9, 0.9), ["clipped sound, recorded too loud"]),
        (tone(0.05), ["less than 0.1 seconds"]),
    ],
)
def test_silent_clipped_and_very_short_recordings_are_told(samples, flaws, tmp_path):
    assert list(Sound(1000).find_flaws(str(write(tmp_path / "a.wav", samples)))) == flaws


@pytest.mark.parametrize("rate", [RATE, 11025])
def test_a_recording_is_heard_bit_by_bit_as_it_is_encoded_whole(tmp_path, rate):
    paths = [write(tmp_path / f"{n}.wav", tone(0.5, hertz=200 * n, seed=n)) for n in range(1, 4)]
    field = fit(paths, feature_mean="running")
    samples = tone(0.7, seed=5)
    path = write(tmp_path / "b.wav", samples, rate=rate, subtype="FLOAT")
    listener = field.listen(rate)
    parts = [listener.hear(samples[first : first + 333])["frames"] for first in range(0, len(samples), 333)]
    found = np.concatenate([*parts, listener.finish()["frames"]])
    np.testing.assert_allclose(found, field.encode(str(path))["frames"], atol=1e-4)
    again = restore(Sound(1000, feature_mean="running"), save(field))
    np.testing.assert_array_equal(again.encode(str(path))["frames"], field.encode(str(path))["frames"])


def test_a_running_mean_needs_no_later_frame(tmp_path):
    field = fit([write(tmp_path / "a.wav", tone(0.5))], feature_mean="running")
    short, long = (field.encode(str(write(tmp_path / f"{n}.wav", tone(1.0)[:n])))["frames"] for n in (2000, 6000))
    np.testing.assert_allclose(long[: len(short)], short, atol=1e-5)


def test_the_mean_of_the_recording_cannot_be_heard_bit_by_bit(tmp_path):
    field = fit([write(tmp_path / "a.wav", tone(0.5))])
    assert field.listen() is None
    saved = {name: value for name, value in save(field).items() if name not in ("average", "feature_mean")}
    assert restore(Sound(1000), saved) == field


def test_training_hears_a_recording_at_other_speeds_and_with_noise_the_same_for_the_same_seed(tmp_path):
    path = str(write(tmp_path / "a.wav", tone(0.5)))
    plain = fit([path])
    assert plain.resample([path], 0) is None
    varied = fit([path], speed_perturbation=0.2, noise_level=0.1)
    drawn = [one["frames"] for one in varied.resample([path] * 40, 0)]
    np.testing.assert_array_equal(varied.resample([path] * 8, 0)[7]["frames"], drawn[7])
    assert len(varied.resample([path], 1)[0]["frames"]) != len(drawn[0])
    lengths = {len(frames) for frames in drawn}
    assert min(lengths) == 40 and max(lengths) == 61
    np.testing.assert_array_equal(varied.encode(path)["frames"], plain.encode(path)["frames"])


def test_no_recording_becomes_longer_than_the_longest_allowed(tmp_path):
    path = str(write(tmp_path / "a.wav", tone(0.5)))
    lengths = {
        len(one["frames"]) for one in fit([path], speed_perturbation=0.5, max_length=50).resample([path] * 60, 0)
    }
    assert max(lengths) <= 50 and min(lengths) < 40


def test_a_shrunk_mean_is_that_of_training_in_a_short_recording_and_its_own_in_a_long_one(tmp_path):
    paths = [write(tmp_path / f"{n}.wav", tone(0.5, hertz=300 * n, seed=n)) for n in range(1, 6)]
    field = fit(paths, feature_mean="shrunk")
    assert len(field.average) == 40 and abs(sum(field.average)) < 1e-3
    sizes = {}
    for seconds in (0.1, 8.0):
        samples = np.random.default_rng(0).normal(size=int(seconds * RATE)) * 0.1
        loud, soft = (write(tmp_path / f"{seconds}-{n}.wav", samples * n, subtype="FLOAT") for n in (1, 0.01))
        frames = field.encode(str(loud))["frames"]
        np.testing.assert_allclose(field.encode(str(soft))["frames"], frames, atol=1e-3)
        plain = compute_log_mel(samples.astype("float32"), RATE, 40)
        excess = plain - plain.mean() - np.array(field.average)
        expected = excess - len(plain) / (len(plain) + 50) * excess.mean(axis=0)
        np.testing.assert_allclose(frames, expected / np.array(field.deviation), atol=1e-3)
        sizes[seconds] = np.abs(frames.mean(axis=0)).mean()
    assert sizes[0.1] > 5 * sizes[8.0]
    again = restore(Sound(1000, feature_mean="shrunk"), save(field))
    np.testing.assert_array_equal(again.encode(str(paths[0]))["frames"], field.encode(str(paths[0]))["frames"])
