"""The folder of a comparison: what is in its files, and that nothing is drawn that is not known."""

import csv
import html
import json
import math
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from matplotlib.text import Text

import tasks
from harness.comparison import plots, report, table
from tests.harness import ROOT

FAILED = "epoch 2: the loss is nan <b>&</b>; try a lower --lr"


def make_run(folder: Path, task: str, cell: str, seed: int, value: float, **changed: Any) -> dict:
    directory = folder / "runs" / task / f"{cell}-s{seed}"
    (directory / "predictions").mkdir(parents=True, exist_ok=True)
    lines = [{"input": n, "output": 0.0, "prediction": value} for n in range(20)]
    (directory / "predictions" / "test.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return {
        "task": task, "cell": cell, "seed": seed, "status": "done", "message": None, "run": str(directory),
        "monitor": "mae", "lower_is_better": True, "scores": {"mae": value, "r": None}, "validation": value,
        "weights": 1_200_000, "units": 64, "epochs": 3, "best_epoch": 2, "seconds": 20.0 + seed, "compiling": 4.0,
        "seconds_to_best": 12.0, "tokens_per_second": 50_000.0, "prediction_tokens_per_second": None,
        "megabytes": 900.5, "memory": None, "command": ["run.py", "train", task, "--data", "my file.csv"],
        "curve": [{"epoch": n, "loss": 1.0, "seconds": 5.0, "validation": value + 1 / n} for n in range(1, 4)],
    } | changed  # fmt: skip


def make_memory(share: float) -> dict:
    """Return what is known of a memory that keeps a share of the gradient at each step."""
    lags = list(range(0, 40, 4))
    side = {"lags": lags, "gradient": [share**lag for lag in lags], "half_life": math.log(0.5, share)}
    lengths = [
        {"length": length, "shortest": length - 9, "longest": length, "score": length / 100, "examples": 9}
        for length in (10, 20)
    ]
    delays = [{"delay": delay, "score": 1 / delay, "examples": 9} for delay in (5, 10)]
    return {"before": side, "after": side, "by_length": lengths, "by_delay": delays}


def make_runs(folder: Path) -> list[dict]:
    values = {"simple": [0.5, 0.52, 0.55], "gru": [0.2, 0.21, 0.24]}
    runs = [make_run(folder, "rating", cell, seed, found[seed]) for cell, found in values.items() for seed in range(3)]
    runs[0] |= {"status": "failed", "message": FAILED, "scores": None, "curve": None}
    shares = {"simple": 0.5, "gru": 0.98}
    runs += [make_run(folder, "my/task", cell, 0, 0.1, memory=make_memory(share)) for cell, share in shares.items()]
    return runs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("compare")
    stale = folder / "report" / "pictures" / "rating-gradients.png"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"of an earlier report")
    content = report.write_report(
        folder / "report", make_runs(folder), tasks={"rating": tasks.get("rating")}, device="2 cores"
    )
    return folder / "report", content


def test_the_folder_holds_tables_pictures_and_one_page(made: tuple[Path, dict]) -> None:
    folder, content = made
    drawn = {path.name for path in (folder / "pictures").iterdir()}
    both = {f"{task}-{kind}.png" for task in ("rating", "my_task") for kind in ("curves", "seconds", "weights")}
    assert drawn == both | {"my_task-gradients.png", "my_task-lengths.png", "my_task-delays.png"}
    assert {path.name for path in folder.iterdir()} == {"results.csv", "results.json", "report.html", "pictures"}
    assert json.loads((folder / "results.json").read_text()) == content


