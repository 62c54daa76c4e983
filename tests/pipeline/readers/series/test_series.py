"""Files of series: each format read as it is meant, and what each bad one is told."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.example import Splits
from pipeline.fields import Signal
from pipeline.readers.request import Request
from pipeline.readers.series import columns, series

UNIVARIATE = """\
% a comment
@relation 'two words'
@attribute 'step one' numeric
@attribute t2 real
@attribute t3 numeric
@attribute target {1,two}

@data
0.5,1.5,-2e1,1
1,?,?,two
"""
RELATIONAL = """\
@relation x
@attribute channels relational
@attribute t1 numeric
@attribute t2 numeric
@attribute t3 numeric
@end channels
@attribute target {a,b}
@data
'0.5,1,2\\n10,20,30',a
"1,2,?\\n3,4,?",b
"""
TS = """\
#A comment
@problemName Two
@timeStamps false
@univariate false
@dimensions 2
@classLabel true a b
@data
0.5,1,?:10,20,30:a
1,2:3,4:b
"""
TIMED = """\
@timeStamps true
@univariate false
@classLabel true a b
@data
(0,1.5),(2.5,2):(1,10):a
(2024-05-31 18:00:00,1),(2024-05-31 18:00:30,2):(2024-05-31 18:00:30,5):b
"""
LONG = """\
series,time,x,y,note,label
one,0,1,,good,a
one,2.5,2,7,,a
two,1,5,6,bad,b
two,0,3,4,bad,b
"""


def read(path: Path, said: list[str] | None = None, **given: object) -> Splits:
    request = replace(Request(path, columns.SERIES), **given)  # type: ignore[arg-type]
    return series.read(request, (said if said is not None else []).append)


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


Save = Callable[[str, str], Path]


# What TS holds.
BOTH = [("0.5,10.0 1.0,20.0 ?,30.0", "a"), ("1.0,3.0 2.0,4.0", "b")]


def as_texts(splits: Splits, split: str = "train") -> list[tuple[str, str | None]]:
    return [(str(one.input), one.output) for one in splits[split]]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.arff", UNIVARIATE, [("0.5 1.5 -20.0", "1"), ("1.0", "two")]),
        ("a.arff", RELATIONAL, [("0.5,10.0 1.0,20.0 2.0,30.0", "a"), ("1.0,3.0 2.0,4.0", "b")]),
        ("a.ts", TS, BOTH),
        ("a.ts", TS.replace("dimensions 2", "dimensions ²"), BOTH),
        ("a.ts", TS.replace("dimensions 2", f"dimensions {'9' * 5000}"), BOTH),
        ("a.ts", TS.replace("@dimensions 2\n", ""), BOTH),
        (
            "a.ts",
            TIMED,
            [("0:1.5,? 1:?,10.0 2.5:2.0,?", "a"), ("1717178400:1.0,? 1717178430:2.0,5.0", "b")],
        ),
        ("a.csv", LONG, [("0:1.0,? 2.5:2.0,7.0", "a"), ("0:3.0,4.0 1:5.0,6.0", "b")]),
        ("a.csv", "label,t1,t2,t3\na,1,2,3\nb,4,,\n", [("1.0 2.0 3.0", "a"), ("4.0", "b")]),
        # The UCR archive's rows: in one of its editions with tabs, in another one as floats, with blanks.
        ("a.tsv", "1\t0.5\t1.5\t2\n-1\t1\t2\tNaN\n", [("0.5 1.5 2.0", "1"), ("1.0 2.0", "-1")]),
        ("a.txt", "  1.0000e+00  5.0e-01 1.5 2\n  2.0000e+00  1 2 3\n", [("0.5 1.5 2.0", "1"), ("1.0 2.0 3.0", "2")]),
    ],
)
def test_each_format_is_read_as_it_is_meant(save: Save, name: str, text: str, expected: list[tuple[str, str]]) -> None:
    path = save(name, text)
    assert as_texts(read(path)) == expected
    without = read(path, inputs_only=True)
    assert as_texts(without) == [(one, None) for one, _ in expected]


def test_arff_is_read_as_scipy_reads_it(save: Save) -> None:
    from scipy.io import arff

    path = save("a.arff", UNIVARIATE)
    data, _ = arff.loadarff(path)
    for row, example in zip(data, read(path)["train"], strict=True):
        *steps, label = row.tolist()
        assert [step for step in steps if step == step] == pytest.approx(example.input.values[:, 0])
        assert label.decode() == example.output


def test_files_are_the_splits_that_their_names_say(save: Save) -> None:
    folder = save("Some_TRAIN.ts", TS).parent
    save("Some_TEST.ts", TS)
    save("Some_TRAIN.txt", "1 2 3 4\n")
    assert {split: len(found) for split, found in read(folder).items()} == {"train": 2, "test": 2}


def test_what_a_long_table_is_taken_for_is_said(save: Save) -> None:
    said: list[str] = []
    read(path := save("a.csv", LONG), said)
    assert said == [
        f"{path}: left out, as no number is in them: columns 'note'",
        f"{path}: a row per step; its series are in column 'series', its time stamps 'time'",
        f"{path}: the rows of 1 of 2 series are put in the order of their times",
    ]


@pytest.mark.parametrize("ending", [".npy", ".csv"])
def test_a_folder_per_class_has_a_file_per_series(tmp_path: Path, ending: str) -> None:
    values = np.array([[0.5, 1], [2, 3], [4, np.nan]], "float32")
    for split in ("train", "test"):
        for label in ("a", "b"):
            path = tmp_path / split / label / f"one{ending}"
            path.parent.mkdir(parents=True)
            if ending == ".npy":
                np.save(path, values)
            else:
                path.write_text("time,x,y\n0,0.5,1\n2,2,3\n3,4,\n")
    found = read(tmp_path)
    expected = Signal(values, None if ending == ".npy" else np.array([0.0, 2, 3]))
    assert {split: [(one.input, one.output) for one in some] for split, some in found.items()} == {
        split: [(expected, "a"), (expected, "b")] for split in ("train", "test")
    }


def test_a_table_may_name_the_file_of_each_series(save: Save) -> None:
    path = save("train.csv", "file,label\none.npy,a\ntwo.npy,b\nthree.npy,b\n")
    np.save(path.parent / "one.npy", np.arange(3.0))
    np.save(path.parent / "two.npy", np.arange(2))
    said: list[str] = []
    assert as_texts(read(path, said)) == [("0.0 1.0 2.0", "a"), ("0.0 1.0", "b")]
    assert said == [f"{path}: 1 of 3 rows left out: there is no such file (line 4); --strict refuses them"]


def test_one_array_is_an_input_and_no_training_data(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.arange(3.0))
    assert as_texts(read(tmp_path / "one.npy", inputs_only=True)) == [("0.0 1.0 2.0", None)]
    with pytest.raises(BadInput, match="one series, and no class; give a folder with a folder of them per class"):
        read(tmp_path / "one.npy")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.ts",
            TS[: TS.index(":b")],
            r"a.ts:9: expected 2 channels and a class with colons between, found 1; it",
        ),
        ("a.ts", TS[: TS.index("@data")], "a.ts: there is no line '@data' in it"),
        ("a.ts", TS[: TS.index("0.5,1")], "a.ts: there is no series after @data; is the file cut short"),
        ("a.ts", TS.replace("@prob", "prob"), "a.ts:2: expected a line such as '@classLabel true a b', got 'probl"),
        ("a.ts", TS.replace("20,30:a", "20,30:c"), "a.ts:8: the class 'c' is none of those that @classLabel names"),
        ("a.ts", TS.replace("0.5,1,?", "0.5,x,?"), "a.ts:8: 'x' in a series; expected a finite number, or"),
        ("a.ts", TS.replace("0.5,1,?", "0.5,inf,?"), "a.ts:8: 'inf' in a series; expected a finite number"),
        ("a.ts", TS.replace("0.5,1,?", "0.5,1"), "a.ts:8: its channels have 2 and 3 steps; expected as many in each"),
        ("a.ts", TIMED.replace("(2.5,2)", "(0,2)"), "a.ts:5: the time stamps are doubled: step 2 is at 0"),
        ("a.ts", TIMED.replace("(2.5,2)", "(-1,2)"), "a.ts:5: the time stamps are out of order"),
        ("a.ts", TIMED.replace("(2.5,2)", "(noon,2)"), "a.ts:5: the time stamp 'noon' cannot be read"),
        ("a.ts", TIMED.replace("(2.5,2)", "2.5,2"), r"a.ts:5: expected \(time,value\)"),
        (
            "a.arff",
            UNIVARIATE[: UNIVARIATE.index("?,two")],
            "a.arff:10: expected 3 numbers and a class; it is",
        ),
        ("a.arff", UNIVARIATE[: UNIVARIATE.index("@data")], "a.arff: there is no line '@data' in it"),
        ("a.arff", UNIVARIATE.replace("{1,two}", "numeric"), "a.arff:8: expected the class as the last attribute"),
        ("a.arff", UNIVARIATE.replace("-2e1,1", "-2e1,3"), "a.arff:9: the class '3' is none of those"),
        ("a.arff", RELATIONAL.replace("'", ""), "a.arff:9: expected 'CHANNELS',CLASS, got"),
        (
            "a.csv",
            LONG.replace("two,0,", "two,1,"),
            "a.csv:4: the series 'two', which begins here, has two rows",
        ),
        ("a.csv", LONG.replace("two,0,", "two,noon,"), "a.csv:5: the time stamp 'noon' cannot be read"),
        (
            "a.csv",
            LONG.replace("4,bad,b", "4,bad,a"),
            "a.csv:5: the series 'two' has the class 'a' here, and 'b'",
        ),
        ("a.csv", LONG.replace("two,0,3", "two,0,three"), "a.csv:5: column 'x' is 'three'; expected a finite number"),
        ("a.csv", LONG.replace("two,0,3", "two,0,inf"), "a.csv:5: column 'x' is 'inf'; expected a finite number"),
        ("a.csv", LONG.replace("label", "kind"), "a.csv:1: no column named label or class or"),
        (
            "a.csv",
            "series,label,note\na,b,good\na,b,bad\n",
            "a.csv:1: no column of numbers in it, which would be",
        ),
        ("a.tsv", "1\t0.5\t1.5\t2\n2\tx\t2\t3\n", "a.tsv:2: 'x' in a series"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(save: Save, name: str, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(save(name, text), strict=True)


def test_a_bad_line_among_good_ones_is_left_out_and_said(save: Save) -> None:
    path = save("a.ts", TS.replace("1,2:3,4:b", "1,2:3:b\n1,2:3,4:b\n1,2:3,4:b"))
    said: list[str] = []
    assert len(read(path, said)["train"]) == 3
    assert said == [f"{path}: 1 of 4 rows left out: channels of several lengths (line 9); --strict refuses them"]


def test_series_of_other_channels_are_refused_with_their_place(save: Save) -> None:
    folder = save("train.ts", TS).parent
    save("test.ts", TS.replace("@dimensions 2", "@dimensions 1").replace("0.5,1,?:", "").replace("1,2:", ""))
    with pytest.raises(BadInput, match="test.ts:8: a series of 1 channels, and that of train.ts:8 has 2"):
        read(folder)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros((2, 3, 4)),
            r"numbers, got an array of the shape \(2, 3, 4\)",
        ),
        (np.zeros((0, 3)), r"got an array of the shape \(0, 3\)"),
        (np.array(["a"]), "expected an array of numbers, got <U1"),
        (np.array([1, np.inf]), "step 2 has an infinite number"),
        (np.array([1, 2, 1e300]), "step 3 has an infinite number"),
    ],
)
def test_an_array_that_is_no_series_is_refused(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "one.npy", array)
    with pytest.raises(BadInput, match=message):
        read(tmp_path / "one.npy", inputs_only=True)
    (tmp_path / "one.npy").write_bytes((tmp_path / "one.npy").read_bytes()[:20])
    with pytest.raises(BadInput, match="not an array of numbers that NumPy can read"):
        read(tmp_path / "one.npy", inputs_only=True)


def test_rows_of_twenty_thousand_steps_are_read_in_seconds(save: Save) -> None:
    count = 20_000
    head = ["label", *(f"x{step}" for step in range(count))]
    rows = [[label, *(str(row + step % 7) for step in range(count))] for row, label in enumerate("abab")]
    path = save("wide.csv", "\n".join(map(",".join, [head, *rows])))
    started = time.process_time()
    (train,) = read(path).values()
    assert time.process_time() - started < 5
    assert [(one.output, one.input.values.shape) for one in train] == [(label, (count, 1)) for label in "abab"]
