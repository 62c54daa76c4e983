import json
import math
from pathlib import Path

import pytest
from PIL import Image

import tasks
from harness.learning_curve import NAME, LearningCurve, draw, drawing, plot_in_terminal, read_learning_curve
from pipeline.errors import BadInput


def write_metrics(folder: Path, scores: list, losses: list | None = None, end: str = "") -> Path:
    """Write the metrics of a run, by accuracy."""
    lines = [
        {
            "epoch": n,
            "loss": 1 / n,
            "validation_accuracy": score,
            "validation_loss": loss,
            "seconds": 1.0,
            "compiling": 0.0,
        }
        | {"tokens_per_second": 100}
        for n, (score, loss) in enumerate(zip(scores, losses or scores, strict=True), 1)
    ]
    run = folder / "sentiment" / "gru-s0"
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + end)
    return run


def read(run: Path, lower_is_better: bool = False) -> LearningCurve:
    found = read_learning_curve(run, "accuracy", lower_is_better=lower_is_better)
    assert found
    return found


@pytest.mark.parametrize(
    "scores, lower_is_better, best",
    [
        ([0.5, 0.7, 0.7, 0.6], False, 2),
        ([0.5, 0.7, 0.7, 0.6], True, 1),
        ([0.3, 0.1, 0.1], True, 2),
        ([None, 0.2, None], False, 2),
        ([None, 0.2, 0.4], True, 2),
        # The checkpoint keeps the model of each epoch until a score is finite.
        ([None, None], False, 2),
    ],
)
def test_the_best_epoch_is_the_first_of_the_best(
    scores: list, lower_is_better: bool, best: int, tmp_path: Path
) -> None:
    curve = read(write_metrics(tmp_path, scores), lower_is_better)
    assert curve.best_epoch == best and list(curve.epochs) == list(range(1, len(scores) + 1))
    assert curve.loss == [1 / n for n in curve.epochs]
    assert [math.isnan(value) for value in curve.score] == [value is None for value in scores]


def test_of_equal_scores_the_best_is_that_with_the_lower_loss(tmp_path: Path) -> None:
    assert read(write_metrics(tmp_path, [0.9, 1.0, 1.0, 1.0], losses=[0.1, 0.5, 0.2, 0.3])).best_epoch == 3


def test_a_line_that_is_being_written_is_left_alone_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    assert len(read(write_metrics(tmp_path / "a", [0.1, 0.2], end='{"epoch": 3, "lo')).loss) == 2
    run = write_metrics(tmp_path / "b", [0.1, 0.2], end="nonsense\n")
    with pytest.raises(BadInput, match=r"metrics.jsonl:3: the file is damaged"):
        read(run)


def test_there_is_no_curve_before_the_first_epoch_has_ended(tmp_path: Path) -> None:
    assert read_learning_curve(tmp_path, "accuracy", lower_is_better=False) is None
    draw(tmp_path, "accuracy", False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scores", [[0.5], [0.1 * n for n in range(8)], [None, 0.3], [None], [0.5] * 300])
def test_a_picture_is_drawn_whatever_the_run(scores: list, tmp_path: Path) -> None:
    run = write_metrics(tmp_path, scores)
    draw(run, "accuracy", False)
    with Image.open(run / NAME) as picture:
        assert picture.format == "PNG" and picture.size == (840, 600)
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}
    # The training loss; and the star of the best epoch, where there is one.
    assert (0, 0x72, 0xB2) in colours
    assert list(run.glob(".*")) == []


def test_the_picture_is_drawn_by_another_process_and_a_failure_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    run = write_metrics(tmp_path, [0.1, 0.2])
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
    assert "validation accuracy by epoch, * best" in lines[0] and shown.count("*") == 2
    assert lines[-1].split()[-1] == str(epochs) and len(lines[-1].split()) <= 10
    assert all(len(line) <= 64 for line in lines) and "\x1b" not in shown


@pytest.mark.needs("plotext")
def test_a_terminal_shows_what_is_finite() -> None:
    nan = math.nan
    curve = LearningCurve("f1", loss=[1.0, 1.0], validation_loss=[nan, nan], score=[nan, 0.5], best_epoch=2)
    assert "0.5" in plot_in_terminal(curve)
    curve = LearningCurve("f1", loss=[1.0], validation_loss=[nan], score=[nan], best_epoch=1)
    assert plot_in_terminal(curve) == "validation f1: no finite number so far"
