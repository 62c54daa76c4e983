import numpy as np
import pytest
import soundfile

from pipeline.errors import BadInput
from pipeline.fields import recording
from pipeline.readers import recordings
from pipeline.readers.tabular.columns import Columns
from tests.pipeline import readers

COLUMNS = Columns(("audio", "path"), ("text",))


def read(path, said=None, **how):
    return readers.read(recordings.read, path, COLUMNS, said, **{"strict": True} | how)


def write(path, count=800, rate=8000):
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, np.sin(np.arange(count) / 9), rate)


def test_a_folder_with_tables_and_sound_files_gives_its_splits(tmp_path):
    write(tmp_path / "wav" / "a.wav")
    write(tmp_path / "b.flac", rate=16000)
    (tmp_path / "train.tsv").write_text("audio\ttext\nwav/a.wav\tone two\nb.flac\tthree\n")
    (tmp_path / "test.csv").write_text("text,path\nfour,b.flac\n")
    splits = read(tmp_path)
    assert list(splits) == ["train", "test"]
    assert [(example.input, example.output) for example in splits["train"]] == [
        (str(tmp_path / "wav" / "a.wav"), "one two"),
        (str(tmp_path / "b.flac"), "three"),
    ]
    assert splits["test"][0].origin == "test.csv:2"
    assert read(tmp_path / "train.tsv")["train"] == splits["train"]


@pytest.mark.parametrize(
    "row, message",
    [
        ("c.wav\tone", "no such file"),
        ("empty.wav\tone", "the file is empty"),
        ("cut.wav\tone", "cut short"),
        ("train.tsv\tone", "not a sound file"),
        ("a.wav\t", "the text is empty"),
        ("\tone", "the text is empty"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path, row, message):
    write(tmp_path / "a.wav")
    write(tmp_path / "cut.wav")
    (tmp_path / "cut.wav").write_bytes((tmp_path / "cut.wav").read_bytes()[:200])
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "train.tsv").write_text(f"audio\ttext\na.wav\tone\n{row}\n")
    with pytest.raises(BadInput, match=message) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'train.tsv'}:3: ")


def test_samples_are_kept_once_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    samples = np.array([0, 5, -32768, 32767] * 300)
    path = recordings.save_samples(samples, 16000)
    found, rate = recording.read(path)
    assert rate == 16000
    np.testing.assert_array_equal(found * 2**15, samples)
    assert recordings.save_samples(samples, 16000) == path != recordings.save_samples(samples, 8000)
    wide = recording.read(recordings.save_samples(samples * 100, 16000))[0]
    np.testing.assert_allclose(wide * 2**15, samples, atol=1.5)
