"""Every task with --precision mixed_bfloat16: no number is lost, and what is learned is learned as in float32."""

import json
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

import tasks
from harness.analysis.analyse import analyse_run
from harness.inspection.inspect import inspect
from harness.selection import select
from tests.harness import evaluate, open_run, read_metrics, read_state, small, small_options, small_splits, train

pytestmark = pytest.mark.slow

EPOCHS = 12


@pytest.fixture(autouse=True)
def float32_afterwards() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", tasks.find())
def test_half_precision_loses_no_number_and_learns_as_float32_does(name: str, tmp_path: Path) -> None:
    losses = {}
    for precision in ("float32", "mixed_bfloat16"):
        with small(name) as task:
            options = small_options(task, cell="gru", precision=precision, epochs=EPOCHS, patience=EPOCHS)
            summary = train(task, options, tmp_path / precision)
            directory = Path(summary["run"])
            if precision != "float32":
                look_at_run(directory)
        assert all(np.isfinite(value).all() for value in read_state(directory).values() if value.dtype.kind == "f")
        losses[precision] = [line["loss"] for line in read_metrics(directory)]
    usual, half = (np.array(losses[precision]) for precision in ("float32", "mixed_bfloat16"))
    assert np.isfinite(half).all()
    # A bfloat16 has 8 binary digits: of what is learned in all epochs, a twentieth may differ.
    learned = max(usual) - min(usual)
    assert np.abs(half - usual).max() <= 0.05 * learned + 0.02 * usual[0]
    # It is another arithmetic.
    assert (half != usual).any()


def look_at_run(directory: Path) -> None:
    """Score a run again, analyse it, and look into its network: what is computed in half is written as usual."""
    opened = open_run(directory)
    assert evaluate(directory)["scores"] == json.loads((directory / "scores.json").read_text())["scores"]
    assert analyse_run(opened.experiment, select(opened.experiment, None, "test")).sections
    # A forecast is not inspected.
    if not opened.experiment.task.latest:
        assert inspect(opened, small_splits(opened.experiment.task.name)["test"][-1].input, explain=True).layers
