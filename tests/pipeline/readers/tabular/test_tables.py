"""Tables of texts and labels: what is read, and what each mistake is told."""

import json
import os
from pathlib import Path

import pytest

from pipeline.example import Example
from pipeline.readers.tabular import tables
from pipeline.readers.tabular.columns import Columns
from tests.pipeline import readers

COLUMNS = Columns(("text", "sentence"), ("label", "rating"))
NUMBERS = Columns(COLUMNS.input, COLUMNS.output, "1", "2")
CSV = 'text,label\n"good, really",pos\n"two\nlines ""quoted""",neg\nbad,neg\n'
EXAMPLES = [
    Example("good, really", "pos", "train.csv:2"),
    Example('two\nlines "quoted"', "neg", "train.csv:3"),
    Example("bad", "neg", "train.csv:5"),
]


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file, text or bytes, and returns its path."""

    def write(content: str | bytes, name: str = "train.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def read(path: Path, columns: Columns = COLUMNS, said: list[str] | None = None, **how) -> dict[str, list[Example]]:
    return readers.read(tables.read, path, columns, said, **how)


def refuse(path: Path, match: str, columns: Columns = COLUMNS, **how) -> str:
    """Check that the file is refused with a message that has `match`, a regular expression."""
    return readers.refuse(tables.read, path, match, columns, **how)


def pairs(path: Path, columns: Columns = COLUMNS, **how) -> list[tuple]:
    return [(example.input, example.output) for example in read(path, columns, **how)["train"]]


def test_quoted_commas_and_newlines_and_the_line_where_a_row_starts(write):
    assert read(write(CSV)) == {"train": EXAMPLES}


@pytest.mark.parametrize(
    "content",
    [
        CSV.replace("\n", "\r\n").encode(),
        CSV.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + CSV.encode(),
        CSV.rstrip("\n").encode(),
        CSV.replace("text,label", '"Text"," LABEL "').encode(),
    ],
)
def test_line_ends_a_byte_order_mark_and_the_case_of_names_change_nothing(write, content):
    assert read(write(content))["train"] == EXAMPLES


def test_a_directory_has_the_splits_its_files_are_named_for(write, tmp_path):
    write("text,label\na,x\n", "sst-train.csv")
    write("text\tlabel\nb\tx\n", "dev.tsv")
    write('{"text": "c", "label": "x"}\n', "test-00000-of-00001.jsonl")
    write("no table", "README.csv")
    found = read(tmp_path)
    assert {split: examples[0].input for split, examples in found.items()} == {
        "train": "a",
        "validation": "b",
        "test": "c",
    }


def test_columns_are_the_first_candidates_or_the_given_ones(write):
    path = write("id,sentence,rating,text,mood\n1,a,3,b,x\n")
    assert pairs(path) == [("b", "3")]
    assert pairs(path, Columns(("text",), ("label",), "sentence", "mood")) == [("a", "x")]
    assert pairs(path, Columns(("text",), ("label",), None, "3")) == [("b", "3")]
    assert pairs(path, Columns(("text",), ("label",), "sentence", "-1")) == [("a", "x")]


def test_two_numbers_mean_there_is_no_header(write):
    assert pairs(write(" good ,1\n\nbad,0\n"), NUMBERS) == [(" good ", "1"), ("bad", "0")]
    assert read(write("good,1\n\nbad,0\n"), NUMBERS)["train"][1].origin == "train.csv:3"
    assert pairs(write("1,x,good\n"), Columns((), (), "-1", "1"), number=True) == [("good", 1.0)]


def test_tsv_with_and_without_quoting(write):
    assert pairs(write('text\tlabel\n"a\nb"\tx\n', "a.tsv")) == [("a\nb", "x")]
    literal = 'text\tlabel\n"so" he said\tx\n'
    assert pairs(write(literal, "a.tsv")) == [('"so" he said', "x")]
    across = 'text\tlabel\n"it began\tx\nand ended"\ty\n'
    assert pairs(write(across, "a.tsv")) == [('"it began', "x"), ('and ended"', "y")]


def test_unicode_is_left_as_it_is(write):
    odd = " a\u2028b\xa0e\u0301\x85 "
    assert pairs(write(f"text,label\n{odd},x\n")) == [(odd, "x")]
    assert pairs(write(json.dumps({"text": odd, "label": "x"}, ensure_ascii=False), "a.jsonl")) == [(odd, "x")]


def test_a_very_long_text_is_read(write):
    assert len(pairs(write("text,label\n" + "a" * 1_000_000 + ",x\n"))[0][0]) == 1_000_000


def test_json_lines(write):
    rows = [
        {"label": "pos", "text": "a\nb"},
        {"text": "c", "label": 1, "more": [1]},
        {"text": "d", "label": False},
    ]
    content = "\n\n".join(json.dumps(row) for row in rows)
    for name in ("a.jsonl", "a.json"):
        found = read(write(content, name))["train"]
        assert [(example.input, example.output) for example in found] == [
            ("a\nb", "pos"),
            ("c", "1"),
            ("d", "false"),
        ]
        assert [example.origin for example in found] == [f"{name}:1", f"{name}:3", f"{name}:5"]


def test_number_labels_are_floats(write):
    assert pairs(write("text,rating\na,4\nb, -0.5 \nc,1e2\n"), number=True) == [
        ("a", 4.0),
        ("b", -0.5),
        ("c", 100.0),
    ]
    assert pairs(write('{"text": "a", "label": 4}\n{"text": "b", "label": "3.5"}', "a.jsonl"), number=True) == [
        ("a", 4.0),
        ("b", 3.5),
    ]


@pytest.mark.parametrize("label", ["good", "nan", "inf", "-Infinity", "1_0", "3,5", "", "4/0", "4/5/6"])
def test_a_label_that_is_not_a_number_is_refused(write, label):
    refuse(
        write(f'text,label\na,1\nb,"{label}"\n'),
        rf":3: the label is '{label}', which is not a number",
        number=True,
    )


@pytest.mark.parametrize("label", ["NaN", "Infinity", "true", "null", "[1]", "1" + "0" * 400])
def test_a_json_label_that_is_not_a_number_is_refused(write, label):
    refuse(
        write(f'{{"text": "a", "label": {label}}}', "a.jsonl"),
        ":1: the label is .* not a number",
        number=True,
    )


def test_a_header_is_seen_and_told_where_numbers_name_the_columns(write):
    said: list[str] = []
    path = write("words,stars\na,1\nb,2\n")
    assert pairs(path, NUMBERS, number=True, said=said) == [("a", 1.0), ("b", 2.0)]
    assert said == [f"{path}: its first row names the columns: words, stars; --header no if it is an example"]
    refuse(path, ":1: the label is 'stars', which is not a number", NUMBERS, number=True, header="no")
    assert pairs(write("Text,label\na,1\n"), NUMBERS) == [("a", "1")]
    assert pairs(write("good,1\nbad,0\n"), NUMBERS, header="yes") == [("bad", "0")]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (
            "a,b c,d\nx,1,1\n",
            r":1: no column named label or rating\. Found: 'a', 'b c', 'd'.*--text-column and --label-column",
        ),
        ("text,mood,id\nx,1,2\n", r":1: no column named label or rating\. Found: 'text', 'mood', 'id'"),
        ("text,label\n", "no row after the header"),
        ("text,label\nx\n", r":2: 1 column where train\.csv:1 has 2: 'x'"),
        ("text,label\n\nwell, no,1\n", ":3: 3 columns where .*:1 has 2: .*needs double quotes"),
        ("text,label\nx,1\n  ,1\n", ":3: the text is empty"),
        ("text,label\nx,1\ny, \n", ":3: the label is missing"),
        ('text,label\nx,1\n"never closed,1\ny,2\n', ":3: the row that starts here is not valid CSV"),
        ('text,label\n"so" he said,1\n', ":2: the row that starts here is not valid CSV"),
        ("text,label\na\rb,1\n", ":2: .* not valid CSV: it has a carriage return"),
        ("", "the file is empty"),
        ("\n\n", "nothing but blank lines"),
        ("text,label\ncafé,1\n".encode("latin-1"), ":2: not UTF-8: byte 0xe9 at offset 14"),
        (b"PK\x03\x04\x00", "a binary file"),
    ],
)
def test_a_bad_csv_file_is_refused(write, content, match):
    refuse(write(content), match)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ('{"text": "a", "label": "x"}\n{"text": "b"}', ":2: no key 'label' in this object; it has text"),
        ('{"text": "a", "label": "x"}\n{"text": "b",', ":2: not JSON: .* One object per line is expected"),
        ('[\n{"text": "a"}\n]', ":2: no column named label or rating"),
        ('[{"text": "a", "label": "x"}, 3]', ":1: 3 where an object with keys is expected"),
        ("{}", ":1: .* where an object with keys is expected"),
        ("[" * 100_000, ":1: not JSON"),
        ('{"text": 3, "label": "x"}', ":1: the text is 3, not a string"),
        ('{"text": null, "label": "x"}', ":1: the text is None, not a string"),
        ('{"text": "", "label": "x"}', ":1: the text is empty"),
        ('{"text": "a", "label": null}', ":1: the label is missing"),
        ('{"text": "a", "label": ""}', ":1: the label is missing"),
        ('{"text": "a", "label": [1]}', r":1: the label is \[1\], not a string or a number"),
        ('{"text": "\\ud83d", "label": "x"}', ":1: half of a surrogate pair"),
        ('{"a": 1}', r":1: no column named text or sentence\. Found: 'a'"),
    ],
)
def test_a_bad_json_lines_file_is_refused(write, content, match):
    refuse(write(content, "a.jsonl"), match)


def test_a_given_column_that_does_not_exist_is_refused(write):
    path = write("review,label\na,x\n")
    refuse(
        path,
        r":1: --text-column: unknown column 'reviw'\. Did you mean 'review'\?",
        Columns((), (), "reviw", "2"),
    )
    refuse(path, ":1: --label-column 3: there is no such column. There are 2", Columns((), (), "review", "3"))
    refuse(path, "column 'label' would be both the text and the label", Columns((), ("label",), "2"))


def test_the_name_of_a_file_does_not_matter(write, tmp_path):
    expected = [(example.input, example.output) for example in EXAMPLES]
    for name in ("corpus.txt", "corpus", "corpus.dat"):
        assert pairs(write(CSV, name)) == expected
    assert pairs(write(json.dumps([{"text": "a", "label": "x"}]), "corpus.txt")) == [("a", "x")]


def test_missing_files_are_told(write, tmp_path):
    write(CSV, "corpus.csv")
    refuse(tmp_path / "corpu.csv", r"no such file or directory\. Did you mean '.*corpus\.csv'")
    write(CSV, "more.csv")
    refuse(tmp_path, r"no train file in this directory.*train\.csv\. There: corpus\.csv, more\.csv\. .*--train-file")


BENCH = os.environ.get("UNROLLED_BENCH", "")


@pytest.mark.skipif(not BENCH, reason="UNROLLED_BENCH names no folder of benchmark data")
@pytest.mark.parametrize(
    ("folder", "number", "counts", "labels"),
    [
        ("sentiment/sst2", False, [6920, 872, 1821], {"0", "1"}),
        ("rating/sst5", True, [8544, 1101, 2210], {0.0, 1.0, 2.0, 3.0, 4.0}),
    ],
)
def test_benchmark_data_has_its_published_counts(folder, number, counts, labels):
    found = read(Path(BENCH) / folder, number=number)
    assert [len(found[split]) for split in ("train", "validation", "test")] == counts
    assert {example.output for split in found.values() for example in split} == labels
