"""Sweeps: worker processes, what fails, what is used again."""

import dataclasses
import errno
import json
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import tasks
from harness import data
from harness.comparison import compare, plan, sweep_worker
from harness.comparison.sweep import Entry, Sweep
from harness.options import defaults
from models import classifier
from pipeline.errors import BadInput
from run import main
from tests.harness import (
    NOT_MEASURED,
    linux,
    read_bytes,
    read_record,
    small,
    small_options,
    start_keras,
    without_new_cells,
)
from tests.harness.process.interrupts import start, stop
from tests.pipeline.test_worker import wait_for_end
from tests.test_run import TINY, write_reviews

BROKEN = """
import os
from models.recurrent import CELLS

def broken(units, **options):
    raise RuntimeError("no such luck")

CELLS["broken"] = broken
CELLS["fatal"] = lambda units, **options: os._exit(1)
"""


@pytest.fixture(scope="module", autouse=True)
def own_cells() -> Iterator[None]:
    with without_new_cells():
        yield


def find_run(runs: Path, seed: int) -> Path:
    """Return the directory of the only run of `simple` with a seed."""
    (directory,) = (runs / "sentiment").glob(f"simple-s{seed}-*")
    return directory


def read_children(process: int) -> list[int]:
    """Return the numbers of the processes that a process has started."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(number) for task in tasks for number in (task / "children").read_text().split()]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path, dict]:
    """A sweep in which one cell raises an error and another ends its process: the command, the runs, the results."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "cells.py").write_text(BROKEN)
    data = str(write_reviews(folder / "reviews.csv"))
    command = ["compare", "sentiment", "--data", data, "--include", str(folder / "cells.py"), *TINY]
    command += ["--runs", str(folder / "runs"), "--seeds", "2"]
    assert main([*command, "--cells", "fatal,simple,broken"]) == 1
    return command, folder / "runs", json.loads((folder / "runs/comparisons/sentiment/results.json").read_text())


@pytest.mark.slow
def test_a_run_that_fails_is_shown_with_its_message_and_the_rest_goes_on(compared: tuple) -> None:
    _, runs, results = compared
    found = {(run["cell"], run["seed"]): run for run in results["runs"]}
    assert [run["status"] for run in found.values()].count("done") == 2
    for seed in (0, 1):
        assert found["broken", seed]["message"].endswith("no model can be trained with it: RuntimeError: no such luck")
        assert "ended abruptly" in found["fatal", seed]["message"]
        assert 0 <= found["simple", seed]["scores"]["accuracy"] <= 1
        assert found["simple", seed]["tokens_per_second"] > 0 and found["simple", seed]["megabytes"] > 100
    # One seed shows where the cell's memory ends, and why it scores as it does; the report links that.
    (analysis,) = (runs / "sentiment").rglob("analysis.html")
    assert analysis.parent == Path(found["simple", 0]["run"])
    report = (runs / "comparisons" / "sentiment" / "report.html").read_text()
    link = re.search(r'<a href="([^"]*)">sentiment simple seed 0</a>', report)
    assert link and (runs / "comparisons" / "sentiment" / unquote(link[1])).samefile(analysis)
    assert found["simple", 0]["memory"]["after"]["gradient"] and found["simple", 1]["memory"] is None


