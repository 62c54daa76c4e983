import numpy as np
import pytest

from pipeline.fields import log_mel
from tests.pipeline.fields import RATE, tone


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
    found = log_mel.compute_log_mel(samples, RATE, bands)
    np.testing.assert_allclose(found, np.log10(expected), atol=1e-4)


@pytest.mark.parametrize("rate, size, bands", [(8000, 256, 40), (16000, 512, 40), (22050, 1024, 80)])
def test_bands_are_those_of_tensorflow(rate, size, bands):
    tensorflow = pytest.importorskip("tensorflow")
    expected = tensorflow.signal.linear_to_mel_weight_matrix(bands, size // 2 + 1, rate, 20.0, rate / 2).numpy()
    filters = log_mel.make_mel_filters(rate, size, bands)
    np.testing.assert_allclose(filters, expected, atol=2e-4)
    assert (filters.sum(axis=0) > 0).all()


def test_windows_are_25_ms_every_10_ms_and_a_shorter_recording_gives_one():
    for count, frames in ((1, 1), (199, 1), (200, 1), (279, 1), (280, 2), (8000, 98)):
        assert log_mel.compute_log_mel(np.ones(count), RATE, 40).shape == (frames, 40)


@pytest.mark.parametrize("sizes", [[8000], [1] * 400 + [7600], [79, 80, 81, 3000, 4760], [199, 1, 7800]])
def test_running_features_do_not_depend_on_how_the_recording_is_cut(sizes):
    samples, average = tone(1.0), np.linspace(-3, 0, 12)
    whole = log_mel.RunningLogMel(RATE, 12, average).hear(samples)
    running, parts = log_mel.RunningLogMel(RATE, 12, average), []
    for first, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        parts.append(running.hear(samples[first : first + size]))
    assert running.finish().shape == (0, 12)
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_running_features_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    # Loud after soft, so that what is silence changes.
    samples = (tone(0.3) * np.repeat([1e-5, 1.0, 1e-6], 800)).astype("float32")
    average, total, found = rng.normal(size=12), np.zeros(12), []
    loudest = 0.0
    for frame in range((2400 - 200) // 80 + 1):
        energy = log_mel.measure_energy(samples[frame * 80 : frame * 80 + 200], RATE, 12)[0]
        loudest = max(loudest, energy.max())
        feature = np.log10(np.maximum(energy, loudest * 1e-8))
        total += feature
        found.append(feature - (100 * average + total) / (100 + frame + 1))
    np.testing.assert_allclose(log_mel.RunningLogMel(RATE, 12, average).hear(samples), found, atol=1e-5)


def test_a_recording_of_less_than_a_window_has_one_frame():
    running = log_mel.RunningLogMel(RATE, 12, np.zeros(12))
    assert running.hear(tone(0.01)).shape == (0, 12)
    assert running.finish().shape == (1, 12)
