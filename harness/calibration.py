"""Calibration of a run: the temperature by which its logits are divided, so that its probabilities can be believed.

It is fitted on the validation split when training ends, and kept with the run as calibration.json. The model of a run
that is opened has it in its weights: whatever asks for its logits or probabilities finds them calibrated.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness import runs
from harness.evaluate import compute
from harness.runs.schema import Calibration, Summary
from harness.training.schedule import is_telling
from models.calibration import can_calibrate, divide_logits
from pipeline import record
from pipeline.calibration import HIGHEST, LOWEST, fit_temperature
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from harness.runs.trained import Trained
    from pipeline.batches.bucketing import Batches

NAME = "calibration.json"


def read_temperature(directory: Path) -> float:
    """Return the temperature of a run; 1 where it has none; BadInput where its file is damaged."""
    found = read_calibration(directory)
    return found["temperature"] if found else 1.0


def read_calibration(directory: Path) -> Calibration | None:
    """Return what a run's calibration.json holds; None where it has none.

    Raises BadInput where the file is damaged, and where it is missing though the run had one, as its scores.json says.
    """
    path, scores = directory / NAME, directory / "scores.json"
    if not path.exists():
        if scores.exists() and runs.read_json(scores, Summary).get("calibrated"):
            raise BadInput(f"{path}: the file is missing, and the run was calibrated; {runs.RESTORE}")
        return None
    found = runs.read_json(path, Calibration)
    if not LOWEST <= found["temperature"] <= HIGHEST:
        with record.reading(str(path), runs.RESTORE):
            raise BadInput(f"expected a temperature between {LOWEST:g} and {HIGHEST:g}, got {found['temperature']:g}")
    return found


def adopt(trained: "Trained", directory: Path) -> None:
    """Give a run the temperature of another one, if that has one: where there are no examples left to fit it to."""
    if found := read_calibration(directory):
        keep(trained, found)


def calibrate(trained: "Trained", batches: "Batches") -> None:
    """Fit the temperature of a run's best model, keep it with the run, and divide the model's logits by it.

    batches: of the validation split. Nothing is done where no temperature is asked for, or can be fitted; nor where
    there are too few labels for it, as there are for choosing an epoch.
    """
    experiment = trained.experiment
    if not experiment.options.as_dict().get("calibrate"):
        return
    if not can_calibrate(trained.model, experiment.output_field):
        return
    logits, labels = [], []
    for entry in batches.plan():
        arrays, expected, weights = batches.draw(*entry)
        # Without the rows that fill up a batch, and those of a label that is not in the training data.
        asked = weights > 0
        found = compute(trained.scorer.decoder, {**arrays, "expected": expected, "weights": weights})
        logits.append(found["logits"][asked])
        labels.append(expected[asked])
    count = sum(map(len, labels))
    if not count or not is_telling(experiment.options, count):
        return
    scores, right = np.concatenate(logits), np.concatenate(labels)
    if experiment.output_field.arrays["output"].independent:
        # To have a label or not is a choice of two, of which the logit of one is 0.
        scores, right = np.stack([np.zeros(scores.size), scores.reshape(-1)], axis=1), right.reshape(-1)
    temperature = fit_temperature(scores, right)
    keep(trained, {"temperature": temperature, "examples": count})


def keep(trained: "Trained", found: Calibration) -> None:
    """Write a calibration beside a run, and divide the logits of its model by the temperature."""
    values = {"temperature": found["temperature"], "examples": found["examples"]}
    runs.write_record(trained.experiment.directory / NAME, values)
    divide_logits(trained.model, found["temperature"])
