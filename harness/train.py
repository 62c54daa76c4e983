"""Train: from a task and options to a run directory with a trained model and its test scores."""

import dataclasses
import importlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harness import data, dynamic_evaluation, evaluate, runs
from harness.experiment import Experiment, begin, read_complete, settle
from harness.options import Options
from harness.process import backend
from harness.process.console import say
from harness.process.cost import Pace, peak_megabytes
from harness.process.progress import Bar, Callbacks
from harness.rehearsal import rehearse
from harness.runs.schema import Progress
from harness.runs.trained import load_model
from harness.schedule import plan_epochs
from models.backends.adam import Adam, LazyAdam
from models.backends.sparse_embedding_gradients import train_by_rows
from models.layers.losses import judge as add_loss
from pipeline import record
from pipeline.batches.bucketing import Batches
from pipeline.errors import BadInput
from pipeline.metrics import describe
from tasks.task import Task

WARM_UP = 0.1


class Epochs(keras.utils.PyDataset):
    """The batches of one epoch after the other, for `fit`."""

    def __init__(self, batches: Batches, first: int = 0):
        super().__init__()
        self.batches, self.epoch = batches, first
        self.entries = self._plan()

    def _plan(self) -> list:
        entries = self.batches.plan(self.epoch)
        places = {self.batches.shape(*entry): place for place, entry in enumerate(entries)}
        if len(places) == 1:
            return entries

        def contrast(shapes: tuple) -> tuple[int, int]:
            apart = [abs(one - other) for one, other in zip(*shapes, strict=True)]
            return sum(map(bool, apart)), sum(apart)

        # From the first two batches TensorFlow concludes which axes may vary.
        first = [places[shape] for shape in max(combinations(sorted(places, reverse=True), 2), key=contrast)]
        return [entries[place] for place in first] + [entry for n, entry in enumerate(entries) if n not in first]

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, position: int) -> tuple:
        return self.batches.draw(*self.entries[position])

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.entries = self._plan()


