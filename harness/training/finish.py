"""Finish: the weights of the best epoch, tested; what a run is complete with."""

from collections.abc import Sequence
from pathlib import Path

import keras

from harness import calibration, data, dynamic_evaluation, evaluate, runs
from harness.cells import explain_limitation
from harness.process.console import say
from harness.process.cost import Throughput, peak_ram_megabytes
from harness.runs import states
from harness.runs.card import write_card
from harness.runs.schema import Progress, Summary
from harness.runs.seen import summarise
from harness.runs.trained import Trained, take_best
from harness.training import pretraining
from harness.training.begin import Training
from pipeline.example import Example, Splits
from pipeline.on_disk import OnDisk
from tasks.task import Scores, Task

# Examples of data that is on the disk from which the baselines are computed, which hold what they count in memory.
SAMPLED = {"train": 50_000, "validation": 5_000, "test": 5_000}


def test(training: Training, trained: Trained, progress: Progress) -> Summary:
    """Test the weights of the best epoch, write predictions and scores, and return the summary of the run."""
    experiment, examples, batches = training.experiment, training.examples["test"], training.batches["test"]
    task, directory = experiment.task, experiment.directory
    take_best(trained)
    # What comes after it is in state.npz.
    (directory / pretraining.NAME).unlink(missing_ok=True)
    if training.length:
        calibration.adopt(trained, Path(training.length["run"]))
    else:
        calibration.calibrate(trained, training.batches["validation"])
    throughput = Throughput()
    scores: Scores = {}
    baselines: dict[str, Scores] = {}
    if training.is_labelled("test"):
        adapted = dynamic_evaluation.measure_loss(experiment, trained.model, batches)
        found = trained.scorer.measure(
            examples, batches, training=training.examples["train"], throughput=throughput, adapted=adapted
        )
        scores, answers = found.scores, found.answers
        baselines = score_baselines(training, trained.model)
    else:
        on_disk = isinstance(examples, OnDisk)
        answers = evaluate.answer(experiment, trained.decoder, batches, throughput=throughput, on_disk=on_disk).answers
    evaluate.write_answers(directory / "predictions" / "test.jsonl", examples, answers)
    summary: Summary = {
        "run": str(directory),
        "task": task.name,
        "scores": dict(scores),
        "monitor": task.monitor,
        "validation": progress["best"],
        "best_epoch": progress["best_epoch"],
        "epochs": progress["epoch"],
        "weights": trained.model.count_params(),
        "seconds": round(progress["seconds"], 1),
        "compiling": round(progress["compiling"], 1),
        "tokens_per_second_answering": throughput.tokens_per_second,
        "megabytes": peak_ram_megabytes(),
        "baselines": {name: {**known} for name, known in baselines.items()},
    }
    if task.signature:
        summary["signature"] = task.signature()
    if limitation := explain_limitation(experiment.options, task):
        summary["limitation"] = limitation
    if task.samples:
        shown = zip(examples[: task.samples], answers, strict=False)
        summary["samples"] = [{"input": data.to_plain(one.input), "output": given.output} for one, given in shown]
    if (directory / calibration.NAME).exists():
        summary["calibrated"] = True
    if training.schedule.keeps_last:
        summary["keeps_last"] = True
    if training.length:
        summary["length_from"] = training.length["run"]
    # After the scores the run is complete, whatever becomes of its card.
    seen = summarise(
        {split: some for split, some in training.examples.items() if split != "validation" or not training.length},
        training.batches,
        experiment.input_field,
        output_field=experiment.output_field,
        found=training.findings,
    )
    runs.write_record(directory / "data.json", seen)
    runs.write_record(directory / "scores.json", summary)
    states.drop_previous(directory)
    write_card(experiment)
    return summary


def score_baselines(training: Training, model: keras.Model) -> dict[str, Scores]:
    """Return the scores of the task's baselines on the test, by name."""
    task, options = training.experiment.task, training.experiment.options
    examples = sample(task, training.examples) if task.baselines else {}
    found = {name: score(options, examples) for name, score in task.baselines.items()}
    for name, score in task.context_baselines.items():
        found[name] = score(training.examples, lambda split: evaluate.read_contexts(model, training.batches[split]))
    return found


def sample(task: Task, examples: Splits) -> Splits:
    """Return the examples for the baselines: all of them, but of those on the disk some, which is said.

    Where examples follow each other, the first ones; else they are evenly spaced.
    """
    found = {split: take_some(task, some, SAMPLED[split]) for split, some in examples.items()}
    told = [
        f"{len(found[split]):,} of {len(some):,} ({split})"
        for split, some in examples.items()
        if len(found[split]) < len(some)
    ]
    if told:
        say(f"the baselines are those of some examples, as the others are on the disk: {', '.join(told)}")
    return found


def take_some(task: Task, examples: Sequence[Example], most: int) -> Sequence[Example]:
    """Return so many of the examples that are on the disk; see `sample`."""
    if not isinstance(examples, OnDisk) or len(examples) <= most:
        return examples
    return list(examples[:most] if task.ordered else examples[:: -(-len(examples) // most)])
