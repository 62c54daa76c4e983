"""Memory: how far back the gradients of a trained run reach, and how its score falls with length and with delay.

Back-propagation through time takes the gradient of the loss at step t back to the step t - k through k times the
same cell. Where every step makes it smaller, nothing can be learned about what lies k steps back, and what was read
there cannot be remembered (Hochreiter 1991; Bengio et al. 1994; Pascanu et al. 2013, section 2).
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from harness import data, evaluate
from harness.options import check
from harness.process import backend
from harness.runs.trained import Trained, open_run
from harness.selection import select
from pipeline.batches.bucketing import Batches
from pipeline.errors import BadInput
from pipeline.example import Example

# Steps t of each example from which the gradient is followed back.
ENDS = 4
# A lag is measured where at least this share of all the steps t have it.
SHARE = 0.1


def measure_memory(directory: Path, include: tuple[Path, ...] = (), examples: int = 100) -> dict[str, dict]:
    """Return how far back the gradient of the loss reaches: "before" and "after" training.

    Each is {"lags": [0, 1, ...], "gradient": [...], "half_life": steps, or None}, numbers that JSON can hold.
    gradient: the length of the gradient of the loss at step t with respect to the vector that enters the first
    recurrent layer at step t - k, for every lag k; the mean over the first `examples` of the test split, and over a few
    t in the last half of each. The vector is a word's embedding, a measurement, sound after its convolutions; of a
    model that writes, the embedding of the symbol before. Loss at step t means the part of the loss that reads the
    hidden state of that step, in the forward direction, and what comes back through that state: without that, where one
    answer reads a mean or maximum over all steps, each would be only one step away from the loss.
    before: with the weights that training began from, made anew, for which the random numbers of this process begin
    again at the seed. after: with those of best.keras.

    Raises BadInput as `harness.runs.trained.open_run` does.
    """
    run = open_run(directory, include)
    batches = _encode(run, select(run, None, "test").examples[:examples])
    # One shape, to be compiled once.
    batches.lengths, batches.output_lengths = batches.lengths[-1:], batches.output_lengths[-1:]
    # As training does: then these are its weights.
    backend.reset(run.options.seed, run.options.precision)
    family = importlib.import_module(run.task.model)
    probe = Probe(
        family.build(run.input_field, run.output_field, run.options),
        family.loss(run.output_field, run.options),
        run.options,
    )
    before = summarise(probe.follow(batches))
    probe.model.load_weights(directory / "best.keras")
    return {"before": before, "after": summarise(probe.follow(batches))}


def _encode(run: Trained, examples: list[Example]) -> Batches:
    return data.encode_batches(run.options, run.input_field, run.output_field, examples)


class Probe:
    """A model whose gradients are looked at between what enters its first recurrent layer and what leaves its last.

    Of two directions, the forward one; of an encoder and a decoder, the decoder.
    """

    def __init__(self, model: keras.Model, loss: keras.losses.Loss, options: Any):
        self.model, self.loss = model, loss
        names = [layer.name for layer in model.layers]
        if "decoder" in names:
            layers = model.get_layer("decoder").layers
        else:
            wanted = [f"{options.cell}_{number}_forward" for number in range(options.layers)]
            layers = [model.get_layer(name) for name in wanted if name in names]
        if not layers:
            raise BadInput(f"--cell {options.cell}: no recurrent layer in the model; its memory cannot be measured")
        self.first, self.last = layers[0], layers[-1]
        self.enter, self.reach = _compiled(self._enter), _compiled(self._reach)

    @contextmanager
    def _spliced(self, vectors: Any, states: Any, seen: dict[str, Any]) -> Iterator[None]:
        """Inside, `vectors` enter the first layer and `states` leave the last, where they are given."""

        def splice(layer: Any) -> Callable:
            original = layer.call

            def call(sequences: Any, *rest: Any, **named: Any) -> Any:
                if layer is self.first:
                    sequences = seen["vectors"] = sequences if vectors is None else vectors
                found = original(sequences, *rest, **named)
                if layer is self.last:
                    found = seen["states"] = found if states is None else states
                return found

            return call

        both = {id(layer): layer for layer in (self.first, self.last)}.values()
        for layer in both:
            layer.call = splice(layer)
        try:
            yield
        finally:
            for layer in both:
                del layer.call

    def run(self, weights: list, inputs: dict, vectors: Any = None, states: Any = None) -> tuple[Any, Any, Any]:
        """Return what enters the first layer and leaves the last, (batch, time, features), and the model's answer.

        vectors, states: put in the place of the first two.
        """
        seen: dict[str, Any] = {}
        pairs = list(zip(self.model.variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=pairs), self._spliced(vectors, states, seen):
            answer = self.model(inputs, training=False)
        return seen["vectors"], seen["states"], answer

    def _enter(self, weights: list, inputs: dict, outputs: Any, sample_weights: Any) -> Any:
        """Return the gradient of the loss with respect to the state that it reads at every step."""

        def lose(states: Any) -> Any:
            answer = self.run(weights, inputs, states=states)[2]
            # The sum over the answers: that of an example does not depend on the others in its batch.
            return self.loss(outputs, answer, sample_weights) * ops.sum(sample_weights)

        return gradient(lose, self.run(weights, inputs)[1])

    def _reach(self, weights: list, inputs: dict, entering: Any) -> Any:
        """Return the length of the gradient at every step, (batch, time), of what `entering` enters the states by."""

        def enter(vectors: Any) -> Any:
            states = self.run(weights, inputs, vectors=vectors)[1]
            return ops.sum(ops.cast(ops.multiply(entering, states), "float32"))

        found = ops.cast(gradient(enter, self.run(weights, inputs)[0]), "float32")
        return ops.sqrt(ops.sum(found * found, axis=2))

    def follow(self, batches: Batches) -> np.ndarray:
        """Return the length of the gradient at each lag, (t of all examples, lags); not a number before the start."""
        weights = [ops.convert_to_tensor(variable) for variable in self.model.variables]
        rows: list[np.ndarray] = []
        for length, members, real in batches.plan():
            inputs, outputs, sample_weights = batches.draw(length, members, real)
            entering = ops.convert_to_numpy(self.enter(weights, inputs, outputs, sample_weights))
            ends = np.array([choose_ends(steps.any(axis=1)) for steps in entering])
            for end in ends.T:
                alone = np.arange(entering.shape[1]) == end[:, None]
                found = self.reach(weights, inputs, np.where(alone[:, :, None], entering, np.zeros_like(entering)))
                rows += map(look_back, ops.convert_to_numpy(found)[:real], end)
        return np.array(rows)


def _compiled(function: Callable) -> Callable:
    if keras.config.backend() != "jax":
        return function
    import jax

    return jax.jit(function)


def gradient(function: Callable, at: Any) -> Any:
    """Return the gradient of a function, of a tensor to one number, at a tensor. Keras has no such operation."""
    if keras.config.backend() == "jax":
        import jax

        return jax.grad(function)(at)
    if keras.config.backend() == "tensorflow":
        import tensorflow

        with tensorflow.GradientTape() as tape:
            tape.watch(at)
            found = function(at)
        return tape.gradient(found, at)
    import torch

    at = at.detach().requires_grad_()
    return torch.autograd.grad(function(at), at)[0]


def choose_ends(read: np.ndarray) -> np.ndarray:
    """Return ENDS steps, evenly over the last half of those that the loss reads; -1 where it reads none.

    read: (time,) of bool. With fewer steps some come twice.
    """
    steps = np.flatnonzero(read)
    if not len(steps):
        return np.full(ENDS, -1)
    return steps[np.linspace(len(steps) // 2, len(steps) - 1, ENDS).round().astype(int)]


def look_back(steps: np.ndarray, end: int) -> np.ndarray:
    """Return what is found at `end`, at the step before it, and so on; not a number before the start."""
    found = np.full(len(steps), np.nan)
    found[: end + 1] = steps[: end + 1][::-1]
    return found


def summarise(found: np.ndarray) -> dict[str, Any]:
    """Return {"lags", "gradient", "half_life"} of gradients, (t of all examples, lags), not a number where none is."""
    # A loss that is 0 reads no state.
    found = found[~np.isnan(found[:, 0])]
    if not len(found):
        return {"lags": [], "gradient": [], "half_life": None}
    longest = int(np.flatnonzero((~np.isnan(found)).mean(axis=0) >= SHARE)[-1])
    curve = np.nanmean(found[:, : longest + 1], axis=0)
    return {"lags": list(range(longest + 1)), "gradient": curve.tolist(), "half_life": measure_half_life(curve)}


def measure_half_life(curve: np.ndarray) -> float | None:
    """Return in how many lags a gradient falls to half: ln 2 over the slope of the line through its logarithm.

    By least squares, for gradients are seldom even, over all lags up to the first whose gradient is lost beside the
    largest when float32 adds them up. Where the line does not fall to half before, that lag itself; without one, None:
    these lags do not show where the memory ends.
    """
    lost = curve <= np.finfo("float32").eps * curve.max()
    count = int(lost.argmax()) if lost.any() else len(curve)
    slope = float(np.polyfit(np.arange(count), np.log(curve[:count]), 1)[0]) if count > 1 else 0.0
    if -slope * (count - 1) >= np.log(2):
        return -float(np.log(2)) / slope
    return float(count) if lost.any() else None


def score_by_length(directory: Path, groups: int = 6, include: tuple[Path, ...] = ()) -> list[dict[str, Any]]:
    """Return the score of the test examples in groups of like length, as many in each as equal lengths let be.

    {"length": their mean, "shortest", "longest", "score": that which the task monitors, "examples": how many}, in time
    steps of the input; of the output where the input has none, as an image. One group if all have one length.
    """
    run = open_run(directory, include)
    selection = select(run, None, "test")
    examples, training = selection.examples, selection.training
    batches = _encode(run, examples)
    steps = batches.steps
    edges = np.unique(np.quantile(steps, np.linspace(0, 1, groups + 1)[1:-1], method="inverted_cdf"))
    number = np.searchsorted(edges, steps)
    found = []
    for members in (np.flatnonzero(number == one) for one in np.unique(number)):
        part = _encode(run, [examples[member] for member in members])
        # Shapes that are compiled once for all groups.
        part.lengths, part.output_lengths = batches.lengths, batches.output_lengths
        found.append(
            {
                "length": float(steps[members].mean()),
                "shortest": int(steps[members].min()),
                "longest": int(steps[members].max()),
                "score": _score(run, [examples[member] for member in members], part, training),
                "examples": len(members),
            }
        )
    return found


def score_by_delay(
    directory: Path, delays: tuple[int, ...] = (), include: tuple[Path, ...] = (), examples: int = 1000
) -> list[dict[str, Any]]:
    """Return the score of a trained run at other delays than it was trained with; an empty list if it has no delay.

    {"delay": steps, "score": that which the task monitors, "examples": how many}, on the first `examples` of the test
    split that the run's own data has at that delay. delays: else a quarter of its own, a half, its own, and twice that.
    Raises BadInput if a delay is too short or too long for the task.
    """
    run = open_run(directory, include)
    own = run.options.delay
    if own is None:
        return []
    found = []
    for delay in delays or sorted({max(own // 4, 2), max(own // 2, 2), own, 2 * own}):
        other = replace(run.options, delay=delay)
        check(other, run.task)
        some = data.load(run.task, other)["test"][:examples]
        found.append({"delay": delay, "score": _score(run, some, _encode(run, some)), "examples": len(some)})
    return found


def _score(run: Trained, examples: list[Example], batches: Batches, training: Sequence[Example] = ()) -> float:
    scores, _ = evaluate.measure(run.task, examples, batches, run.model, run.judge, run.output_field, training)
    return scores[run.task.monitor]
