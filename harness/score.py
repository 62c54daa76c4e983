"""Score: a trained run on its own test, on another split, or on other data."""

from harness import dynamic_evaluation, evaluate, runs
from harness.cells import explain_limitation
from harness.experiment import Experiment, describe_windows
from harness.process.console import say
from harness.runs.card import write_card
from harness.runs.trained import open_model
from harness.selection import Selection


def score(experiment: Experiment, selection: Selection, *, source: str | None = None, keep: bool = True) -> dict:
    """Return the scores of a run on selected examples. source: of other data. keep: write the answers to the run."""
    examples, directory, task = selection.examples, experiment.directory, experiment.task
    batches = experiment.encode(examples)
    if windowed := describe_windows(batches, experiment.options):
        say(windowed)
    trained = open_model(experiment)
    adapted = dynamic_evaluation.measure_loss(experiment, trained.model, batches)
    found = trained.scorer.measure(examples, batches, training=selection.training, adapted=adapted)
    if source is None and keep:
        path = directory / "predictions" / f"{selection.split}.jsonl"
        try:
            evaluate.write_answers(path, examples, found.answers)
        except OSError as error:
            # The run may be another user's.
            say(f"{path}: the answers cannot be written there: {error.strerror}")
    # The baselines' scores are those of the run's own test.
    own = source is None and selection.split == "test" and (directory / "scores.json").exists()
    if own and keep:
        write_card(experiment, scores=found.scores)
    baselines = runs.read_scores(directory, runs.read_config(directory))["baselines"] if own else {}
    return {
        "run": str(directory),
        "task": task.name,
        "data": source or experiment.options.data,
        "split": selection.split,
        "examples": len(examples),
        "monitor": task.monitor,
        "scores": found.scores,
        **({"baselines": baselines} if baselines else {}),
        **({"signature": task.signature()} if task.signature else {}),
        **({"limitation": why} if (why := explain_limitation(experiment.options, task)) else {}),
    }
