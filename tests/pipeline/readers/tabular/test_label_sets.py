import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.options import defaults
from pipeline.errors import BadInput
from pipeline.readers.tabular import label_sets
from pipeline.readers.tabular.label_sets import COLUMNS
from tasks import get
from tests.pipeline.readers import read as read_by
from tests.pipeline.readers import refuse as refuse_by

TEXTS = ["guns and treaties", "guns alone", "nothing of it", "treaties alone"]
SETS = [("peace", "war"), ("war",), (), ("peace",)]
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str, name: str) -> Path:
        (tmp_path / name).write_text(content)
        return tmp_path / name

    return write


def read(path: Path, said: list[str] | None = None, *, columns: str | None = None, **how: Any) -> dict:
    options = defaults(get("labels")).replace(label_separator=how.pop("separator", None))
    chosen = COLUMNS if columns is None else label_sets.replace(COLUMNS, given_output=columns)
    return read_by(label_sets.read, path, chosen, said, options=options, **how)


def refuse(path: Path, match: str, columns: str | None = None) -> None:
    chosen = COLUMNS if columns is None else label_sets.replace(COLUMNS, given_output=columns)
    refuse_by(label_sets.read, path, match, chosen)


def sets(found: dict, split: str = "train") -> list:
    return [example.output for example in found[split]]


@pytest.mark.parametrize("mark", ["|", ";", ", "])
def test_one_column_is_divided_at_the_mark_that_stands_in_it(mark: str, write: Write) -> None:
    said: list[str] = []
    rows = "".join(f'{text},"{mark.join(labels)}"\n' for text, labels in zip(TEXTS, SETS, strict=True))
    found = read(write(f"text,topics\n{rows}", "a.csv"), said)
    assert sets(found) == SETS and [one.input for one in found["train"]] == TEXTS
    assert f"divided at {mark.strip()!r}" in said[-2] and "1 of 4 training texts have no label" in said[-1]


def test_the_user_says_what_stands_between_labels_a_blank_too(write: Write) -> None:
    path = write("text,topics\na b,war peace\nc d,war|x\n", "a.csv")
    assert sets(read(path, separator=" ")) == [("peace", "war"), ("war|x",)]
    assert sets(read(path, separator="/")) == [("war peace",), ("war|x",)]


def test_lists_of_json_and_those_that_pandas_writes_into_csv_are_read(write: Write) -> None:
    lines = "".join(json.dumps({"text": t, "topics": s}) + "\n" for t, s in zip(TEXTS, SETS, strict=True))
    assert sets(read(write(lines, "a.jsonl"))) == SETS
    rows = "".join(f'{text},"{list(labels)}"\n' for text, labels in zip(TEXTS, SETS, strict=True))
    assert sets(read(write(f"text,topics\n{rows}", "b.csv"))) == SETS
    assert sets(read(write('{"text": "a", "topics": [1, 2.0]}\n{"text": "b", "topics": 3}\n', "c.jsonl"))) == [
        ("1", "2"),
        ("3",),
    ]


def table(head: str = "id,comment_text,war,peace") -> str:
    rows = [f"{n},{t},{int('war' in s)},{int('peace' in s)}" for n, (t, s) in enumerate(zip(TEXTS, SETS, strict=True))]
    return "\n".join([head, *rows, ""])


def test_columns_of_nought_and_one_are_labels_each_and_said(write: Write) -> None:
    said: list[str] = []
    assert sets(read(write(table(), "a.csv"), said)) == SETS
    assert "each of these columns is a label: war, peace" in said[0]


def test_columns_are_named_or_numbered_by_the_user(write: Write) -> None:
    path = write(table(), "a.csv")
    assert sets(read(path, columns="peace, war")) == SETS
    assert sets(read(path, columns="3,4")) == SETS
    assert sets(read(path, columns="war")) == [("war",), ("war",), (), ()]
    bare = write(table().partition("\n")[2], "b.csv")
    assert sets(read(bare, columns="-2,4")) == [("-2", "4"), ("-2",), (), ("4",)]
    words = write("text,x,y\na,yes,no\nb,TRUE,False\n", "c.csv")
    assert sets(read(words, columns="x,y")) == [("x",), ("x",)]


def test_a_test_without_the_columns_is_not_scored(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(table())
    (tmp_path / "test.csv").write_text("id,comment_text\n1,new\n")
    found = read(tmp_path)
    assert sets(found) == SETS and sets(found, "test") == [None]


def test_fasttext_has_several_labels_before_a_text(write: Write) -> None:
    found = read(write("__label__war __label__peace guns\n__label__war tanks\n", "a.txt"))
    assert sets(found) == [("peace", "war"), ("war",)] and found["train"][0].input == "guns"


def test_inputs_alone_need_no_labels(write: Write) -> None:
    assert sets(read(write(table(), "a.csv"), columns="war,peace", inputs_only=True)) == [None] * 4


def test_that_no_text_has_several_labels_is_said(write: Write) -> None:
    said: list[str] = []
    read(write("text,topics\na,war\nb,peace\n", "a.csv"), said)
    assert "no training text has more than one label; --label-separator" in said[-1]


@pytest.mark.parametrize(
    ("content", "columns", "match"),
    [
        (table(), "war,peacx", ":1: --label-column: unknown column 'peacx'. Did you mean 'peace'"),
        (table(), "war,,peace", "--label-column war,,peace: expected the names or numbers of columns, each once"),
        (table(), "war,war", "each once"),
        (table(), "id,war", ":4: the column 'id' holds '2'; expected 0 or 1"),
        (table().replace(",1,1", ",1,"), "war,peace", ":2: the column 'peace' holds ''; expected 0 or 1"),
        ("text,topics\na,\"['x'\"\nb,\"['x', y]\"\n", None, ":3: a list of labels that cannot be read"),
        ("text,topics\na,war\nb,nan\n", None, ":3: the label is missing"),
    ],
)
def test_what_is_no_label_is_refused_with_its_line(content: str, columns: str, match: str, write: Write) -> None:
    refuse(write(content, "a.csv"), match, columns)


def test_other_tasks_point_to_the_one_that_reads_several_columns(write: Write) -> None:
    from pipeline.readers.tabular import tables

    columns = label_sets.replace(COLUMNS, given_output="war,peace")
    with pytest.raises(BadInput, match="one column is expected; the task labels reads a column per label"):
        read_by(tables.read, write(table(), "a.csv"), columns)
    refuse_by(tables.read, write('{"text": "a", "label": ["x"]}\n', "a.jsonl"), "learned by the task labels", COLUMNS)
