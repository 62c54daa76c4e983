import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tasks
from harness.learning_curve import NAME, LearningCurve, draw, drawing, plot_in_terminal, read_learning_curve
from pipeline.errors import BadInput


def write_state(run: Path, name: str, *, epoch: int, best_epoch: int, **more: Any) -> None:
    """Write a state of a run: no more of it than how far the run had come."""
    done = {"epoch": epoch, "best": 0.5, "best_epoch": best_epoch, "waited": 0, "done": False}
    progress = {**done, "seconds": 1.0, "compiling": 0.0, **more}
    np.savez(run / name, progress=np.array(json.dumps(progress)))


def write_run(folder: Path, scores: list, *, best: int = 1, end: str = "") -> Path:
    """Write what a run under way has, by accuracy. best: the epoch that is kept."""
    lines = [
        {
            "epoch": n,
            "loss": 1 / n,
            "validation_accuracy": score,
            "validation_loss": score,
            "seconds": 1.0,
            "compiling": 0.0,
        }
        | {"tokens_per_second": 100}
        for n, score in enumerate(scores, 1)
    ]
    run = folder / "sentiment" / "gru-s0"
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + end)
    write_state(run, "state.npz", epoch=len(scores), best_epoch=best)
    return run


def read(run: Path) -> LearningCurve:
    found = read_learning_curve(run, "accuracy")
    assert found
    return found


def test_of_a_run_under_way_the_epoch_is_marked_that_it_keeps(tmp_path: Path) -> None:
    # Of few examples the last, whatever its score.
    scores = [0.5, 0.7, None, 0.6]
    curve = read(write_run(tmp_path, scores, best=4))
    assert curve.best_epoch == 4 and list(curve.epochs) == [1, 2, 3, 4]
    assert curve.loss == [1 / n for n in curve.epochs]
    assert [math.isnan(value) for value in curve.score] == [value is None for value in scores]


def test_what_is_being_written_is_left_alone_and_a_damaged_line_is_named(tmp_path: Path) -> None:
    assert len(read(write_run(tmp_path / "a", [0.1, 0.2], end='{"epoch": 3, "lo')).loss) == 2
    run = write_run(tmp_path / "b", [0.1, 0.2], end="nonsense\n")
    assert len(read(run).loss) == 2
    write_state(run, "state.npz", epoch=3, best_epoch=2)
    with pytest.raises(BadInput, match=r"metrics.jsonl:3: the file is damaged"):
        read(run)


def test_the_newest_whole_state_says_how_far_a_run_has_come(tmp_path: Path) -> None:
    run = write_run(tmp_path, [0.1, 0.2, 0.3], best=3)
    write_state(run, "state.previous.npz", epoch=2, best_epoch=2)
    write_state(run, "state.within.npz", epoch=3, best_epoch=1, within={"step": 1, "seconds": 1.0, "compiling": 0.0})
    assert read(run).best_epoch == 1
    (run / "state.within.npz").unlink()
    (run / "state.npz").write_bytes(b"PK")
    assert len(read(run).loss) == 2
    (run / "state.previous.npz").write_bytes(b"PK")
    with pytest.raises(BadInput, match=r"state.previous.npz: the file is damaged .*; start over with --fresh"):
        read(run)


def test_there_is_no_curve_before_the_first_epoch_has_ended(tmp_path: Path) -> None:
    assert read_learning_curve(tmp_path, "accuracy") is None
    draw(tmp_path, "accuracy")
    assert list(tmp_path.iterdir()) == []
    write_state(tmp_path, "state.within.npz", epoch=0, best_epoch=0, within={"step": 1, "seconds": 1.0, "compiling": 0})
    assert read_learning_curve(tmp_path, "accuracy") is None


@pytest.mark.parametrize("scores", [[0.5], [0.1 * n for n in range(8)], [None, 0.3], [None], [0.5] * 300])
def test_a_picture_is_drawn_whatever_the_run(scores: list, tmp_path: Path) -> None:
    run = write_run(tmp_path, scores)
    draw(run, "accuracy")
    with Image.open(run / NAME) as picture:
        assert picture.format == "PNG" and picture.size == (840, 600)
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}
    # The training loss; and the star of the best epoch, where there is one.
    assert (0, 0x72, 0xB2) in colours
    assert list(run.glob(".*")) == []


def test_the_picture_is_drawn_by_another_process_and_a_failure_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run = write_run(tmp_path, [0.1, 0.2])
    task = tasks.get("sentiment")
    with drawing() as draw_there:
        draw_there(run, task)
        assert (run / NAME).stat().st_size > 1000
        (run / "metrics.jsonl").write_text("nonsense\n")
        draw_there(run, task)
    assert "learning.png: the picture cannot be drawn: " in capsys.readouterr().err


@pytest.mark.needs("plotext")
@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_a_terminal_shows_the_score_by_epoch(epochs: int) -> None:
    scores = [0.5 + n / 100 for n in range(epochs)]
    curve = LearningCurve("accuracy", loss=scores, validation_loss=scores, score=scores, best_epoch=epochs)
    shown = plot_in_terminal(curve)
    lines = shown.splitlines()
    assert "validation accuracy by epoch, * kept" in lines[0] and shown.count("*") == 2
    assert lines[-1].split()[-1] == str(epochs) and len(lines[-1].split()) <= 10
    assert all(len(line) <= 64 for line in lines) and "\x1b" not in shown


@pytest.mark.needs("plotext")
def test_a_terminal_shows_what_is_finite() -> None:
    nan = math.nan
    curve = LearningCurve("f1", loss=[1.0, 1.0], validation_loss=[nan, nan], score=[nan, 0.5], best_epoch=2)
    assert "0.5" in plot_in_terminal(curve)
    curve = LearningCurve("f1", loss=[1.0], validation_loss=[nan], score=[nan], best_epoch=1)
    assert plot_in_terminal(curve) == "validation f1: no finite number so far"
