"""Checkpoint: after every epoch the best model, the state to go on from, and the decision to stop early."""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from harness import runs
from harness.process import backend, interrupt
from harness.process.console import say
from harness.process.progress import ProgressBar
from harness.runs import model_file, states
from harness.runs.schema import Progress, Within
from harness.runs.seal import open_archive, seal_record, sealed
from harness.training.learning_rate import WarmupStableDecay
from harness.training.schedule import Schedule
from harness.training.variables import save_variables, take_up
from pipeline import record
from pipeline.errors import BadInput
from pipeline.files import naming
from pipeline.metrics import format_scores
from tasks.task import Scores, Task

# What the arrays of a loss so far are called in a state.
LOSS = "loss_"


class Checkpoint(keras.callbacks.Callback):
    """After every epoch: validation scores, the best model, the state to go on from, and early stopping.

    schedule: for how long to train. rate: the learning rate, where it is told when to fall. validate: returns the
    validation scores; None where there is no validation, and the last model is kept. scores: those of the last epoch.

    With such a rate, when the score has not risen for as many epochs as the schedule's patience, the best weights are
    taken up again and the rate falls to 0 over a few epochs more; then the training ends.
    """

    def __init__(
        self,
        task: Task,
        directory: Path,
        *,
        schedule: Schedule,
        rate: WarmupStableDecay | None = None,
        bar: ProgressBar,
        validate: Callable[[], Scores] | None,
    ):
        super().__init__()
        self.task, self.schedule, self.rate = task, schedule, rate
        self.directory, self.bar, self.validate = directory, bar, validate
        self.progress: Progress = {
            "epoch": 0,
            "best": None,
            "best_loss": None,
            "best_epoch": 0,
            "waited": 0,
            "done": False,
            "seconds": 0.0,
            "compiling": 0.0,
        }
        self.compiled = backend.watch_compiling()
        self.scores: Scores = {}
        # Of the epoch that a run goes on in: how far it has come, and its loss so far.
        self.within: Within | None = None
        self.measured: list[np.ndarray] = []

    def moving_averages(self) -> list[keras.Variable]:
        """Return the running averages of the weights, where the optimizer keeps them."""
        # Keras has no public name for them: its own callback that swaps them in reads this one.
        return getattr(self.model.optimizer, "_model_variables_moving_average", [])

    @contextmanager
    def averages(self) -> Iterator[None]:
        """Inside, the model holds the running averages of its weights, where the optimizer keeps them."""
        kept = self.moving_averages()
        weights = self.model.trainable_variables[: len(kept)]
        # Copies: on JAX the next training step takes over the memory of all variables.
        own = [np.array(weight) for weight in weights]
        for weight, average in zip(weights, kept, strict=True):
            weight.assign(np.array(average))
        try:
            yield
        finally:
            for weight, value in zip(weights, own, strict=True):
                weight.assign(value)

    def restore(self) -> None:
        """Take up the state of a stopped run, if there is one; the lines of an unfinished epoch are dropped.

        The newest of those that are kept, or the one before it where that is damaged, which is said. BadInput where
        none is whole.
        """
        if progress := states.restore(self.directory, self._read):
            self.within = progress.pop("within", None)
            self.progress = progress
            self.bar.epochs = progress.get("last", self.schedule.last)
        runs.cut_metrics(self.directory, self.progress["epoch"], self.task.monitor)

    def _read(self, path: Path) -> Progress:
        """Take up the state in a file, and return how far the run had come; whatever a damaged one raises."""
        with open_archive(path), np.load(path, allow_pickle=False) as saved:
            progress = states.read_progress(saved)
            if "within" in progress:
                if progress["within"]["step"] > self.schedule.steps:
                    raise BadInput(f"step {progress['within']['step']} of {self.schedule.steps}")
                self.measured = [saved[f"{LOSS}{place}"] for place, _ in enumerate(self.model.metrics_variables)]
            take_up(saved, self.model)
        return progress

    @property
    def step(self) -> int:
        """The steps that were done before of the epoch that a run goes on in."""
        return self.within["step"] if self.within else 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.started, self.before = time.perf_counter(), self.compiled()
        if self.within:
            self.started -= self.within["seconds"]
            self.before -= self.within["compiling"]
            for variable, value in zip(self.model.metrics_variables, self.measured, strict=True):
                variable.assign(value)
            self.within = None

    def save_within(self, step: int, measured: Sequence[np.ndarray] = ()) -> None:
        """Keep the state after so many steps of an epoch. measured: its loss so far, where the model holds another."""
        seconds, compiling = self._measure()
        within: Within = {"step": step, "seconds": seconds, "compiling": compiling}
        sums = {f"{LOSS}{place}": value for place, value in enumerate(measured or self._read_loss())}
        states.write_within(self.directory, lambda path: self._save(path, {**self.progress, "within": within}, **sums))

    def _measure(self) -> tuple[float, float]:
        """Return the seconds that an epoch has taken, and those of compiling, which JAX takes from the clock."""
        seconds, compiling = time.perf_counter() - self.started, self.compiled() - self.before
        # It may have been set forward meanwhile.
        return seconds, compiling if compiling < seconds else 0.0

    def _read_loss(self) -> list[np.ndarray]:
        return [np.array(variable) for variable in self.model.metrics_variables]

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        seconds, compiling = self._measure()
        loss, measured = float((logs or {})["loss"]), self._read_loss()
        try:
            scores, higher, better = self._validate()
        except interrupt.Stopped:
            self.save_within(self.schedule.steps, measured)
            interrupt.note_saved(f"the last step of epoch {epoch + 1}, which is still to be validated")
            raise
        self.scores = scores
        self._advance(epoch + 1, scores, higher=higher, better=better)
        known = self.schedule.known
        if known and self.rate and known.fall and epoch + 1 == known.stable:
            self.rate.begin_fall(int(self.model.optimizer.iterations), known.fall * self.schedule.steps)
        elif not known and self.rate and "last" not in self.progress and self.is_stalled():
            self.cool_down(self.rate)
        line: dict[str, float] = {
            "epoch": epoch + 1,
            "loss": loss,
            **{f"validation_{name}": value for name, value in scores.items()},
            "seconds": round(seconds, 3),
            "compiling": round(compiling, 3),
            "tokens_per_second": round(self.bar.tokens / (seconds - compiling)),
        }
        # The line first, the state last: a run stopped in between does this epoch again, and drops the line.
        path = self.directory / "metrics.jsonl"
        with naming(path), path.open("a", encoding="utf-8") as file:
            file.write(record.dump(seal_record(line)) + "\n")
            # It must be on the disk before the state that counts it.
            file.flush()
            os.fsync(file.fileno())
        states.write(self.directory, lambda path: self._save(path, self.progress))
        best = self.progress["best"]
        which = "" if self.schedule.keeps_last else "best "
        self.bar.note = "" if best is None else f"{which}{self.task.monitor} {best:.4f}  "
        mark = "  (best)" if better and self.validate and not self.schedule.keeps_last else ""
        validated = f"validation {format_scores(self.task.monitor, scores)}  " if self.validate else ""
        say(
            f"epoch {epoch + 1}/{self.bar.epochs}  loss {loss:.4f}  {validated}{line['tokens_per_second']:,} tokens/s  "
            f"{time.perf_counter() - self.started:.1f} s"
            f"{f', {compiling:.1f} s of them compiling' if compiling > 1 else ''}{mark}"
        )
        self.model.stop_training = self.progress["done"]

    def _validate(self) -> tuple[Scores, bool, bool]:
        """Return the validation scores, whether none was as high so far, and whether they are the best.

        Of equal scores the one with the lower loss is the best; then the model is kept. Where the schedule keeps the
        last, that is the best; so it is without validation, where no score is a number.
        """
        best, sign = self.progress["best"], -1 if self.task.lower_is_better else 1
        if self.validate is None:
            with self.averages():
                self._keep_model()
            return {self.task.monitor: math.nan}, False, True
        with self.averages():
            scores = self.validate()
            score, loss, best_loss = scores[self.task.monitor], scores.get("loss"), self.progress.get("best_loss")
            higher = self.schedule.keeps_last or best is None or sign * score > sign * best
            # Where all validation examples are answered right, the loss still says which model is surer of it.
            surer = score == best and loss is not None and best_loss is not None and loss < best_loss
            better = higher or surer
            if better:
                self._keep_model()
        return scores, higher, better

    def _keep_model(self) -> None:
        # Without the optimizer, two thirds of the file: its state is kept with the run's.
        alone = keras.Model(self.model.input, self.model.output, name=self.model.name)
        runs.write(self.directory / "best.keras", sealed(alone.save))

    def _advance(self, epoch: int, scores: Scores, *, higher: bool, better: bool) -> None:
        """Bring the progress up to an epoch, and decide whether it is the last."""
        progress = self.progress
        if better:
            # One that is not finite is none: any that comes later is better, after a stop too.
            best = scores[self.task.monitor]
            progress["best"], progress["best_epoch"] = best if np.isfinite(best) else None, epoch
            if "best_loss" in progress:
                # A run that began before there was one goes on as it did.
                progress["best_loss"] = scores.get("loss")
        # A score that is 0 until much has been learned, as that of spans, does not end a training that converges.
        progress["waited"] = 0 if higher or (self.rate and better) else progress["waited"] + 1
        progress["epoch"] = epoch
        seconds, compiling = self._measure()
        progress["seconds"] += seconds
        progress["compiling"] += compiling
        if self.schedule.known:
            progress["done"] = epoch == self.schedule.last
        elif self.rate:
            progress["done"] = epoch == progress.get("last")
        else:
            progress["done"] = progress["waited"] >= self.schedule.patience or epoch == self.schedule.epochs

    def is_stalled(self) -> bool:
        """Return whether the learning rate is to fall: no score was higher for long, or few epochs are left."""
        progress, schedule = self.progress, self.schedule
        left = schedule.epochs - progress["epoch"]
        return progress["waited"] >= schedule.patience or left <= schedule.cool_down(progress["best_epoch"])

    def cool_down(self, rate: WarmupStableDecay) -> None:
        """Take up the best weights, and let the learning rate fall to 0 from here on."""
        progress = self.progress
        epochs = self.schedule.cool_down(progress["best_epoch"])
        progress["last"] = self.bar.epochs = progress["epoch"] + epochs
        progress["stable"] = progress["best_epoch"]
        if progress["best_epoch"] != progress["epoch"]:
            model_file.load_weights(self.model, self.directory / "best.keras")
            for average, weight in zip(self.moving_averages(), self.model.trainable_variables, strict=False):
                # A copy: on JAX the next training step takes over the memory of both.
                average.assign(np.array(weight))
        rate.begin_fall(int(self.model.optimizer.iterations), epochs * self.schedule.steps)
        say(
            f"the best {self.task.monitor} is that of epoch {progress['best_epoch']}: from there on, the learning rate "
            f"falls to 0 in {epochs} epoch{'s'[: epochs > 1]}"
        )

    def describe_kept(self) -> str:
        """Say which weights are kept, in a sentence."""
        if not self.progress["epoch"]:
            return "No epoch was finished, and no model is kept."
        best, last = self.progress["best_epoch"], self.progress["epoch"]
        return f"The model of epoch {best} is kept, and the state after epoch {last}."

    def _save(self, path: Path, progress: Progress, **more: np.ndarray) -> None:
        save_variables(path, self.model, progress=np.array(record.dump(seal_record(progress))), **more)
