import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.readers.word_vectors import read_word_vectors

WORDS = ["the", "Paris", "of", "naïve", ". . ."]
NUMBERS = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")


def write_glove(path: Path) -> None:
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(WORDS, NUMBERS, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_vec(path: Path) -> None:
    write_glove(path)
    path.write_text(f"5 6\n{path.read_text('utf-8')}", encoding="utf-8")


def write_binary(path: Path, end: bytes = b"\n") -> None:
    rows = [word.encode() + b" " + row.tobytes() + end for word, row in zip(WORDS[:4], NUMBERS, strict=False)]
    path.write_bytes(b"4 6\n" + b"".join(rows))


def write_gzip(path: Path) -> None:
    write_vec(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


@pytest.mark.parametrize("write", [write_glove, write_vec, write_binary, write_gzip])
def test_the_vectors_of_the_words_asked_for_are_read(write: object, tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    write(path)  # type: ignore[operator]
    found = read_word_vectors(path, ["The", "Paris", "naïve", "missing"])
    assert list(found.vectors) == ["The", "Paris", "naïve"]
    for word, row in (("The", 0), ("Paris", 1), ("naïve", 3)):
        assert found.vectors[word] == pytest.approx(NUMBERS[row])
    assert (found.size, found.words) == (6, 4 if write is write_binary else 5)


def test_binary_files_need_no_ends_of_lines(tmp_path: Path) -> None:
    write_binary(tmp_path / "vectors", end=b"")
    assert read_word_vectors(tmp_path / "vectors", ["of"]).vectors["of"] == pytest.approx(NUMBERS[2])


def test_a_word_as_it_is_spelled_comes_before_the_same_in_small_letters(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_text("us 1 2\nUS 3 4\nus 5 6\n")
    found = read_word_vectors(path, ["US", "Us"]).vectors
    assert found["US"].tolist() == [3, 4]
    assert found["Us"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: '': expected a word and its numbers"),
        (b'{"a": 1}\n', "line 1"),
        (b"the 1 2 3\nof 1 2\n", "line 2: expected a word and 3 numbers, got 'of 1 2"),
        (b"the 1 2 3\nof 1 x 3\n", "line 2: expected a word and 3 numbers"),
        (b"the 1 2 nan\nof 1 2 3\n", "word 1, 'the': a number is not finite"),
        (b"3 2\nthe 1 2\nof 1 2\n", "says 3 words, and it has 2: it is cut short"),
        (b"2 2\nthe \x00\x00\x80\x3f\x00\x00\x80\x3f\nof \x00\x00", "ends within number 2: it is cut short"),
        (b"un 1 2 3\ndeux 1 2 3\n", "it has 2 words, and none of the 2 of the vocabulary"),
        (b"\x1f\x8b\x08broken", "cannot be read"),
        (b"3 100001\nthe 1 2\n", "says that a vector has 100,001 numbers"),
        (b"3 " + b"9" * 5000 + b"\nthe 1 2\n", "says that a vector has 1,000,000,000,000 numbers or more"),
    ],
)
def test_a_file_that_is_none_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read_word_vectors(path, ["the", "of"])


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_word_vectors(tmp_path / "nothing", ["the"])
