"""Train: a run that has begun, to a trained model in its directory and its test scores."""

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import keras
import numpy as np

import tasks
from harness import calibration, data, dynamic_evaluation, evaluate, runs
from harness.cells import explain_limitation
from harness.options import spend
from harness.process import backend
from harness.process.console import doing, format_time, say
from harness.process.cost import Throughput, peak_ram_megabytes
from harness.process.progress import Callbacks, ProgressBar
from harness.runs import states
from harness.runs.card import write_card
from harness.runs.restored import read_run
from harness.runs.schema import Summary
from harness.runs.seen import summarise
from harness.runs.trained import Trained, connect, take_best
from harness.training import fine_tuning, pretraining
from harness.training.begin import Training, begin
from harness.training.checkpoint import Checkpoint
from harness.training.epochs import Epochs
from harness.training.learning_rate import WarmupStableDecay, make_rate
from harness.training.ngrams import set_ratios
from harness.training.optimizer import make_optimizer
from harness.training.rehearsal import rehearse
from harness.training.request import read_complete, settle
from harness.training.schedule import Schedule, plan_epochs
from harness.training.tensorboard import make_callback
from harness.training.vectors import set_vectors
from models.backends.adversarial import use_adversarial
from models.backends.sparse_embedding_gradients import use_sparse_gradients
from models.backends.virtual_adversarial import use_virtual_adversarial
from models.family import FITTED
from models.layers.decoder import Decoder
from models.pretraining import list_layers
from pipeline.option import Options, make_flag
from tasks.task import Scores, Task


@dataclass(frozen=True)
class Loop:
    """A compiled model, with what watches over its training."""

    trained: Trained
    checkpoint: Checkpoint
    bar: ProgressBar
    schedule: Schedule


def train(
    task: Task, options: Options, folder: Path, *, name: str | None = None, fresh: bool = False, device: str = ""
) -> Summary:
    """Train, or go on where a run of the same options stopped; return its summary; see `train_run`.

    folder: where all runs are kept. name: of this one's directory there; see harness/runs/location.py.
    Raises BadInput for bad data or options, before anything is written, and if the directory holds another run, or
    another process trains this one.
    """
    request = settle(task, options, folder, name=name, fresh=fresh)
    if complete := read_complete(request):
        return complete
    with begin(request) as training:
        return train_run(training, device)


def train_run(training: Training, device: str, *, tensorboard: bool = False) -> Summary:
    """Train a run that has begun, and return its summary. device: what Keras runs on, for its environment.json.

    tensorboard: write event files too; see harness/training/tensorboard.py.

    The summary: "run", "task", "scores" (test), "validation", "best_epoch", "epochs", "weights", "seconds", and of
    these "compiling", "tokens_per_second_answering" (None where too few batches), "megabytes" of memory at the most.
    """
    with doing("building the model"):
        loop = build(training, device)
    restore(training, loop)
    record(training, loop, device)
    prepare_weights(training, loop)
    watching = []
    if tensorboard:
        watching.append(make_callback(training.experiment.directory, lambda: loop.checkpoint.scores))
    fit(training, loop, watching)
    with doing("testing"):
        return test(training, loop)