def test_a_line_a_run_in_the_csv(made: tuple[Path, dict]) -> None:
    with (made[0] / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert (rows[0]["status"], rows[0]["message"], rows[0]["score"]) == ("failed", FAILED, "")
    assert (rows[1]["score"], rows[1]["test_mae"], rows[1]["test_r"]) == ("0.52", "0.52", "")
    assert rows[1]["command"] == "run.py train rating --data 'my file.csv'"
    assert float(rows[6]["half_life_after"]) == pytest.approx(1)


def test_cells_are_summarised_best_first(made: tuple[Path, dict]) -> None:
    rating, other = made[1]["tasks"]
    assert [cell["cell"] for cell in rating["cells"]] == ["gru", "simple"]
    assert [cell["seeds"] for cell in rating["cells"]] == [3, 2]
    assert rating["cells"][0]["mean"] == pytest.approx(0.65 / 3) and rating["cells"][0]["weights"] == 1_200_000
    assert rating["verdict"] == "Best: gru, 0.217 ± 0.052."
    assert rating["pairs"][0]["sentence"].startswith("gru is better than simple by 0.318 ")
    assert "Not told apart from it: gru" in other["verdict"] and "one seed: no interval" in other["verdict"]


def test_scores_by_length_and_by_delay_stand_in_tables(made: tuple[Path, dict]) -> None:
    lengths, delays = table.tabulate_steps([run for run in made[1]["runs"] if run["task"] == "my/task"])
    assert lengths == table.Steps(
        "mae by length, in time steps",
        [{"cell": cell, "1 to 10": "0.1", "11 to 20": "0.2"} for cell in ("simple", "gru")],
    )
    assert delays.rows[0] == {"cell": "simple", "5": "0.2", "10": "0.1"}
    page = (made[0] / "report.html").read_text(encoding="utf-8")
    assert page.count("by length, in time steps") == page.count("by delay, in time steps") == 1


def test_where_the_loss_is_monitored_the_accuracy_stands_there_too() -> None:
    memory = make_memory(0.9)
    memory["by_length"] = memory["by_length"][:1]
    for one in memory["by_delay"]:
        one["scores"] = {"recalled": 0.5, "loss": one["score"], "other": 1.0}
    run: Any = {"cell": "gru", "monitor": "loss", "memory": memory}
    assert list(table.tabulate_steps([run])) == [
        table.Steps("loss by delay, in time steps", [{"cell": "gru", "5": "0.2", "10": "0.1"}]),
        table.Steps("recalled by delay, in time steps", [{"cell": "gru", "5": "0.5", "10": "0.5"}]),
    ]


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(made: tuple[Path, dict]) -> None:
    page = (made[0] / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    assert page.count("<img") == page.count('src="data:image/png;base64,') == 9
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in page and "<b>&</b>" not in page
    assert "1 of 8 runs failed" in page and "Failed: rating simple seed 0." in page
    assert "prefers-color-scheme: dark" in page
    shown = html.unescape(page)
    assert "--data 'my file.csv'" in shown and "matplotlib" in shown and "2 cores" in shown
    assert "vanishing gradient" in shown


class Reader(HTMLParser):
    """The elements of a page, and all that it shows: texts, and the values of attributes."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.shown = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.shown += "".join(f"{value}\n" for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.shown += data


def test_no_name_or_value_becomes_a_part_of_the_page(tmp_path: Path) -> None:
    attack = """"'><script>alert(NUMBER)</script>&amp;"""
    task, cell, monitor, value, message, device, title = (attack.replace("NUMBER", name) for name in "tcmvedi")
    changed = {"monitor": monitor, "scores": {monitor: 0.5}, "command": ["run.py", "--data", value]}
    runs = [make_run(tmp_path, "my/task", f"{cell}{seed}", seed, 0.5, **changed) | {"task": task} for seed in (0, 1)]
    runs.append({"task": task, "cell": cell, "seed": 2, "status": "failed", "message": message})
    report.write_report(tmp_path / "report", runs, tasks={}, device=device, title=title)
    page = Reader((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags and page.attributes == {
        "charset",
        "lang",
        "name",
        "content",
        "class",
        "alt",
        "src",
    }
    for text in (task, cell, monitor, shlex.quote(value), message, device, title):
        assert text in page.shown
    # In the head and in the text; beside its verdict, over its table and at its pictures.
    assert page.shown.count(title) == 2 and page.shown.count(f"{task}: Learning curves") == 1


def test_a_name_that_is_not_unicode_is_shown_with_its_bytes(tmp_path: Path) -> None:
    command = ["run.py", "train", "rating", "--data", os.fsdecode(b"caf\xe9.csv")]
    report.write_report(tmp_path, [make_run(tmp_path, "rating", "gru", 0, 0.5, command=command)], tasks={})
    assert r"caf\udce9.csv" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_jinja_is_not_imported_before_the_page_is_written() -> None:
    program = (
        "import sys, harness.comparison.report; print({'jinja2', 'matplotlib', 'scipy', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_terminal_shows_the_same_on_standard_output(
    made: tuple[Path, dict], capsys: pytest.CaptureFixture[str]
) -> None:
    table.print_comparison(made[1])
    shown = capsys.readouterr().out
    assert "rating  Best: gru, 0.217 ± 0.052." in shown and "1,200,000" in shown and "half-life after" in shown
    assert f"failed: rating simple seed 0: {FAILED}" in shown
    assert "gru is better than simple by 0.318" in shown
    # Known of no run.
    assert "prediction" not in shown


def test_a_report_of_failed_runs_only_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = {"task": "pos", "cell": "gru", "seed": 0, "status": "failed", "message": FAILED}
    content = report.write_report(tmp_path, [run], tasks={})
    table.print_comparison(content)
    assert "No run is done." in capsys.readouterr().out
    assert "No run is done." in (tmp_path / "report.html").read_text()


def test_what_is_no_number_is_left_out_and_said(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "rating", "gru", seed, value) for seed, value in enumerate([0.2, math.nan])]
    content = report.write_report(tmp_path / "report", runs, tasks={})
    assert content["tasks"][0]["notes"] == ["rating gru seed 1 is left out: it has no finite mae."]
    assert "NaN" not in (tmp_path / "report" / "results.json").read_text()


def test_the_page_of_before_stays_whole_if_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results.csv").write_text("of before")

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        report.write_report(tmp_path, [{"task": "pos", "cell": "gru", "seed": 0, "status": "failed"}], tasks={})
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]
    assert (tmp_path / "results.csv").read_text() == "of before"


def test_curves_show_mean_and_range_as_far_as_all_seeds_came(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "rating", "gru", seed, value) for seed, value in enumerate([0.2, 0.4])]
    runs[1]["curve"] = runs[1]["curve"][:2]
    axes = plots.draw_learning_curves({"gru": runs}, plots.choose_styles(["gru"])).axes[0]
    *_, mean = axes.lines
    assert mean.get_xdata().tolist() == [1, 2] and mean.get_ydata().tolist() == pytest.approx([1.3, 0.8])
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(1.4) and band[:, 1].min() == pytest.approx(0.7)
    assert [text.get_text() for text in axes.texts] == ["gru"]


def test_gradients_are_dashed_before_and_solid_after_and_one_that_vanished_is_not_drawn(tmp_path: Path) -> None:
    memory = make_memory(0.5)
    memory["after"]["gradient"] = [*memory["after"]["gradient"][:-1], 0.0]
    runs = [make_run(tmp_path, "rating", "gru", 0, 0.1, memory=memory)]
    axes = plots.draw_gradients({"gru": runs}, plots.choose_styles(["gru"])).axes[0]
    before, after = axes.lines[:2]
    assert (before.get_linestyle(), after.get_linestyle()) == ("--", "-")
    assert before.get_color() == after.get_color() and axes.get_yscale() == "log"
    assert after.get_xdata()[-1] == 32 and after.get_ydata()[1] == pytest.approx(0.5**4)


def test_names_never_lie_on_each_other(tmp_path: Path) -> None:
    cells = {cell: [make_run(tmp_path, "rating", cell, 0, 0.3)] for cell in ("simple", "lstm", "gru", "dnn")}
    styles = plots.choose_styles(list(cells))
    for figure in (
        plots.draw_learning_curves(cells, styles),
        plots.draw_score_by_cost(cells, styles, cost=lambda run: run["weights"], label="weights"),
    ):
        figure.canvas.draw()
        axes = figure.axes[0]
        # Both have their names' places in shares of the axes.
        heights = sorted(text.get_position()[1] for text in axes.texts)
        letters = max(Text.get_window_extent(text).height for text in axes.texts) / axes.get_window_extent().height
        assert len(heights) == 4
        assert all(above - below > letters for below, above in zip(heights, heights[1:], strict=False))


def test_cells_differ_in_more_than_colour() -> None:
    styles = plots.choose_styles([f"cell {number}" for number in range(12)])
    assert len(set(styles.values())) == 12
    first = list(styles.values())[: len(plots.COLOURS)]
    assert len({style.colour for style in first}) == len({style.marker for style in first}) == len(plots.COLOURS)


def test_the_page_links_the_analysis_of_each_run_that_has_one(tmp_path: Path) -> None:
    found = make_runs(tmp_path)
    with_one = [run for run in found if run["task"] == "rating" and run["seed"] == 1]
    for run in with_one:
        (Path(run["run"]) / "analysis.html").write_text("why")
    # Of a failed run, what an earlier one has left.
    (Path(found[0]["run"]) / "analysis.html").write_text("of an earlier run")
    folder = tmp_path / "a report"
    report.write_report(folder, found, tasks={"rating": tasks.get("rating")})
    links = re.findall(r'<a href="([^"]*)">([^<]*)</a>', (folder / "report.html").read_text())
    assert [name for _, name in links] == [f"rating {run['cell']} seed 1" for run in with_one]
    for link, _ in links:
        assert (folder / unquote(link)).read_text() == "why"