@pytest.mark.slow
def test_complete_runs_are_used_as_they_are_and_the_command_of_each_trains_it(
    compared: tuple, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    command, runs, results = compared
    before = read_bytes(runs / "sentiment")
    assert main([*command, "--cells", "simple", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert all(run["reused"] for run in again["runs"])
    assert read_bytes(runs / "sentiment") == before
    words = next(run["command"] for run in results["runs"] if run["cell"] == "simple" and run["seed"] == 1)
    words[words.index("--runs") + 1] = str(tmp_path)
    assert main(words[2:]) == 0
    one, other = (read_record(find_run(each, 1) / "scores.json") for each in (runs, tmp_path))
    assert {**one, "run": ""} | NOT_MEASURED == {**other, "run": ""} | NOT_MEASURED


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--seeds", "0"], "--seeds 0: expected a number of at least 1"),
        (["--cells", "simple,simple"], "--cells: simple stands there more than once"),
        (["--workers", "0"], "--workers 0: expected a number of at least 1"),
        (["--cell", "gru"], "--cell: compare takes --cells, such as --cells simple,gru"),
        (["--ray", "localhost"], "--ray localhost: expected HOST:PORT"),
    ],
)
def test_a_mistake_is_one_message(more: list[str], message: str, capfd: pytest.CaptureFixture) -> None:
    assert main(["compare", "sentiment", *more]) == 2
    error = capfd.readouterr().err
    assert message in error and "Traceback" not in error


def test_a_report_that_could_not_be_written_is_refused_before_any_run(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "file").write_text("a file")
    for where in ("--runs", "--output"):
        assert main(["compare", "sentiment", where, str(tmp_path / "file")]) == 2
        error = capsys.readouterr().err
        assert f"{tmp_path / 'file'} cannot be written to; name another folder with --output" in error
    assert read_bytes(tmp_path) == {"file": b"a file"}


@linux
@pytest.mark.slow
def test_workers_end_with_the_comparison_and_what_they_trained_goes_on(tmp_path: Path) -> None:
    options = ["--data", str(write_reviews(tmp_path / "reviews.csv")), "--runs", str(tmp_path / "runs"), *TINY]
    options += ["--epochs", "200", "--patience", "200"]
    process = start("compare", "sentiment", *options, "--cells", "simple", "--seeds", "2", "--workers", "2")
    while len(lines := sorted((tmp_path / "runs" / "sentiment").glob("*/metrics.jsonl"))) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    workers = read_children(process.pid)
    trial = stop(process, signal.SIGTERM)
    assert trial.code == 143 and "the same command goes on after what was saved last: python" in trial.errors
    assert len(workers) >= 2 and max(map(wait_for_end, workers)) < 2
    before = lines[0].read_text().splitlines()[:-1]
    start_keras()
    assert main(["train", "sentiment", *options]) == 0
    after = lines[0].read_text().splitlines()
    assert len(after) == 200 and after[: len(before)] == before


@pytest.mark.slow
def test_runs_of_other_options_have_directories_of_their_own(compared: tuple, tmp_path: Path) -> None:
    command, runs, _ = compared
    before = read_bytes(runs / "sentiment")
    more = ["--cells", "simple", "--seeds", "1", "--units", "9", "--output", str(tmp_path)]
    assert main([*command, *more]) == 0
    assert before.items() < read_bytes(runs / "sentiment").items()


@pytest.mark.parametrize(
    ("name", "cell", "message"),
    [
        ("sentiment", "grru", "unknown RNN type in --cells 'grru'. Did you mean 'gru'?"),
        ("novel", "dnn", "--cell dnn: the task 'novel' writes one symbol after another"),
    ],
)
def test_a_cell_that_cannot_run_a_task_is_refused(name: str, cell: str, message: str, tmp_path: Path) -> None:
    with small(name) as task, pytest.raises(BadInput) as caught:
        plan.settle(Sweep({name: small_options(task)}, ("simple", cell), 1, "units", tmp_path))
    assert message in str(caught.value)


def test_data_without_outputs_to_compare_by_is_refused(tmp_path: Path) -> None:
    rows = {"train": "a,pos\nb,neg\nc,pos\nd,neg\n", "valid": "e,pos\nf,neg\n", "test": "g,\nh,\n"}
    for split, text in rows.items():
        (tmp_path / f"{split}.csv").write_text(f"text,label\n{text}")
    task = tasks.get("sentiment")
    options = dataclasses.replace(defaults(task), data=str(tmp_path))
    with pytest.raises(BadInput, match="the test split has no outputs to compare by; give --test-file"):
        plan.settle(Sweep({"sentiment": options}, ("simple", "gru"), 1, "units", tmp_path / "runs"))


def test_what_is_no_task_is_refused(capsys: pytest.CaptureFixture) -> None:
    assert main(["compare"]) == 2
    assert "compare: expected a TASK" in capsys.readouterr().err
    assert main(["compare", "sentimnt"]) == 2
    assert "Did you mean 'sentiment'?" in capsys.readouterr().err


class Done:
    """A pool whose runs have ended already, each with what `outcomes` says."""

    def __init__(self, outcomes: list[Any]):
        self.outcomes = outcomes
        self.begun: list[Entry] = []
        self.ended = False

    def train(self, entry: Entry, *, fresh: bool, remember: bool) -> Future:
        self.begun.append(entry)
        future: Future = Future()
        outcome = self.outcomes[entry.options.seed]
        future.set_exception(outcome) if isinstance(outcome, Exception) else future.set_result(outcome)
        return future

    def collect(self, entry: Entry, found: Any) -> dict:
        return found

    def end(self) -> None:
        self.ended = True


def entries(count: int) -> list[Entry]:
    options = defaults(tasks.get("sentiment"))
    folder = Path("runs")
    return [
        Entry("sentiment", options.replace(seed=seed), folder, folder / "sentiment" / f"simple-s{seed}")
        for seed in range(count)
    ]


def test_a_sweep_with_a_run_that_failed_shows_and_writes_its_results_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    failed = sweep_worker.describe(entries(1)[0], status="failed", message="no such luck")
    monkeypatch.setattr("harness.comparison.command.compare", lambda *_, **__: [failed])
    assert main(["compare", "sentiment", "--runs", str(tmp_path)]) == 1
    assert "failed: sentiment simple seed 0: no such luck" in capsys.readouterr().out
    assert (tmp_path / "comparisons" / "sentiment" / "report.html").exists()


def test_a_full_disk_ends_the_sweep() -> None:
    pool = Done([{}, OSError(errno.ENOSPC, "No space left on device")])
    with pytest.raises(OSError, match="No space left"):
        compare.train_all(entries(2)[1:], pool, fresh=False)
    assert pool.ended


def test_another_error_of_the_disk_ends_its_run_only() -> None:
    (result,) = compare.train_all(entries(1), Done([PermissionError(errno.EACCES, "denied", "runs/x")]), fresh=False)
    assert result["status"] == "failed" and "denied" in result["message"] and result["cell"] == "simple"


def test_the_time_left_is_that_of_runs_of_the_same_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = entries(3)
    third = dataclasses.replace(third, options=dataclasses.replace(third.options, cell="gru"))
    clock = compare.Clock([first, second, third])
    monkeypatch.setattr(time, "perf_counter", lambda: clock.started + 119.8)
    assert clock.remaining() == ""
    clock.note(first, {"status": "done", "spent": 119.8, "monitor": "m", "scores": {"m": 1.0}, "reused": False})
    # As long for the second as the first took, and as nothing is known of the gru, as much for it: 239.6 s.
    assert clock.remaining() == ", about 4:00 left"


@pytest.mark.parametrize("fresh", [False, True])
def test_what_is_complete_is_taken_up_first_unless_all_is_trained_again(tmp_path: Path, fresh: bool) -> None:
    first, second, third = (
        dataclasses.replace(entry, directory=tmp_path / entry.directory.name) for entry in entries(3)
    )
    third.directory.mkdir(parents=True)
    (third.directory / "scores.json").write_text("{}")
    pool = Done([OSError("no such luck")] * 3)
    results = compare.train_all([first, second, third], pool, fresh=fresh)
    assert pool.begun == ([first, second, third] if fresh else [third, first, second])
    assert [result["seed"] for result in results] == [0, 1, 2]


@pytest.mark.slow
def test_matched_cells_have_as_many_weights_as_the_first(tmp_path: Path) -> None:
    with small("sentiment") as task:
        prepared = data.prepare(task, small_options(task))
        matched = plan.match_weights(task, small_options(task, units=64), ("simple", "lstm"), tmp_path)
        one, other = (
            classifier.build(prepared.input_field, prepared.output_field, options).count_params()
            for options in matched.values()
        )
        options = small_options(task, units=1, embedding_size=1)
        with pytest.raises(BadInput, match=r"--match params: sentiment: lstm has [\d,]+ weights with 1 units; neither"):
            plan.match_weights(task, options, ("simple", "lstm"), tmp_path)
    assert matched["simple"].units == 64 > matched["lstm"].units
    assert 0.98 * one <= other <= 1.02 * one


def test_cells_are_given_the_epochs_for_which_they_take_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = {"simple": 3000, "gru": 1000, "lstm": 500}
    monkeypatch.setattr(plan, "measure_speed", lambda task, options: speeds[options.cell])
    with small("sentiment") as task:
        options = small_options(task, epochs=12)
        matched = plan.match_seconds(task, options, tuple(speeds), tmp_path)
        assert {cell: one.epochs for cell, one in matched.items()} == {"simple": 12, "gru": 4, "lstm": 2}
        # A sweep that goes on does not measure again.
        speeds["gru"] = 3000
        assert plan.match_seconds(task, options, ("simple", "gru"), tmp_path)["gru"].epochs == 4


def test_runs_of_one_seed_come_before_those_of_the_next(tmp_path: Path) -> None:
    with small("sentiment") as task:
        options = small_options(task, seed=3)
        sweep = plan.settle(Sweep({"sentiment": options}, ("simple", "gru"), 2, "units", tmp_path))
        found = plan.plan(sweep)
    assert [(entry.options.cell, entry.options.seed) for entry in found] == [
        ("simple", 3),
        ("gru", 3),
        ("simple", 4),
        ("gru", 4),
    ]
    names = [entry.directory.name.split("-batch_size=4,")[0] for entry in found]
    assert names == ["simple-s3", "gru-s3", "simple-s4", "gru-s4"]
    assert sweep_worker.name_command(found[0])[:4] == ["python", "run.py", "train", "sentiment"]


def test_a_worker_count_of_none_is_refused() -> None:
    with pytest.raises(BadInput, match="--workers 0"):
        compare.Local(0, lambda: "", ())


def test_runs_of_a_tuned_sweep_have_the_options_that_were_found_and_a_folder_of_their_own(tmp_path: Path) -> None:
    with small("sentiment") as task:
        sweep = Sweep(
            {"sentiment": small_options(task)},
            ("simple", "gru"),
            seeds=2,
            match="units",
            folder=tmp_path,
            trials=3,
            tuned={("sentiment", "gru"): {"units": 5, "learning_rate": 0.02}},
        )
        entries = plan.plan(plan.settle(sweep))
        usual = small_options(task)
    found = {(one.options.cell, one.options.units, one.options.learning_rate) for one in entries}
    assert found == {("simple", usual.units, usual.learning_rate), ("gru", 5, 0.02)}
    assert {one.folder for one in entries} == {tmp_path / "best-of-3"}


@pytest.mark.parametrize(("trials", "match"), [(-1, "units"), (3, "params")])
def test_a_sweep_is_tuned_by_trials_or_matched_but_not_both(tmp_path: Path, trials: int, match: Any) -> None:
    with pytest.raises(BadInput, match="--tune"):
        Sweep({}, ("simple",), seeds=1, match=match, folder=tmp_path, trials=trials)
