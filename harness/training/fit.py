"""Fit: a model that is built, trained until the last epoch, or until what watches over it stops early."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Thread

import keras

from harness.options import spend
from harness.process import interrupt
from harness.process.console import format_time, say
from harness.process.progress import Callbacks
from harness.training.begin import Training
from harness.training.divergence import Divergence
from harness.training.epochs import Epochs
from harness.training.loop import Loop
from harness.training.save_every import EVERY
from harness.training.schedule import plan_epochs
from harness.training.step_checkpoint import StepCheckpoint
from tasks.task import Scores


def fit(
    training: Training, loop: Loop, watching: Sequence[keras.callbacks.Callback] = (), *, save_every: float = EVERY
) -> None:
    """Train until the last epoch, or until the checkpoint, or another of those that watch, stops early.

    watching: further callbacks; each is called after the checkpoint, and finds its scores. save_every: seconds after
    which the state is kept within an epoch too.
    """
    checkpoint, schedule = loop.checkpoint, loop.schedule
    if checkpoint.progress["done"]:
        return
    divergence = Divergence(
        training.experiment.options, steps=schedule.steps, rate=loop.rate, describe_kept=checkpoint.describe_kept
    )
    within = StepCheckpoint(checkpoint, divergence, every=save_every, steps=schedule.steps)
    every = [loop.bar, divergence, checkpoint, within, *watching]
    outputs = [example.output for example in training.examples["validation"][:1]]
    # What metrics import takes up to 2 seconds: it is imported while the first epoch is trained.
    Thread(target=call_quietly, args=(training.experiment.task.metrics, outputs), daemon=True).start()
    try:
        with loop.bar.progress:
            fit_epochs(training, loop, every)
    finally:
        interrupt.note_ended()
    tell_best_budget(training, loop)


def fit_epochs(training: Training, loop: Loop, every: Sequence[keras.callbacks.Callback]) -> None:
    """Train what is left of the epoch under way, and those after it. every: callbacks."""
    model, schedule, first, step = loop.trained.model, loop.schedule, loop.bar.first, loop.checkpoint.step
    make = partial(Callbacks, every, add_history=True, model=model, epochs=schedule.epochs, steps=schedule.steps)
    plan = partial(Epochs, training.batches["train"], passes=schedule.passes, share=loop.share)
    loop.bar.shapes = plan(first).shapes()
    # Keras would mix the batches anew, and not the same way after a stop; Epochs has mixed them.
    options = {"shuffle": False, "verbose": 0}
    if step == schedule.steps:
        # It has only to be validated.
        callbacks = make()
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(first)
        callbacks.on_epoch_end(first, model.get_metrics_result())
        callbacks.on_train_end()
    elif step:
        model.fit(plan(first, done=step), initial_epoch=first, epochs=first + 1, callbacks=make(done=step), **options)
    if step:
        first += 1
    if not (loop.checkpoint.progress["done"] or model.stop_training):
        model.fit(plan(first), initial_epoch=first, epochs=schedule.epochs, callbacks=make(), **options)


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