class Keeper(keras.callbacks.Callback):
    """After every epoch: validation scores, the best model, the state to go on from, and the decision to stop."""

    def __init__(self, task: Task, epochs: int, patience: int, directory: Path, bar: Bar, measure: Any):
        super().__init__()
        self.task, self.epochs, self.patience = task, epochs, patience
        self.directory, self.bar, self.measure = directory, bar, measure
        self.progress: dict[str, Any] = {
            "epoch": 0,
            "best": None,
            "best_epoch": 0,
            "waited": 0,
            "done": False,
            "seconds": 0.0,
            "compiling": 0.0,
        }
        self.compiled = backend.watch_compiling()

    def variables(self) -> list:
        return [*self.model.variables, *self.model.optimizer.variables]

    @contextmanager
    def averages(self) -> Iterator[None]:
        """Inside, the model holds the running averages of its weights, where the optimizer keeps them."""
        # Keras has no public name for them: its own callback that swaps them in reads this one.
        kept = getattr(self.model.optimizer, "_model_variables_moving_average", [])
        weights = self.model.trainable_variables[: len(kept)]
        # Copies: on JAX the next training step takes over the memory of all variables.
        own = [np.array(weight) for weight in weights]
        for weight, average in zip(weights, kept, strict=True):
            weight.assign(np.array(average))
        yield
        for weight, value in zip(weights, own, strict=True):
            weight.assign(value)

    def restore(self) -> None:
        """Take up the state of a stopped run, if there is one; the lines of an unfinished epoch are dropped."""
        path = self.directory / "state.npz"
        if path.exists():
            try:
                with np.load(path, allow_pickle=False) as saved:
                    progress = record.convert(record.load(str(saved["progress"])), Progress)
                    if progress["best_epoch"] > progress["epoch"]:
                        raise BadInput(f"the best epoch is {progress['best_epoch']} of {progress['epoch']}")
                    for number, variable in enumerate(self.variables()):
                        variable.assign(saved[str(number)])
            # Of a damaged file anything may be raised: by zipfile, zlib, NumPy, Keras.
            except Exception as error:
                raise BadInput(f"{path}: the file is damaged ({error}); start over with --fresh") from None
            self.progress = {**progress}
        runs.cut_metrics(self.directory, self.progress["epoch"], self.task.monitor)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.started, self.before = time.perf_counter(), self.compiled()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seconds, compiling = time.perf_counter() - self.started, self.compiled() - self.before
        if not np.isfinite(logs["loss"]):
            raise BadInput(f"epoch {epoch + 1}: the loss is {logs['loss']}: training diverged; try a lower --lr")
        state, sign = self.progress, -1 if self.task.lower_is_better else 1
        with self.averages():
            scores = self.measure()
            better = state["best"] is None or sign * scores[self.task.monitor] > sign * state["best"]
            if better:
                # Without the optimizer, two thirds of the file: its state is kept with the run's.
                alone = keras.Model(self.model.input, self.model.output, name=self.model.name)
                runs.write(self.directory / "best.keras", alone.save)
        if better:
            # One that is not finite is none: any that comes later is better, after a stop too.
            best = scores[self.task.monitor]
            state |= {"best": best if np.isfinite(best) else None, "best_epoch": epoch + 1}
        waited = 0 if better else state["waited"] + 1
        spent = time.perf_counter() - self.started
        state |= {"epoch": epoch + 1, "waited": waited, "seconds": state["seconds"] + spent}
        state["compiling"] += self.compiled() - self.before
        state["done"] = waited >= self.patience or epoch + 1 == self.epochs
        line = {
            "epoch": epoch + 1,
            "loss": float(logs["loss"]),
            **{f"validation_{name}": value for name, value in scores.items()},
            "seconds": round(seconds, 3),
            "compiling": round(compiling, 3),
            "tokens_per_second": round(self.bar.tokens / (seconds - compiling)),
        }
        # The line first, the state last: a run stopped in between does this epoch again, and drops the line.
        with (self.directory / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(record.dump(line) + "\n")
            # It must be on the disk before the state that counts it.
            file.flush()
            os.fsync(file.fileno())
        runs.write(self.directory / "state.npz", self._save)
        self.bar.note = "" if state["best"] is None else f"best {self.task.monitor} {state['best']:.4f}  "
        say(
            f"epoch {epoch + 1}/{self.epochs}  loss {line['loss']:.4f}  validation "
            f"{describe(self.task.monitor, scores)}  {line['tokens_per_second']:,} tokens/s  {spent:.1f} s"
            f"{f', {compiling:.1f} s of them compiling' if compiling > 1 else ''}{'  (best)' if better else ''}"
        )
        self.model.stop_training = state["done"]

    def _save(self, path: Path) -> None:
        values = {str(number): np.asarray(variable) for number, variable in enumerate(self.variables())}
        np.savez(path, allow_pickle=False, progress=np.array(record.dump(self.progress)), **values)


def make_optimizer(options: Options, steps: int, rows: int) -> keras.optimizers.Optimizer:
    """Return Adam with a linear warm-up, a cosine fall to 0 over `steps` training steps, and gradient clipping.

    Beside the weights it keeps their running average, where options.average is above 0 (Polyak and Juditsky 1992).
    rows: different words in a batch, for options.lazy_embeddings; see models/backends/adam.py.
    """
    rise = max(1, round(WARM_UP * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rise), warmup_target=options.lr, warmup_steps=rise
    )
    averaging = {"use_ema": True, "ema_momentum": options.average} if options.average else {}
    if options.lazy_embeddings:
        return LazyAdam(schedule, rows, global_clipnorm=options.clip, **averaging)
    return Adam(schedule, global_clipnorm=options.clip, **averaging)


def train(
    task: Task, options: Options, folder: Path, include: tuple[Path, ...] = (), fresh: bool = False, device: str = ""
) -> dict:
    """Train, or go on where a run of the same options stopped; return its summary; see `train_experiment`.

    folder: where all runs are kept; this one's directory is folder/TASK/CELL-sSEED.
    Raises BadInput for bad data or options, before anything is written, and if the directory holds another run, or
    another process trains this one.
    """
    run = settle(task, options, folder, include, fresh)
    if complete := read_complete(run):
        return complete
    with begin(run) as experiment:
        return train_experiment(experiment, device)


def train_experiment(experiment: Experiment, device: str) -> dict[str, Any]:
    """Train a run that has begun, and return its summary. device: what Keras runs on, for its environment.json.

    The summary: "run", "task", "scores" (test), "validation", "best_epoch", "epochs", "weights", "seconds", and of
    these "compiling", "tokens_per_second_answering" (None where too few batches), "megabytes" of memory at the most.
    """
    run, prepared, begun = experiment.run, experiment.prepared, experiment.begun
    task, options, directory = run.task, run.options, run.directory
    examples, input_field, output_field = prepared.examples, prepared.input_field, prepared.output_field
    training, validation = experiment.batches["train"], experiment.batches["validation"]
    rehearse(task, options, input_field=input_field, output_field=output_field, batches=training)
    backend.reset(options.seed, options.precision)
    family = importlib.import_module(task.model)
    model = family.build(input_field, output_field, options)
    steps = len(training.plan())
    epochs, patience = plan_epochs(options, steps)
    # Beside the batch's own there may be unknown words, of word dropout, and the symbol before the first.
    rows = training.count_different() + 2 if options.lazy_embeddings else 0
    model.compile(optimizer=make_optimizer(options, epochs * steps, rows), loss=family.loss(output_field, options))
    model.optimizer.build(model.trainable_variables)
    if options.lazy_embeddings:
        train_by_rows(model)
    decoder = add_loss(model, family.decode(model, output_field, options), output_field)
    say(f"{options.cell}: {model.count_params():,} weights, {steps} steps an epoch, {epochs} epochs at most; {device}")

    def measure() -> dict[str, float]:
        return evaluate.measure(
            task, examples["validation"], validation, model, decoder, output_field, examples["train"]
        )[0]

    bar = Bar(epochs, 0, training.count_tokens())
    keeper = Keeper(task, epochs, patience, directory, bar, measure)
    keeper.set_model(model)
    if run.fresh and runs.holds_run(directory):
        shutil.rmtree(directory)
    # Before anything is written: the state may be damaged.
    keeper.restore()
    first = bar.first = keeper.progress["epoch"]
    named = {str(file.path): file.digest for file in run.files}
    if begun:
        say(f"going on after epoch {first}")
        runs.tell_device(directory, device)
        runs.go_on(directory, begun, named, device, first)
    else:
        about = {"task": task.name, "include": named, "options": dataclasses.asdict(options)}
        config = about | {"data": prepared.fingerprint}
        runs.begin(directory, config, device, input=input_field, output=output_field)
    if not keeper.progress["done"]:
        with bar.progress:
            model.fit(
                Epochs(training, first),
                epochs=epochs,
                initial_epoch=first,
                callbacks=Callbacks([bar, keeper], add_history=True, model=model, epochs=epochs, steps=steps),
                # Keras would mix the batches anew, and not the same way after a stop; Epochs has mixed them.
                shuffle=False,
                verbose=0,
            )
    return conclude(experiment, keeper.progress)


def conclude(experiment: Experiment, progress: dict) -> dict:
    """Test the best model as it was saved, write predictions and scores, and return the summary of the run."""
    run, prepared = experiment.run, experiment.prepared
    task, options, directory = run.task, run.options, run.directory
    examples, batches, output_field = prepared.examples, experiment.batches["test"], prepared.output_field
    test = examples["test"]
    model, decoder, judge = load_model(directory, task, output_field, options)
    pace = Pace()
    if prepared.is_labelled("test"):
        adapted = dynamic_evaluation.measure_loss(task, options, model, prepared.input_field, output_field, batches)
        scores, answers = evaluate.measure(
            task, test, batches, model, judge, output_field, examples["train"], pace, adapted
        )
        baselines = {
            name: score(options, examples, lambda split: evaluate.read_contexts(model, experiment.batches[split]))
            for name, score in task.baselines.items()
        }
    else:
        scores, baselines = {}, {}
        answers = evaluate.answer(decoder, batches, output_field, pace)
    evaluate.write_answers(directory / "predictions" / "test.jsonl", test, answers)
    summary: dict[str, Any] = {
        "run": str(directory),
        "task": task.name,
        "scores": scores,
        "monitor": task.monitor,
        "validation": progress["best"],
        "best_epoch": progress["best_epoch"],
        "epochs": progress["epoch"],
        "weights": model.count_params(),
        "seconds": round(progress["seconds"], 1),
        "compiling": round(progress["compiling"], 1),
        "tokens_per_second_answering": pace.tokens_per_second,
        "megabytes": peak_megabytes(),
        **evaluate.describe_metrics(task),
        "baselines": baselines,
    }
    if task.samples:
        shown = zip(test[: task.samples], answers, strict=False)
        summary["samples"] = [{"input": data.to_plain(one.input), "output": found.output} for one, found in shown]
    runs.write_json(directory / "scores.json", summary)
    return summary
