"""Running text: windows that follow each other, and the files of others as they are."""

from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.example import Continued, Splits
from pipeline.readers import running_text
from pipeline.readers.request import Request
from pipeline.readers.running_text import WINDOW, Line, arrange, cut
from pipeline.readers.tabular.columns import Columns

PENN = " mr. <unk> is chairman of N companies \n the n.v. group said so \n"
WIKITEXT = (
    " \n = Robert Boulter = \n \n Robert Boulter is an English film @,@ television and theatre actor . \n"
    " = = Career = = \n He had a <unk> role . \n \n = Du Fu = \n \n Du Fu was a poet . \n"
)


def read(path: Path, **given: object) -> tuple[Splits, list[str]]:
    said: list[str] = []
    return running_text.read(Request(path, Columns((), ()), **given), said.append), said  # type: ignore[arg-type]


def write(folder: Path, text: str, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_windows_have_every_word_once_and_read_the_one_before() -> None:
    words = [f"w{number}" for number in range(2 * WINDOW + 10)]
    windows = list(cut([Line(tuple(words), "a:1", begins=True), Line(("other",), "a:2", begins=True)]))
    assert [type(one.input) for one in windows] == [str, Continued, Continued, str]
    assert " ".join(one.output for one in windows[:3]).split() == words
    assert windows[0].input.split() == words[: WINDOW - 1]
    assert windows[1].input.split() == words[WINDOW - 1 : 2 * WINDOW - 1]
    assert (windows[3].input, windows[3].output, windows[3].origin) == ("", "other", "a:2")


def test_each_line_of_a_text_without_blank_lines_is_a_sentence(tmp_path: Path) -> None:
    splits, said = read(write(tmp_path, "A warm Film.\nIt's cold!\n"))
    assert [one.output for one in splits["train"]] == ["a warm film . <end> it's cold ! <end>"]
    assert "lower-cased" in said[-1] and "ends with each line" in said[-1]


def test_lines_of_a_text_with_blank_lines_are_broken_anywhere(tmp_path: Path) -> None:
    splits, said = read(write(tmp_path, "A warm\nfilm.\n\n\nCold.\n"))
    assert [one.output for one in splits["train"]] == ["a warm film . <end> cold . <end>"]
    assert "at a blank line" in said[-1]


def test_the_penn_treebank_is_taken_as_it_is(tmp_path: Path) -> None:
    splits, said = read(write(tmp_path, PENN, "ptb.train.txt"))
    expected = "mr. <unknown> is chairman of N companies <end> the n.v. group said so <end>"
    assert [one.output for one in splits["train"]] == [expected]
    assert "as they are" in said[-1]


def test_an_article_of_wikitext_is_a_text_of_its_own(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        write(tmp_path, WIKITEXT, f"wiki.{split}.tokens")
    splits, _ = read(tmp_path)
    assert list(splits) == ["train", "validation", "test"]
    first, second = splits["train"]
    assert first.output.startswith("= Robert Boulter = <end> Robert Boulter is an English film @,@ television")
    assert "= = Career = = <end> He had a <unknown> role . <end>" in first.output
    assert second.output == "= Du Fu = <end> Du Fu was a poet . <end>"
    assert not isinstance(second.input, Continued)


def test_missing_splits_are_cut_off_the_end(tmp_path: Path) -> None:
    text = "\n".join(f"this is line {number} of it ." for number in range(400))
    splits = arrange(read(write(tmp_path, text))[0])
    joined = {split: " ".join(one.output for one in some) for split, some in splits.items()}
    assert " ".join(joined[split] for split in ("train", "validation", "test")).split() == [
        word for number in range(400) for word in (*f"this is line {number} of it .".split(), "<end>")
    ]
    for split in ("validation", "test"):
        first = splits[split][0]
        assert not isinstance(first.input, Continued)
        assert len(first.input.split()) == len(first.output.split()) - 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("\n\n", "nothing but blank lines"),
        ("<unk> <unk>\n<unk>\n", "every word of it is <unk>"),
        ("a\rb\nc\n", r"text.txt:1: a carriage return"),
    ],
)
def test_bad_texts_are_refused_with_their_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(write(tmp_path, text))


def test_a_text_that_is_too_short_to_divide_is_refused(tmp_path: Path) -> None:
    splits, _ = read(write(tmp_path, "One sentence.\n"))
    with pytest.raises(BadInput, match=r"text.txt:1: a text of 4 words; at least 192 are needed to take"):
        arrange(splits)


def test_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a text file has no columns"):
        request = Request(write(tmp_path, PENN), Columns((), (), given_input="text"))
        running_text.read(request, lambda line: None)