def build(training: Training, device: str) -> Loop:
    """Return the model with its loss, optimizer and validation."""
    experiment, batches = training.experiment, training.batches["train"]
    options = experiment.options
    rehearse(experiment, batches)
    earlier = training.earlier if training.begun is None else None
    # Before the seed is set: to open a model draws random numbers.
    known = fine_tuning.read_weights(earlier) if earlier else {}
    fitted = {} if training.begun else read_fitted(training)
    backend.reset(options.seed, options.precision)
    model = experiment.build()
    if earlier:
        fine_tuning.put_weights(model, known, earlier=earlier, experiment=experiment)
    if options.as_dict().get("pretrain"):
        list_layers(model, options)
    for weight in model.non_trainable_weights:
        if weight.path in fitted:
            weight.assign(fitted[weight.path])
    set_vectors(model, training.vectors)
    if not (training.begun or earlier):
        set_ratios(model, batches, experiment.output_field)
    schedule = training.schedule
    for layer in model.layers:
        if isinstance(layer, Decoder):
            # Of a training whose end is not known, those that are usual.
            layer.plan_training(options.steps if schedule.converges else schedule.epochs * schedule.steps)
    if options.freeze != "none":
        stays, every = fine_tuning.freeze(model, options.freeze, options.cell)
        say(f"--freeze {options.freeze}: {stays:,} of {every:,} weights stay as they are")
    # Beside the batch's own there may be unknown words, of word dropout, and the symbol before the first.
    rows = batches.count_different() + 2 if options.lazy_embeddings else 0
    rate = make_rate(options, schedule)
    model.compile(optimizer=make_optimizer(options, rate, rows=rows), loss=experiment.loss())
    model.optimizer.build(model.trainable_variables)
    if options.lazy_embeddings:
        use_sparse_gradients(model)
    if epsilon := options.as_dict().get("adversarial"):
        if options.as_dict().get("adversarial_kind") == "virtual":
            output = experiment.output_field.arrays["output"]
            use_virtual_adversarial(model, float(epsilon), output, seed=options.seed)
        else:
            use_adversarial(model, float(epsilon))
    trained = connect(experiment, model)
    over = f" ({schedule.passes} passes over the data)" if schedule.passes > 1 else ""
    say(
        f"{options.cell}: {model.count_params():,} weights, {schedule.steps} steps per epoch{over}, "
        f"{'' if schedule.known else 'at most '}{schedule.last} epochs; {device}"
    )

    fit = experiment.task.family.make_fitter(model, experiment.output_field, options)

    def validate() -> Scores:
        validating = training.batches["validation"]
        drawn = (validating.draw(*entry) for entry in validating.plan())
        for name, value in fit(drawn).items():
            say(f"fitted to the validation examples: {make_flag(name)} {value:.3f}")
        return trained.scorer.measure(
            training.examples["validation"], validating, training=training.examples["train"]
        ).scores

    bar = ProgressBar(schedule.last, 0, batches.count_tokens() * schedule.passes)
    checkpoint = Checkpoint(
        experiment.task,
        experiment.directory,
        schedule=schedule,
        rate=rate if isinstance(rate, WarmupStableDecay) else None,
        bar=bar,
        validate=None if schedule.known else validate,
    )
    checkpoint.set_model(model)
    return Loop(trained, checkpoint, bar=bar, schedule=schedule)


def read_fitted(training: Training) -> dict[str, np.ndarray]:
    """Return what decoding goes by, as the run found it that says for how long to train; it needs examples apart."""
    if not (training.length and training.experiment.task.family.fits_decoding):
        return {}
    weights = fine_tuning.read_weights(read_run(Path(training.length["run"])))
    return {path: value for path, value in weights.items() if path.endswith(f"/{FITTED}")}


def restore(training: Training, loop: Loop) -> None:
    """Take up the state of a stopped run, if there is one."""
    directory = training.experiment.directory
    if training.fresh and runs.holds_run(directory):
        shutil.rmtree(directory)
    # Before anything is written: the state may be damaged.
    loop.checkpoint.restore()
    loop.bar.first = loop.checkpoint.progress["epoch"]


def record(training: Training, loop: Loop, device: str) -> None:
    """Write what is known of the run before it is trained, or what has changed since it began."""
    experiment, directory = training.experiment, training.experiment.directory
    files = {str(file.path): file.digest for file in tasks.included()}
    if training.begun:
        say(f"going on after epoch {loop.bar.first}")
        runs.tell_device(directory, device)
        runs.go_on(directory, training.begun, include=files, device=device, epoch=loop.bar.first)
        return
    config = {
        "task": experiment.task.name,
        "include": files,
        "options": experiment.options.as_dict(),
        "data": experiment.fingerprint,
    }
    if training.length:
        config["length"] = training.length
    if training.earlier:
        config["started_from"] = fine_tuning.describe(training.earlier.directory)
    if experiment.lengths:
        config["lengths"] = dataclasses.asdict(experiment.lengths)
    runs.begin(directory, config, device, input=experiment.input_field, output=experiment.output_field)


