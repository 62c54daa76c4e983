"""Runs whose layers are in residual blocks, and what a run says of the limits of its cell."""

import json
from pathlib import Path

import numpy as np
import pytest

import tasks
from harness.analysis.analyse import analyse_run
from harness.cells import explain_limitation
from harness.commands.printing import describe
from harness.comparison import gradient_reach
from harness.inspection.inspect import inspect
from harness.options import defaults
from harness.score import score
from harness.selection import select
from tests.harness import evaluate, open_run, small, small_splits, train_small
from tests.harness.inspection.test_inspect import check_whole


@pytest.mark.slow
def test_an_encoder_and_decoder_in_blocks_are_scored_again_inspected_and_followed_back(tmp_path: Path) -> None:
    with small("translation") as task:
        directory = train_small(task, tmp_path, cell="mingru", signed=True, block=True, layers=2, epochs=1)
        summary = json.loads((directory / "scores.json").read_text())
        assert evaluate(directory)["scores"] == pytest.approx(summary["scores"], abs=1e-6)
        trained = open_run(directory)
        check_whole(inspect(trained, small_splits("translation")["test"][-1].input, explain=True), trained)
        for found in gradient_reach.measure_gradient_reach(directory).values():
            assert np.isfinite(found["gradient"]).all() and min(found["gradient"][:2]) > 0


@pytest.mark.slow
def test_a_run_that_cannot_count_says_so_wherever_its_scores_are_shown(tmp_path: Path) -> None:
    with small("regular") as task:
        directory = train_small(task, tmp_path, cell="mingru", epochs=1)
        summary = json.loads((directory / "scores.json").read_text())
        why = summary["limitation"]
        assert "cannot count modulo 2" in why and "--signed" in why
        assert describe(summary)["limitation"] == why
        run = open_run(directory).experiment
        selection = select(run, None, "test")
        assert score(run, selection)["limitation"] == why
        assert "cannot count modulo 2" in (directory / "README.md").read_text()
        assert f"mingru: {why}." in analyse_run(run, selection).sections[0].sentence


@pytest.mark.parametrize(
    ("language", "cell", "signed", "said"),
    [
        ("parity", "mingru", False, "modulo 2"),
        ("parity", "mingru", True, None),
        ("s3", "minlstm", True, "modulo 3"),
        ("dyck", "mingru", False, None),
        ("parity", "gru", False, None),
    ],
)
def test_the_limits_of_a_cell_are_those_that_its_task_meets(
    language: str, cell: str, signed: bool, said: str | None
) -> None:
    task = tasks.get("regular")
    found = explain_limitation(defaults(task).replace(language=language, cell=cell, signed=signed), task)
    assert said in found if said else found is None
    other = tasks.get("sentiment")
    assert explain_limitation(defaults(other).replace(cell=cell), other) is None
