import sys

import pytest

from pipeline.corpora import digits, espeak
from pipeline.errors import BadInput
from pipeline.fields import recording

COUNTS = {"train": 40, "validation": 8, "test": 8}


def make(folder):
    digits.make_in_worker(folder, COUNTS)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_files_are_made_every_time(tmp_path):
    first = make(tmp_path / "one")
    assert first == make(tmp_path / "other")
    assert len(first) == sum(COUNTS.values()) + 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]
    for name in first:
        if name.endswith(".flac"):
            samples, rate = recording.read(tmp_path / "one" / name)
            assert rate == digits.RATE and 0.2 < len(samples) / rate < 6 and 0.01 < abs(samples).max() <= 1


def test_no_voice_of_one_split_is_in_another():
    voices = digits.divide_voices(espeak.load().variants)
    families = {split: {name.lower().rstrip("0123456789") for name in names} for split, names in voices.items()}
    assert all(len(names) >= 8 for names in families.values())
    assert not families["train"] & families["test"] | families["train"] & families["validation"]
    assert not families["validation"] & families["test"]


def test_the_corpus_is_made_once_and_read_as_a_folder_of_recordings(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    made = []
    monkeypatch.setattr(digits, "make_in_worker", lambda folder: made.append(folder) or digits.make(folder, COUNTS))
    splits = digits.spoken_digits()
    assert {split: len(examples) for split, examples in splits.items()} == COUNTS
    assert {word for example in splits["train"] for word in example.output.split()} == set(digits.DIGITS)
    assert digits.spoken_digits() == splits and len(made) == 1


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(BadInput, match="pip install espeakng-loader==0.2.4, or give recordings .*--data"):
        espeak.load.__wrapped__()


def test_a_voice_that_does_not_exist_is_refused():
    with pytest.raises(BadInput, match="no voice 'xx-nowhere'"):
        espeak.load().say("one", "xx-nowhere")
