"""Time tables: series out of tables, wide and long, and what is wrong with them."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest

import tasks
from harness import data
from harness.options import defaults
from pipeline.errors import BadInput
from pipeline.example import Splits
from pipeline.forecasting.window import TimeSeries
from pipeline.readers import time_tables
from pipeline.readers.request import Request
from pipeline.readers.tabular.columns import Columns
from tests.pipeline.forecasting import make_options, wave

SMALL = {"window": 60, "horizon": 24}
STEPS = 300
Change = Callable[[pandas.DataFrame], pandas.DataFrame]


def make_wide() -> pandas.DataFrame:
    times = pandas.date_range("2026-01-01", periods=STEPS, freq="h").strftime("%Y-%m-%dT%H:%M:%S")
    return pandas.DataFrame({"time": times, "north": wave(STEPS).round(3), "south": wave(STEPS, seed=1).round(3)})


def make_long() -> pandas.DataFrame:
    return make_wide().melt("time", var_name="station", value_name="degrees")


def read(path: Path, said: list[str] | None = None, *, strict: bool = False, **options: object) -> list[TimeSeries]:
    request = Request(path, Columns((), ()), strict=strict, options=make_options(**options))
    return time_tables.read_series(path, request, (said if said is not None else []).append)


def load(path: Path, **options: object) -> Splits:
    task = tasks.get("forecast")
    return data.load(task, defaults(task).replace(data=str(path), **SMALL, **options))


@pytest.mark.parametrize("kind", ["wide.csv", "wide.tsv", "long.csv", "long.jsonl", "long.parquet"])
def test_wide_and_long_tables_hold_the_same_series(tmp_path: Path, kind: str) -> None:
    path, table = tmp_path / kind, make_wide() if kind.startswith("wide") else make_long()
    if kind.endswith("jsonl"):
        table.to_json(path, orient="records", lines=True)
    elif kind.endswith("parquet"):
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if kind.endswith("tsv") else ",")
    found = read(path)
    assert [series.name for series in found] == ["north", "south"]
    for series, name in zip(found, ("north", "south"), strict=True):
        np.testing.assert_array_equal(series.values, make_wide()[name])
        assert series.grid.write(0, 2) == ("2026-01-01T00", "2026-01-01T01")
    assert found[0].origin == f"{kind}:{301 if kind.startswith('wide') else {'c': 301, 'j': 300, 'p': 300}[kind[5]]}"


def test_the_columns_are_those_that_are_asked_for(tmp_path: Path) -> None:
    table = make_wide().rename(columns={"time": "when", "north": "a", "south": "b"})
    (tmp_path / "odd.csv").write_text(table.to_csv(index=False))
    (found,) = read(tmp_path / "odd.csv", time_column="when", target_column="b", covariate_columns="a")
    np.testing.assert_array_equal(found.values, table["b"])
    np.testing.assert_array_equal(found.covariates[:, 0], table["a"])
    for options, message in (
        ({"time_column": "wenn"}, "--time-column: unknown column 'wenn'. Did you mean 'when'"),
        ({"target_column": "a,c"}, "--target-column: unknown column 'c'"),
        ({"known_columns": "d"}, "--known-columns: unknown column 'd'"),
        ({"time_column": "when", "target_column": "a", "covariate_columns": "a"}, "the column 'a' is given twice"),
    ):
        with pytest.raises(BadInput, match=message):
            read(tmp_path / "odd.csv", **options)


def test_rows_after_the_last_value_hold_what_is_known_ahead(tmp_path: Path) -> None:
    table = make_wide()[["time", "north"]]
    later = pandas.date_range("2026-01-13T12:00:00", periods=24, freq="h").strftime("%Y-%m-%dT%H:%M:%S")
    table = pandas.concat([table.assign(holiday=0), pandas.DataFrame({"time": later, "holiday": 1})])
    (tmp_path / "known.csv").write_text(table.to_csv(index=False))
    (found,) = read(tmp_path / "known.csv", known_columns="holiday")
    assert len(found.values) == STEPS
    assert found.known[STEPS - 1 :, 0].tolist() == [0] + [1] * 24


def test_a_series_may_have_no_times_or_whole_numbers_for_them(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("rain\n" + "\n".join(map(str, wave(30).round(2))))
    assert read(path)[0].grid.write(0, 2) == ("0", "1")
    for first, step, expected in ((1990, 1, ("1990", "1991")), (1767225600, 3600, ("2026-01-01T00", "2026-01-01T01")),
                                  (3, 2, ("3", "5"))):  # fmt: skip
        path.write_text("time,rain\n" + "\n".join(f"{first + step * n},{n % 5}" for n in range(8)))
        assert read(path)[0].grid.write(0, 2) == expected


def test_a_folder_of_files_is_one_series_in_the_order_of_time(tmp_path: Path) -> None:
    table = make_wide()
    table[:200].to_csv(tmp_path / "train.csv", index=False)
    table[210:].to_csv(tmp_path / "test.csv", index=False)
    splits = load(tmp_path)
    (series,) = {
        id(one.input.series): one.input.series for one in splits["test"] if one.input.series.name == "north"
    }.values()
    np.testing.assert_array_equal(series.values[:200], table["north"][:200])
    assert np.isnan(series.values[200:210]).all()
    np.testing.assert_array_equal(series.values[210:], table["north"][210:])
    assert load(tmp_path / "train.csv", test_file=str(tmp_path / "test.csv")) == splits
    with pytest.raises(BadInput, match="--text-column, --label-column: a table of time series has --time-column"):
        load(tmp_path / "train.csv", text_column="north")
    table[150:].to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(BadInput, match="files of one series follow each other in time"):
        load(tmp_path)


def put(row: int, column: str, value: object) -> Change:
    def change(table: pandas.DataFrame) -> pandas.DataFrame:
        table = table.astype(object)
        table.loc[row, column] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "missing", "message"),
    [
        (lambda table: table.sample(frac=1, random_state=0), [], "the rows are not in the order of time (line "),
        (put(5, "time", "yesterday"), [5], "1 of 300 rows left out: their time stamp cannot be read"),
        (put(5, "time", ""), [5], "left out: the time stamp is missing (line 7)"),
        (put(5, "north", "warm"), [5], "left out: a number cannot be read (line 7)"),
        (put(5, "north", "inf"), [5], "1 values are infinite"),
        (put(5, "north", float("nan")), [5], "1 of 300 values are missing: gaps"),
        (lambda table: table.drop(index=[7, 8]), [7, 8], "2 of 300 values are missing: gaps"),
        (lambda table: pandas.concat([table, table[9:10]]), [], "rows left out: their time stamp has been before"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_should_be_is_mended_and_said(
    tmp_path: Path, change: Change, missing: list[int], message: str
) -> None:
    path = tmp_path / "series.csv"
    change(make_wide()[["time", "north"]]).to_csv(path, index=False)
    said: list[str] = []
    (found,) = read(path, said)
    assert any(message in line for line in said), said
    assert np.flatnonzero(np.isnan(found.values)).tolist() == missing
    kept = np.isfinite(found.values)
    np.testing.assert_array_equal(found.values[kept], make_wide()["north"][kept])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: pandas.concat([table, table[9:20].assign(north=0)]), "csv:302: the time stamp .* of line 11"),
        (lambda table: table.assign(time="at noon"), "series.csv:2: the time stamp 'at noon' cannot be read"),
        (put(50, "time", "2026-01-03T02:13:00"), "not regular: most are 1 hour apart, but 2026-01-03T02:13"),
        (put(299, "time", "2226-01-03T02:00:00"), "nearly all are missing; is one of the time stamps wrong"),
        (lambda table: table.assign(north="warm"), "no column of numbers to forecast; there are north: 'warm'"),
        (lambda table: table.assign(north=5), "it is constant: every value is 5"),
        (lambda table: table[:50], "its 50 values are too few: --window 60 and --horizon 24 need 84"),
        (lambda table: table[:1], "one time only"),
        (lambda table: table.assign(north=float("nan")), "no column of numbers to forecast"),
    ],
)  # fmt: skip
def test_what_cannot_be_forecast_is_refused(tmp_path: Path, change: Change, message: str) -> None:
    path = tmp_path / "series.csv"
    change(make_wide()[["time", "north"]]).to_csv(path, index=False)
    with pytest.raises(BadInput, match=message):
        load(path)


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 30, "-" + "9" * 19, "²"])
def test_a_number_of_too_many_digits_is_no_time(tmp_path: Path, number: str) -> None:
    def write(times: list[str]) -> Path:
        lines = [f"{time},{place % 7}\n" for place, time in enumerate(times)]
        (tmp_path / "series.csv").write_text("".join(["time,value\n", *lines]))
        return tmp_path / "series.csv"

    with pytest.raises(BadInput, match=r"csv:52: the time stamp '.{,40} is none, where the others are whole numbers"):
        load(write([number if place == 50 else str(place) for place in range(300)]))
    with pytest.raises(BadInput, match=r"csv:2: the time stamp '.* cannot be read, as 300 of 300"):
        load(write([number] * 300))


def test_strict_refuses_what_would_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "series.csv"
    put(5, "north", "warm")(make_wide()).to_csv(path, index=False)
    with pytest.raises(BadInput, match="series.csv:7: 'warm' in the column north is not a number"):
        read(path, strict=True)
    table = make_wide()[["time", "north"]]
    pandas.concat([table] * 1 + [table[9:10].assign(north=-1)]).to_csv(path, index=False)
    with pytest.raises(BadInput, match="the time stamp 2026-01-01T09:00:00 is that of line 11"):
        read(path, strict=True)


def test_a_long_table_of_two_number_columns_asks_which(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    make_long().assign(wind=1.5).to_csv(path, index=False)
    with pytest.raises(BadInput, match="which column is to be forecast: degrees, wind"):
        read(path)


def test_json_with_a_missing_key_is_a_fault_of_its_row(tmp_path: Path) -> None:
    path = tmp_path / "series.jsonl"
    rows = [json.dumps({"time": f"2026-01-{day:02}", "y": day % 7}) for day in range(1, 29)]
    path.write_text("\n".join([*rows[:5], '{"y": 3}', *rows[6:]]))
    said: list[str] = []
    (found,) = read(path, said)
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [5]
    assert any("line 6" in line for line in said)


@pytest.mark.parametrize(
    ("source", "series", "steps"), [("temperatures", 2, 8760), ("sunspots", 1, 309), ("co2", 1, 2284)]
)
def test_the_packaged_series_are_whole(source: str, series: int, steps: int) -> None:
    task = tasks.get("forecast")
    splits = task.sources[source].load(defaults(task))
    found = {id(one.input.series): one.input.series for one in splits["test"]}
    assert [len(one.values) for one in found.values()] == [steps] * series


@pytest.mark.needs("bokeh_sampledata")
def test_the_sea_is_measured_every_half_hour() -> None:
    task = tasks.get("forecast")
    series = task.sources["sea"].load(defaults(task))["test"][0].input.series
    assert (series.grid.step, np.isnan(series.values).sum()) == ("30 minutes", 24)


def test_a_row_with_one_number_that_cannot_be_read_is_left_out_of_every_series(tmp_path: Path) -> None:
    table = make_wide().astype({"south": object})
    table.loc[[4, 9], "south"] = "broken"
    table.to_csv(tmp_path / "a.csv", index=False)
    said: list[str] = []
    found = read(tmp_path / "a.csv", said)
    assert any(f"2 of {STEPS} rows left out: a number cannot be read (2: lines 6, 11)" in line for line in said)
    for series in found:
        assert np.flatnonzero(np.isnan(series.values)).tolist() == [4, 9]


def test_a_table_of_twenty_thousand_columns_is_read_in_seconds(tmp_path: Path) -> None:
    count, path = 20_000, tmp_path / "wide.csv"
    rows = [[f"2026-01-01T{hour:02}:00", *(str(hour * place % 7) for place in range(count))] for hour in range(3)]
    head = ["time", *(f"s{place}" for place in range(count))]
    path.write_text("\n".join(map(",".join, [head, *rows])))
    started = time.process_time()
    found = read(path)
    # A second or two; twenty where each column's times are read anew, and more where columns are looked up in lists.
    assert time.process_time() - started < 6
    assert len(found) == count
    assert found[-1].values.tolist() == [hour * (count - 1) % 7 for hour in range(3)]


def test_two_columns_of_one_name_are_refused_for_their_times(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text("time,a,a\n" + "".join(f"2026-01-01T{hour:02}:00,{hour},{hour + 1}\n" for hour in range(9)))
    with pytest.raises(BadInput, match=r"twice.csv:2: the series 'a': the time stamp .* is that of line 2, too"):
        read(path)
