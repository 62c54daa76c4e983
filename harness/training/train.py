"""Train: a run that has begun, to a trained model in its directory and its test scores."""

import dataclasses
import shutil
from pathlib import Path

import keras
import numpy as np

import tasks
from harness import runs
from harness.process import backend
from harness.process.console import doing, say
from harness.process.progress import ProgressBar
from harness.runs.restored import read_run
from harness.runs.schema import Summary
from harness.runs.trained import connect
from harness.training import fine_tuning, finish, pretraining
from harness.training.auto_batch import divide, double, go_on, read_parts
from harness.training.begin import Training, begin
from harness.training.checkpoint import Checkpoint
from harness.training.completion import read_complete
from harness.training.devices import ALONE, Devices, check_rows
from harness.training.fit import fit
from harness.training.learning_rate import WarmupStableDecay, make_rate
from harness.training.loop import Loop
from harness.training.ngrams import set_ratios
from harness.training.optimizer import make_optimizer
from harness.training.rehearsal import rehearse
from harness.training.replicas import Lead, tell_others
from harness.training.request import settle
from harness.training.save_every import EVERY
from harness.training.tensorboard import make_callback
from harness.training.vectors import set_vectors
from models.backends.adversarial import use_adversarial
from models.backends.parts import use_parts
from models.backends.sparse_embedding_gradients import use_sparse_gradients
from models.backends.virtual_adversarial import use_virtual_adversarial
from models.family import FITTED
from models.layers.decoder import Decoder
from models.pretraining import list_layers
from pipeline.option import Options, make_flag
from tasks.task import Scores, Task


def train(
    task: Task,
    options: Options,
    folder: Path,
    *,
    name: str | None = None,
    fresh: bool = False,
    device: str = "",
    save_every: float = EVERY,
    auto_batch: bool = False,
    devices: Devices = ALONE,
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
        return train_run(training, device, save_every=save_every, auto_batch=auto_batch, devices=devices)


def train_run(
    training: Training,
    device: str,
    *,
    tensorboard: bool = False,
    save_every: float = EVERY,
    auto_batch: bool = False,
    devices: Devices = ALONE,
) -> Summary:
    """Train a run that has begun, and return its summary. device: what Keras runs on, for its environment.json.

    tensorboard: write event files too; see harness/training/tensorboard.py. save_every: see `fit`. auto_batch: where
    memory does not suffice, compute each batch in parts, from what was saved on. devices: those that share each batch.

    The summary: "run", "task", "scores" (test), "validation", "best_epoch", "epochs", "weights", "seconds", and of
    these "compiling", "tokens_per_second_answering" (None where too few batches), "megabytes" of memory at the most.
    """
    parts = read_parts(training) if auto_batch else 1
    while True:
        try:
            return train_in_parts(
                training, device, parts, tensorboard=tensorboard, save_every=save_every, devices=devices
            )
        except Exception as error:
            reason = backend.describe_out_of_memory(error)
            if not (auto_batch and reason):
                raise
        # The error, and all that it holds in memory, is gone.
        parts = double(training, parts, reason, devices=devices.total)
        training = go_on(training)


def train_in_parts(
    training: Training, device: str, parts: int, *, tensorboard: bool, save_every: float, devices: Devices
) -> Summary:
    """Train a run, each batch computed in so many parts; see `train_run`."""
    check_rows(training, devices)
    training = divide(training, parts)
    with doing("building the model"):
        loop = build(training, device, parts, devices=devices)
    restore(training, loop)
    record(training, loop, device, parts)
    prepare_weights(training, loop)
    watching: list[keras.callbacks.Callback] = []
    if tensorboard:
        watching.append(make_callback(training.experiment.directory, lambda: loop.checkpoint.scores))
    if devices.cluster:
        tell_others(training, loop.trained.model, loop.checkpoint, cluster=devices.cluster)
        watching.append(Lead(devices.cluster))
    fit(training, loop, watching, save_every=save_every)
    if devices.cluster:
        devices.cluster.end()
    with doing("testing"):
        return finish.test(training, loop.trained, loop.checkpoint.progress)


def build(training: Training, device: str, parts: int = 1, *, devices: Devices = ALONE) -> Loop:
    """Return the model with its loss, optimizer and validation.

    parts: in which each batch is computed. devices: those that share each batch.
    """
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
    if parts > 1:
        use_parts(model, parts)
    elif options.lazy_embeddings and devices.total == 1:
        # Of several devices, each has other rows.
        use_sparse_gradients(model)
    if epsilon := options.as_dict().get("adversarial"):
        if options.as_dict().get("adversarial_kind") == "virtual":
            output = experiment.output_field.arrays["output"]
            use_virtual_adversarial(model, float(epsilon), output, seed=options.seed)
        else:
            use_adversarial(model, float(epsilon))
    devices.use(model)
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
    return Loop(trained, checkpoint, bar=bar, schedule=schedule, rate=rate, share=devices.share)


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
    loop.bar.first, loop.bar.step = loop.checkpoint.progress["epoch"], loop.checkpoint.step


def record(training: Training, loop: Loop, device: str, parts: int = 1) -> None:
    """Write what is known of the run before it is trained, or what has changed since it began. parts: of each batch."""
    experiment, directory = training.experiment, training.experiment.directory
    files = {str(file.path): file.digest for file in tasks.included()}
    if training.begun:
        within = f"step {loop.bar.step} of {loop.schedule.steps} of epoch {loop.bar.first + 1}"
        say(f"going on after {within if loop.bar.step else f'epoch {loop.bar.first}'}")
        runs.tell_device(directory, device)
        runs.go_on(directory, training.begun, include=files, device=device, epoch=loop.bar.first, parts=parts)
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
    runs.begin(directory, config, device, parts, input=experiment.input_field, output=experiment.output_field)


def prepare_weights(training: Training, loop: Loop) -> None:
    """Have a new model learn from the texts alone, where --pretrain asks for it."""
    if training.begun or not training.experiment.options.as_dict().get("pretrain"):
        return
    seconds = pretraining.pretrain(training.experiment, loop.trained.model, training.batches["train"])
    loop.checkpoint.progress["seconds"] += seconds
