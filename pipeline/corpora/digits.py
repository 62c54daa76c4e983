"""Spoken digits: strings of one to five of them, synthesised once, and kept in the cache as sound files and tables."""

import random
import re
from pathlib import Path

import numpy as np

from pipeline import cache, files
from pipeline.corpora import espeak
from pipeline.example import Splits
from pipeline.fields.recording import resample
from pipeline.readers import recordings
from pipeline.readers.request import Request
from pipeline.readers.tabular.columns import Columns
from pipeline.worker import Worker

# To be raised with every change below: it names the folder.
VERSION = 1
DIGITS = "zero one two three four five six seven eight nine".split()
ACCENTS = ("en", "en-us", "en-us-nyc", "en-029", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
COUNTS = {"train": 3000, "validation": 300, "test": 300}
SHARES = {"validation": 0.15, "test": 0.15}  # of the voices
RATE = 8000  # samples per second, as on the telephone


def spoken_digits() -> Splits:
    """Return recordings and what is said in them: 3,000 to train on, 300 each for validation and test.

    Each split has voices of its own. They are made at the first call, in seconds.
    """
    folder = cache.folder() / f"spoken-digits-{VERSION}"
    if not folder.exists():
        make_in_worker(folder)
    return recordings.read(Request(folder, Columns(("audio",), ("text",))), say=lambda line: None)


def make_in_worker(folder: Path, counts: dict[str, int] = COUNTS) -> None:
    """Call `make` in a process of its own, where the synthesiser is in its first state: the same sounds every time."""
    worker = Worker()
    try:
        worker.call(make, folder, counts)
    finally:
        worker.end()


def divide_voices(names: list[str], seed: int = 0) -> dict[str, list[str]]:
    """Return the voices of each split; those of one name and different numbers (steph, steph2) stay together."""
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(re.sub(r"\d+$", "", name.lower()), []).append(name)
    order = sorted(families)
    random.Random(seed).shuffle(order)
    ends = {"validation": round(SHARES["validation"] * len(order))}
    ends["test"] = ends["validation"] + round(SHARES["test"] * len(order))
    parts = {
        "train": order[ends["test"] :],
        "validation": order[: ends["validation"]],
        "test": order[ends["validation"] : ends["test"]],
    }
    return {split: [name for family in part for name in families[family]] for split, part in parts.items()}


def make(folder: Path, counts: dict[str, int] = COUNTS, seed: int = 0) -> None:
    """Write sound files and train.tsv, validation.tsv and test.tsv into a new folder, whole or not at all."""
    import soundfile

    synthesiser = espeak.load()
    # A whisper has no pitch, and is another task.
    voices = divide_voices([name for name in synthesiser.variants if not name.startswith("whisper")], seed)

    def fill(new: Path) -> None:
        for split, count in counts.items():
            chance = random.Random(f"{seed} {split}")
            lines = ["audio\ttext\tvoice"]
            for number in range(count):
                text = " ".join(chance.choices(DIGITS, k=chance.randint(1, 5)))
                # Each voice in turn.
                voice = f"{chance.choice(ACCENTS)}+{voices[split][number % len(voices[split])]}"
                speed, pitch, liveliness = (chance.randint(*span) for span in ((130, 230), (25, 75), (20, 80)))
                samples = synthesiser.say(text, voice, speed=speed, pitch=pitch, liveliness=liveliness)
                name = f"{split}-{number:04}.flac"
                soundfile.write(new / name, record(samples, synthesiser.rate, chance), RATE, subtype="PCM_16")
                lines.append(f"{name}\t{text}\t{voice}")
            (new / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    files.write_folder(folder, fill)


def record(samples: np.ndarray, rate: int, chance: random.Random) -> np.ndarray:
    """Return spoken samples as a microphone would have them: (time,) between -1 and 1, 8,000 per second.

    White noise 10 to 40 decibels below the voice, up to 0.2 seconds of it before and after, and any loudness.
    """
    voice = resample(samples / 2**15, rate, RATE)
    noise = np.random.default_rng(chance.getrandbits(32))
    voice = np.pad(voice, [int(chance.uniform(0, 0.2) * RATE) for _ in range(2)])
    level = np.sqrt(np.mean(voice**2)) * 10 ** (-chance.uniform(10, 40) / 20)
    heard = voice + level * noise.normal(size=len(voice))
    return (heard * (10 ** chance.uniform(-1.5, -0.1) / np.abs(heard).max())).astype("float32")
