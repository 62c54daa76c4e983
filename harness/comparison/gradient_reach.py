"""Memory: how far back the gradients of a trained run reach, and how its score falls with length and with delay.

Back-propagation through time takes the gradient of the loss at step t back to the step t - k through k times the
same cell. Where every step makes it smaller, nothing can be learned about what lies k steps back, and what was read
there cannot be remembered (Hochreiter 1991; Bengio et al. 1994; Pascanu et al. 2013, section 2).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from harness import data
from harness.analysis.groups import divide_evenly
from harness.differentiation import Tensor, Tensors, compile_function, differentiate
from harness.options import check
from harness.process import backend
from harness.runs.restored import read_run
from harness.runs.schema import Curve, DelayScore, LengthScore
from harness.runs.trained import Trained, open_model
from harness.selection import select
from models.layers.block import ENTRY, EXIT
from pipeline.batches.bucketing import Batches
from pipeline.errors import BadInput
from pipeline.example import Example

Floats = NDArray[np.float64]

# Steps of each example from which the gradient is followed back.
STEPS_PER_EXAMPLE = 4
# A lag is measured where at least this share of all these steps have it.
LEAST_SHARE = 0.1


def measure_gradient_reach(directory: Path, *, examples: int = 100) -> dict[str, Curve]:
    """Return how far back the gradient of the loss reaches: "before" and "after" training.

    before: with the weights that training began from. They are made anew, for which the random numbers of this process
    begin again at the seed. after: with the weights of best.keras.

    A gradient at lag k is the norm of the gradient of the loss at step t with respect to the vector that enters the
    first recurrent layer, or the first block, at step t - k. It is the mean over the first `examples` of the test
    split, and over STEPS_PER_EXAMPLE steps t in the last half of each.

    - The vector is the embedding of a word, a measurement, or sound after its convolutions. Where the model writes, it
      is the embedding of the symbol before.
    - The loss at step t is the part of the loss that reads the hidden state of that step, in the forward direction, and
      what comes back is followed through that state alone. Else, where one answer reads a mean or maximum over all
      steps, each step would be only one away from the loss.

    Raises BadInput as `harness.runs.trained.open_model` does.
    """
    run = read_run(directory)
    batches = run.encode(select(run, None, "test").examples[:examples])
    # One shape, to be compiled once.
    batches.lengths = batches.padded = batches.lengths[-1:]
    batches.output_lengths = batches.padded_outputs = batches.padded_outputs[-1:]
    # As training does: then these are its weights.
    backend.reset(run.options.seed, run.options.precision)
    probe = GradientProbe(run.build(), run.loss(), cell=run.options.cell, layers=run.options.layers)
    before = summarise_gradients(probe.measure(batches))
    probe.model.load_weights(directory / "best.keras")
    return {"before": before, "after": summarise_gradients(probe.measure(batches))}


class GradientProbe:
    """Follows gradients between what enters the first recurrent layer of a model and what leaves its last.

    Where there are two directions, it follows the forward one; where there are encoder and decoder, the decoder.
    """

    def __init__(self, model: keras.Model, loss: keras.losses.Loss, *, cell: str, layers: int):
        """Raises BadInput if the model has no recurrent layer, or one that is not unrolled for itself.

        cell, layers: as in its options.
        """
        self.model, self.loss = model, loss
        names = [layer.name for layer in model.layers]
        if "decoder" in names:
            decoder = model.get_layer("decoder")
            if decoder.input_feeding:
                raise BadInput(
                    "With --input-feeding, what enters a step comes from the attention of the one before: the gradient "
                    "has more ways back than its states."
                )
            # What goes around a layer, in a block, counts too.
            found = [decoder.entry, decoder.exit] if decoder.block else decoder.layers
        else:
            wanted = [ENTRY, EXIT] if ENTRY in names else [f"{cell}_{number}_forward" for number in range(layers)]
            found = [model.get_layer(name) for name in wanted if name in names]
        if not found:
            raise BadInput(f"--cell {cell}: no recurrent layer in the model; its memory cannot be measured")
        self.first, self.last = found[0], found[-1]
        self.differentiate_states = compile_function(self._differentiate_states)
        self.differentiate_inputs = compile_function(self._differentiate_inputs)

    @contextmanager
    def _spliced(self, vectors: Tensor | None, states: Tensor | None, seen: Tensors) -> Iterator[None]:
        """Inside, `vectors` enter the first layer and `states` leave the last, where they are given."""

        def splice(layer: keras.Layer) -> Callable[..., Tensor]:
            original = layer.call

            def call(sequences: Tensor, *rest: Tensor, **named: Tensor) -> Tensor:
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

    def call_model(
        self, weights: list[Tensor], inputs: Tensors, *, vectors: Tensor | None = None, states: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what enters the first layer and leaves the last, (batch, time, features), and the model's answer.

        vectors, states: put in the place of the first two.
        """
        seen: Tensors = {}
        pairs = list(zip(self.model.variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=pairs), self._spliced(vectors, states, seen):
            answer = self.model(inputs, training=False)
        return seen["vectors"], seen["states"], answer

    def _differentiate_states(
        self, weights: list[Tensor], inputs: Tensors, outputs: Tensor, sample_weights: Tensor
    ) -> Tensor:
        """Return the gradient of the loss with respect to the hidden states, (batch, time, units)."""

        def measure_loss(states: Tensor) -> Tensor:
            answer = self.call_model(weights, inputs, states=states)[2]
            # The sum over the answers: that of an example does not depend on the others in its batch.
            return self.loss(outputs, answer, sample_weights) * ops.sum(sample_weights)

        return differentiate(measure_loss, self.call_model(weights, inputs)[1])

    def _differentiate_inputs(self, weights: list[Tensor], inputs: Tensors, entering: Tensor) -> Tensor:
        """Return the norm of the gradient with respect to the vector that enters at each step, (batch, time).

        entering: the gradient with respect to the hidden states, (batch, time, units), which is followed back.
        """

        def weigh_states(vectors: Tensor) -> Tensor:
            states = self.call_model(weights, inputs, vectors=vectors)[1]
            return ops.sum(ops.cast(ops.multiply(entering, states), "float32"))

        found = ops.cast(differentiate(weigh_states, self.call_model(weights, inputs)[0]), "float32")
        return ops.sqrt(ops.sum(found * found, axis=2))

    def measure(self, batches: Batches) -> Floats:
        """Return the norm of the gradient at each lag, (steps t of all examples, lags); NaN before the start."""
        weights = [ops.convert_to_tensor(variable) for variable in self.model.variables]
        rows: list[Floats] = []
        for length, members, real in batches.plan():
            inputs, outputs, sample_weights = batches.draw(length, members, real)
            entering = ops.convert_to_numpy(self.differentiate_states(weights, inputs, outputs, sample_weights))
            ends = np.array([choose_steps(read.any(axis=1)) for read in entering])
            for end in ends.T:
                alone = np.arange(entering.shape[1]) == end[:, None]
                chosen = np.where(alone[:, :, None], entering, np.zeros_like(entering))
                norms = self.differentiate_inputs(weights, inputs, chosen)
                rows += map(order_by_lag, ops.convert_to_numpy(norms)[:real], end)
        return np.array(rows)


def choose_steps(read: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return STEPS_PER_EXAMPLE steps, evenly over the last half of those that the loss reads; -1 where it reads none.

    read: whether the loss reads a step, (time,). Where there are fewer steps, some are returned twice.
    """
    steps = np.flatnonzero(read)
    if not len(steps):
        return np.full(STEPS_PER_EXAMPLE, -1)
    return steps[np.linspace(len(steps) // 2, len(steps) - 1, STEPS_PER_EXAMPLE).round().astype(int)]


def order_by_lag(norms: Floats, end: int) -> Floats:
    """Return the norm at the step `end`, at the step before it, and so on, (lags,); NaN before the start.

    norms: of each step, (time,).
    """
    found = np.full(len(norms), np.nan)
    found[: end + 1] = norms[: end + 1][::-1]
    return found


def summarise_gradients(norms: Floats) -> Curve:
    """Return the mean over all steps t at each lag, and its half-life.

    norms: of gradients, (steps t of all examples, lags); NaN where a step has no such lag.
    """
    # A loss that is 0 reads no state.
    norms = norms[~np.isnan(norms[:, 0])]
    if not len(norms):
        return {"lags": [], "gradient": [], "half_life": None}
    longest = int(np.flatnonzero((~np.isnan(norms)).mean(axis=0) >= LEAST_SHARE)[-1])
    curve = np.nanmean(norms[:, : longest + 1], axis=0)
    return {"lags": list(range(longest + 1)), "gradient": curve.tolist(), "half_life": measure_half_life(curve)}


def measure_half_life(curve: Floats) -> float | None:
    """Return in how many lags a gradient falls to half: ln 2 over the slope of the line through its logarithm.

    curve: the gradient at each lag, (lags,). One is lost if it vanishes beside the largest when float32 adds them up.

    - The line is fitted by least squares, for gradients are seldom even, over all lags before the first that is lost.
    - Where the line does not fall to half within them, the first lag that is lost is returned.
    - Where none is lost either, None: these lags do not show where the memory ends.
    """
    lost = curve <= np.finfo("float32").eps * curve.max()
    count = int(lost.argmax()) if lost.any() else len(curve)
    slope = float(np.polyfit(np.arange(count), np.log(curve[:count]), 1)[0]) if count > 1 else 0.0
    if -slope * (count - 1) >= np.log(2):
        return -float(np.log(2)) / slope
    return float(count) if lost.any() else None


def score_by_length(directory: Path, groups: int = 6) -> list[LengthScore]:
    """Return the score of the test examples in groups of similar length; one group if all have the same length.

    The groups are as large as each other, but for examples of one length, which stay together. A length is that of the
    input, in time steps; that of the output where the input has none, as an image. The score is the one that the task
    monitors; all others go with it.
    """
    run = read_run(directory)
    selection = select(run, None, "test")
    examples, training = selection.examples, selection.training
    batches, trained = run.encode(examples), open_model(run)
    steps = batches.example_steps
    found: list[LengthScore] = []
    for members in divide_evenly(steps, groups):
        chosen = [examples[member] for member in members]
        part = run.encode(chosen)
        # Shapes that are compiled once for all groups.
        part.lengths = part.padded = batches.padded
        part.output_lengths = part.padded_outputs = batches.padded_outputs
        found.append(
            {
                "length": float(steps[members].mean()),
                "shortest": int(steps[members].min()),
                "longest": int(steps[members].max()),
                **_score(trained, chosen, batches=part, training=training),
                "examples": len(members),
            }
        )
    return found


def score_by_delay(directory: Path, delays: tuple[int, ...] = (), *, examples: int = 1000) -> list[DelayScore]:
    """Return the score of a trained run at other delays than it was trained with; an empty list if it has no delay.

    delays: in time steps; else a quarter of its own, a half, its own, and twice that. The score is the one that the
    task monitors, on the first `examples` of the test split that the run's own data has at that delay.
    Raises BadInput if a delay is too short or too long for the task.
    """
    run = read_run(directory)
    own = run.options.as_dict().get("delay")
    if not isinstance(own, int):
        return []
    trained = open_model(run)
    found: list[DelayScore] = []
    for delay in delays or sorted({max(own // 4, 2), max(own // 2, 2), own, 2 * own}):
        other = run.options.replace(delay=delay)
        check(other, run.task)
        chosen = data.load(run.task, other)["test"][:examples]
        scores = _score(trained, chosen, batches=run.encode(chosen))
        found.append({"delay": delay, **scores, "examples": len(chosen)})
    return found


class Scored(TypedDict):
    """score: the one that the task monitors."""

    score: float
    scores: dict[str, float | None]


def _score(run: Trained, examples: Sequence[Example], *, batches: Batches, training: Sequence[Example] = ()) -> Scored:
    scores = run.scorer.measure(examples, batches, training=training).scores
    return {"score": scores[run.experiment.task.monitor], "scores": dict(scores)}
