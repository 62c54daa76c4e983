"""Recordings played faster or slower, and with noise: what training draws anew of each in every epoch."""

import numpy as np

from pipeline.fields.recording import resample

# Speeds are drawn in steps of 1 / STEPS: the filter that changes the rate is the longer, the finer they are.
STEPS = 40
# How far below its loudest the softest noise is, as a share.
SOFTEST = 0.01


def draw_speed(most: float, generator: np.random.Generator) -> float:
    """Return a speed between 1 - most and 1 + most, all as likely, in steps of 1 / STEPS."""
    reach = int(most * STEPS + 1e-6)
    return 1 + int(generator.integers(-reach, reach + 1)) / STEPS


def change_speed(samples: np.ndarray, speed: float) -> np.ndarray:
    """Return the samples as if played so many times faster: shorter, and every pitch higher (Ko et al. 2015).

    x(t) becomes x(speed * t). speed: in steps of 1 / STEPS.
    """
    return resample(samples, round(speed * STEPS), STEPS)


def add_noise(samples: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    """Return the samples with noise of a loudness and colour drawn at random.

    Its root mean square is between SOFTEST and 1 times `level` times that of the samples, evenly in decibels. Its
    power falls with the frequency f as 1 / f ** c, with c between 0 (white noise) and 1 (pink noise, as in streets).
    """
    share, colour = SOFTEST ** generator.random(), generator.random()
    bins = len(samples) // 2 + 1
    spectrum = generator.standard_normal(bins) + 1j * generator.standard_normal(bins)
    noise = np.fft.irfft(spectrum * np.arange(1, bins + 1) ** (-colour / 2), len(samples))
    loudness, own = (np.sqrt(np.mean(np.square(part))) for part in (samples, noise))
    return (samples + noise * (level * share * loudness / max(own, 1e-30))).astype("float32")
