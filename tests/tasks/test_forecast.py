"""Forecast, from a user's table to a table of what comes next, and its picture."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

import tasks
from harness import inputs, predict
from harness.commands import COMMANDS
from harness.forecast_picture import check_plot, draw_forecasts
from harness.options import defaults
from harness.runs.restored import read_run
from pipeline.errors import BadInput
from tests.harness import evaluate, open_run, read_predictions, small_options, start_keras, train
from tests.pipeline.forecasting import wave

HORIZON = 6


def make_table(steps: int = 260) -> pandas.DataFrame:
    times = pandas.date_range("2026-01-01", periods=steps, freq="6h").strftime("%Y-%m-%dT%H:%M:%S")
    return pandas.DataFrame({"time": times, "north": wave(steps, 4), "south": 100 + 9 * wave(steps, 4, seed=1)})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small run on two series, with a value every six hours."""
    folder = tmp_path_factory.mktemp("forecast")
    make_table().to_csv(folder / "weather.csv", index=False)
    start_keras()
    task = dataclasses.replace(tasks.get("forecast"), baselines={})
    changed = {"data": str(folder / "weather.csv"), "window": 32, "horizon": HORIZON, "epochs": 2, "stride": 2}
    yield Path(train(task, small_options(task, **changed), folder)["run"])


def test_the_next_values_of_every_series_are_told_where_no_input_is_given(run: Path) -> None:
    asked = inputs.read_latest(read_run(run), tell=print)
    found = predict.predict(open_run(run), asked)
    assert [one["series"] for one in found] == ["north", "south"]
    times = pandas.date_range("2026-01-01", periods=260 + HORIZON, freq="6h")[-HORIZON:]
    for one, near in zip(found, (13.0, 215.0), strict=True):
        assert [pandas.Timestamp(time) for time in one["times"]] == list(times)
        assert one["output"]["0.5"] == pytest.approx([near] * HORIZON, rel=0.3)
        ordered = np.array(list(one["output"].values()))
        assert (np.diff(ordered, axis=0) >= 0).all()
    lines = predict.format_plainly(found).splitlines()
    assert lines[0] == "north" and lines[1].split() == ["time", "0.1", "0.25", "0.5", "0.75", "0.9"]
    assert len({len(line) for line in lines[1 : 2 + HORIZON]}) == 1


def test_a_file_is_forecast_from_its_end(run: Path, tmp_path: Path) -> None:
    make_table(80).melt("time", var_name="station", value_name="degrees").to_csv(tmp_path / "new.csv", index=False)
    asked = inputs.read_file(read_run(run), str(tmp_path / "new.csv"), {}, tell=print)
    assert [one.value.series.name for one in asked] == ["north", "south"]
    assert [one.value.stop for one in asked] == [80, 80]
    make_table(80).assign(time=lambda table: table.time.str[:10]).drop_duplicates("time").to_csv(tmp_path / "days.csv")
    asked = inputs.read_file(read_run(run), str(tmp_path / "days.csv"), {}, tell=print)
    with pytest.raises(BadInput, match="a value per day, and this run is trained on one per 6 hours"):
        predict.predict(open_run(run), asked)


def test_the_picture_shows_each_series(run: Path, tmp_path: Path) -> None:
    asked = inputs.read_latest(read_run(run), tell=print)
    draw_forecasts(tmp_path / "forecast.png", asked, predict.predict(open_run(run), asked))
    with Image.open(tmp_path / "forecast.png") as picture:
        width, height = picture.size
        colours = picture.convert("RGB").getcolors(10**6)
    assert width == 960 and height == 2 * 312
    # The blue of the forecast, and that of its interval.
    assert any(colour == (0, 114, 178) for _, colour in colours)


@pytest.mark.parametrize(
    ("path", "task", "message"),
    [
        ("f.jpg", "forecast", "expected the name of a picture, which ends with .png"),
        ("nowhere/f.png", "forecast", "there is no folder"),
        ("f.png", "adding", "only forecasts are drawn, and the task 'adding' makes none"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_refused(
    run: Path, tmp_path: Path, path: str, task: str, message: str
) -> None:
    experiment = read_run(run)
    if task != "forecast":
        other = tasks.get(task)
        experiment = dataclasses.replace(experiment, task=other, output_field=other.output(defaults(other)))
    with pytest.raises(BadInput, match=message):
        check_plot(tmp_path / path, experiment)


def test_a_run_scores_itself_and_other_series(run: Path, tmp_path: Path) -> None:
    assert evaluate(run)["scores"] == json.loads((run / "scores.json").read_text())["scores"]
    make_table(200).to_csv(tmp_path / "other.csv", index=False)
    found = evaluate(run, source=str(tmp_path / "other.csv"))
    assert found["examples"] == 2 * (30 // HORIZON)
    assert 0 <= found["scores"]["coverage_80"] <= 1
    assert set(read_predictions(run)[0]["prediction"]) == {"0.1", "0.25", "0.5", "0.75", "0.9"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--horizon", "0"], "--horizon 0: expected a whole number between 1 and 10000"),
        (["--window", "1"], "--window 1: expected"),
        (["--data", "nowhere.csv"], "there is no such path"),
        (["--forecast", "median"], "--forecast"),
    ],
)
def test_bad_options_are_refused(words: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        COMMANDS["train"].call(["forecast", *words, "--runs", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_a_run_is_not_inspected(run: Path) -> None:
    with pytest.raises(BadInput, match="the task 'forecast' answers with several numbers for each of 6 steps"):
        COMMANDS["inspect"].call([str(run), "1 2 3 4 5 6 7 8"])


@pytest.mark.slow
def test_states_are_carried_on_and_forecasts_written_step_by_step(run: Path, tmp_path: Path) -> None:
    task = dataclasses.replace(tasks.get("forecast"), baselines={})
    changed = {"data": str(run.parent.parent / "weather.csv"), "window": 16, "horizon": HORIZON, "epochs": 2}
    for more in ({"carry": 3, "stride": 9, "layers": 2}, {"decoding": "autoregressive", "forecast": "mean"}):
        options = small_options(task, **changed, **more, cell="gru")
        directory = Path(train(task, options, tmp_path / next(iter(more)))["run"])
        assert evaluate(directory)["scores"] == json.loads((directory / "scores.json").read_text())["scores"]