def prepare_weights(training: Training, loop: Loop) -> None:
    """Have a new model learn from the texts alone, where --pretrain asks for it."""
    if training.begun or not training.experiment.options.as_dict().get("pretrain"):
        return
    seconds = pretraining.pretrain(training.experiment, loop.trained.model, training.batches["train"])
    loop.checkpoint.progress["seconds"] += seconds


def fit(training: Training, loop: Loop, watching: Sequence[keras.callbacks.Callback] = ()) -> None:
    """Train until the last epoch, or until the checkpoint, or another of those that watch, stops early.

    watching: further callbacks; each is called after the checkpoint, and finds its scores.
    """
    if loop.checkpoint.progress["done"]:
        return
    every, schedule, model = [loop.bar, loop.checkpoint, *watching], loop.schedule, loop.trained.model
    callbacks = Callbacks(every, add_history=True, model=model, epochs=schedule.epochs, steps=schedule.steps)
    epochs = Epochs(training.batches["train"], loop.bar.first, passes=schedule.passes)
    loop.bar.shapes = epochs.shapes()
    outputs = [example.output for example in training.examples["validation"][:1]]
    # What metrics import takes up to 2 seconds: it is imported while the first epoch is trained.
    Thread(target=call_quietly, args=(training.experiment.task.metrics, outputs), daemon=True).start()
    with loop.bar.progress:
        model.fit(
            epochs,
            epochs=schedule.epochs,
            initial_epoch=loop.bar.first,
            callbacks=callbacks,
            # Keras would mix the batches anew, and not the same way after a stop; Epochs has mixed them.
            shuffle=False,
            verbose=0,
        )
    tell_best_budget(training, loop)


def tell_best_budget(training: Training, loop: Loop) -> None:
    """Say how long the run would take with --budget best, as far as that can be told from this one."""
    options, task, progress = training.experiment.options, training.experiment.task, loop.checkpoint.progress
    if options.budget == "best" or loop.schedule.known:
        return
    best = plan_epochs(options.replace(**spend(task)), loop.schedule.steps // loop.schedule.passes)
    seconds = (progress["seconds"] - progress["compiling"]) / progress["epoch"] * best.steps / loop.schedule.steps
    reached = max(1, round(progress["best_epoch"] * loop.schedule.steps / best.steps))
    least = reached + best.patience + best.cool_down(reached)
    say(
        f"--budget best goes on until the validation score stops rising: {format_time(least * seconds)} or longer, "
        f"{format_time(best.epochs * seconds)} at most, at the speed of this run"
    )


def call_quietly(metrics: Callable[[list, list], Scores], outputs: list) -> None:
    """Score outputs with themselves, and forget the scores: what is wrong is raised when answers are scored."""
    with suppress(Exception):
        metrics(outputs, outputs)


def test(training: Training, loop: Loop) -> Summary:
    """Test the weights of the best epoch, write predictions and scores, and return the summary of the run."""
    experiment, examples, batches = training.experiment, training.examples["test"], training.batches["test"]
    task, directory = experiment.task, experiment.directory
    trained, progress = loop.trained, loop.checkpoint.progress
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
        answers = evaluate.answer(experiment, trained.decoder, batches, throughput=throughput).answers
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
    found = {name: score(options, training.examples) for name, score in task.baselines.items()}
    for name, score in task.context_baselines.items():
        found[name] = score(training.examples, lambda split: evaluate.read_contexts(model, training.batches[split]))
    return found
