"""Speed and noise: against what they do to tones, whose spectrum is known."""

import numpy as np
import pytest

from pipeline.fields.perturbation import SOFTEST, STEPS, add_noise, change_speed, draw_speed
from tests.pipeline.fields import RATE, tone


def find_pitch(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / RATE)[spectrum.argmax()])


@pytest.mark.parametrize("speed", [0.5, 0.9, 0.975, 1.0, 1.1, 1.5])
def test_faster_is_shorter_and_higher_by_the_same_factor(speed: float) -> None:
    samples = np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE).astype("float32")
    found = change_speed(samples, speed)
    assert len(found) == pytest.approx(len(samples) / speed, abs=1)
    assert find_pitch(found) == pytest.approx(500 * speed, abs=2)


def test_speeds_are_drawn_evenly_up_to_the_most_on_both_sides() -> None:
    generator = np.random.default_rng(0)
    found = [draw_speed(0.1, generator) for _ in range(900)]
    known, counts = np.unique(found, return_counts=True)
    np.testing.assert_allclose(known, 1 + np.arange(-4, 5) / STEPS)
    assert counts.min() > 60
    assert {draw_speed(0.0, generator) for _ in range(20)} == {1.0}


def test_noise_is_as_loud_as_the_level_at_most_and_never_the_same() -> None:
    generator = np.random.default_rng(0)
    samples = tone(0.5)
    noises = [add_noise(samples, 0.2, generator) - samples for _ in range(200)]
    shares = np.array([np.sqrt(np.mean(noise**2) / np.mean(samples**2)) for noise in noises]) / 0.2
    assert SOFTEST * 0.99 <= shares.min() < 0.02 and 0.9 < shares.max() <= 1.01
    # Evenly in decibels: half of them are below 20, which is a tenth.
    assert np.median(shares) == pytest.approx(SOFTEST**0.5, rel=0.3)
    # Pink noise has more of its power in the lower half of the frequencies, white noise as much in both.
    spectra = [np.abs(np.fft.rfft(noise)) ** 2 for noise in noises]
    low = np.array([power[: len(power) // 2].sum() / power.sum() for power in spectra])
    assert low.min() > 0.45 and low.max() > 0.8


def test_silence_stays_silence() -> None:
    assert not add_noise(np.zeros(4000, "float32"), 1.0, np.random.default_rng(0)).any()
