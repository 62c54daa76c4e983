"""A trained model, taken apart where vectors enter its first recurrent layers: all behind that place can be seen.

The vectors enter in up to two places: "read", where the input is read, and "written", where a decoder is told what it
has written. What enters at "read" is

    (batch, time, features)              the embedding of a word, a measurement, sound after its convolutions
    (batch, height, width, colours)      an image, from -1 to 1
    (batch, features)                    what a decoder starts from, where the input is a category
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import keras
import numpy as np
from keras import ops

from harness.differentiation import Tensor, Tensors, compile_function, differentiate
from harness.runs.trained import Trained
from models.layers.block import ENTRY
from models.layers.carry import Carry
from models.layers.conditional_random_field import score_steps
from pipeline.errors import BadInput

Arrays: TypeAlias = dict[str, np.ndarray]
READ, WRITTEN = "read", "written"
DIRECTIONS = ("forward", "backward")
# Time steps, padding included, of all rows that are computed at once.
STEPS_AT_ONCE = 16_384
FEWEST_ROWS, MOST_ROWS = 8, 64
# And of all rows of one round of `attribute`; the gradients per target of each round.
MOST_STEPS = 100_000
POINTS = (8, 32, 128)
FORBIDDEN = -1e9


@dataclass(frozen=True)
class Target:
    """A number that the model computes, and that is explained. step: of its answer, 0 where it has one answer only.

    choice: the id of what is answered; 0 where that is a number.
    """

    step: int
    choice: int


@dataclass(frozen=True)
class Attribution:
    """How much what entered has contributed to the scores of targets, by integrated gradients.

    contributions: by place, (targets, time), (targets, height, width) or (targets,).
    scores, baselines: (targets,), with what entered, and with the baseline in its place.
    points: how many gradients each has been summed up from, (targets,).
    """

    contributions: Arrays
    scores: np.ndarray
    baselines: np.ndarray
    points: np.ndarray


@dataclass(frozen=True)
class Recurrent:
    """A recurrent layer. reads: whether it reads the input; else it writes. backward: whether from the end."""

    name: str
    layer: keras.Layer
    depth: int
    reads: bool
    backward: bool = False


@dataclass
class Network:
    """A trained model, taken apart.

    values: of what a number in ranges stands for, (ranges,): see `score`.
    Raises BadInput for a model of the user's own in which nothing has a name that is known; see models/family.py.
    """

    trained: Trained
    values: np.ndarray | None = None
    layers: list[Recurrent] = field(init=False)

    def __post_init__(self) -> None:
        model, options = self.trained.model, self.trained.experiment.options
        found = {layer.name: layer for layer in model.layers}
        self.model, self.decoder = model, found.get("decoder")
        self.layers = [
            Recurrent(name, unwrap(found[name]), depth, reads=True, backward=direction == "backward")
            for depth in range(options.layers)
            for direction in DIRECTIONS
            if (name := f"{options.cell}_{depth}_{direction}") in found
        ]
        entry = self._find_entry(found)
        outputs = {
            f"{one.name}:{side}": keras.tree.flatten(getattr(found[one.name], side))[0]
            for one in self.layers
            for side in ("input", "output")
        }
        if self.decoder:
            outputs["context"] = found["context"].output
            if self.decoder.attend:
                outputs["memory"] = found["memory"].output
            self.layers += [
                Recurrent(f"decoder_{depth}", layer, depth, reads=False)
                for depth, layer in enumerate(self.decoder.layers)
            ]
        else:
            # What the loss takes; Keras gives no tensor twice.
            outputs["output"] = model.output
            if (logits := score_steps(model.output)) is not model.output:
                outputs["logits"] = logits
        if not self.layers:
            raise BadInput(
                f"{self.trained.experiment.directory}: no recurrent layer in the model has a name such as "
                f"{options.cell}_0_forward; see models/family.py"
            )
        inputs = {name: tensor for name, tensor in model.input.items() if name != "previous"}
        # Whatever else comes out of the same layer, such as a mask, is cut off with it, and has to be handed on.
        beside = [
            tensor
            for layer in model.layers
            if any(tensor is entry for tensor in keras.tree.flatten(layer.output))
            for tensor in keras.tree.flatten(layer.output)
            if tensor is not entry
        ]
        # What n-grams of the words add to the logits does not depend on the vectors that enter.
        if "ngrams" in found:
            beside.append(found["ngrams"].output)
        self.head = keras.Model(inputs, [entry, *beside])
        # What enters is no output of the rest: Keras could not tell the two apart.
        self.passed = [name for name, tensor in outputs.items() if tensor is entry]
        further = {name: tensor for name, tensor in outputs.items() if tensor is not entry}
        self.handed = [f"beside:{number}" for number in range(len(beside))]
        self.handed += [name for name, tensor in inputs.items() if tensor is not entry]
        rest = [tensor for tensor in inputs.values() if tensor is not entry]
        self.tail = keras.Model([entry, *beside, *rest], further) if further else None
        self.enter = compile_function(self._enter)
        self.follow = compile_function(self._follow)
        self.attribute_rows = compile_function(self._attribute_rows)

    def _find_entry(self, found: Mapping[str, keras.Layer]) -> Tensor:
        if ENTRY in found:
            return found[ENTRY].input
        if self.layers:
            # Beside the sequences, one that carries its states is told where they go on.
            return keras.tree.flatten(found[self.layers[0].name].input)[0]
        for name in ("scale", "context"):
            if name in found:
                return found[name].output
        raise BadInput(
            f"{self.trained.experiment.directory}: no layer of the model has the name of a recurrent layer, "
            "nor is one called scale or context; see models/family.py"
        )

    @property
    def variables(self) -> list[Tensor]:
        """Return the values of all variables of the model."""
        return [ops.convert_to_tensor(variable) for variable in self.model.variables]

    def _with(self, variables: list[Tensor], call: Callable[[], Tensor]) -> Tensor:
        with keras.StatelessScope(state_mapping=list(zip(self.model.variables, variables, strict=True))):
            return call()

    def _enter(self, variables: list[Tensor], inputs: Tensors) -> tuple[Tensors, Tensors]:
        """Return what enters at each place, and the inputs with what else has to be handed on."""

        def call() -> tuple[Tensors, Tensors]:
            found = self.head({name: inputs[name] for name in self.head.input}, training=False)
            entry, *beside = keras.tree.flatten(found)
            entering = {READ: entry} | ({WRITTEN: self.decoder.embedding(inputs["previous"])} if self.decoder else {})
            return entering, inputs | {f"beside:{number}": tensor for number, tensor in enumerate(beside)}

        return self._with(variables, call)

    def _follow(self, variables: list[Tensor], inputs: Tensors, entering: Tensors) -> Tensors:
        """Return what becomes of the vectors that enter: "logits", "attention", and what enters and leaves each layer.

        "NAME:input", "NAME:output": of the layer of that name, in the order in which it reads; "NAME:first": the states
        before its first step, side by side.
        """

        def call() -> Tensors:
            found = dict.fromkeys(self.passed, entering[READ])
            if self.tail:
                found |= self.tail([entering[READ], *(inputs[name] for name in self.handed)], training=False)
            if not self.decoder:
                return {"logits": found["output"], **found}
            context, memory = found.pop("context"), found.pop("memory", None)
            mask = None if memory is None else inputs.get("mask")
            logits, states, weights = self.decoder.unroll(entering[WRITTEN], context, memory, mask_in=mask)
            found |= {"logits": logits, "output": logits}
            if weights is not None:
                found["attention"] = weights
            first = self.decoder.make_first_states(context)
            for depth, (before, after) in enumerate(states):
                name = f"decoder_{depth}"
                found |= {f"{name}:input": before, f"{name}:output": after}
                found |= {f"{name}:first:{place}": state for place, state in enumerate(first[depth])}
            return found

        return self._with(variables, call)

    def score(self, logits: Tensor, steps: Tensor, choices: Tensor) -> Tensor:
        """Return the score of each row's target, (rows,).

        - Of a label, tag or symbol: its log-odds, log p / (1 - p), in nats. A probability could not be added up: near 0
          and 1 it hardly changes. Where there may be several labels, these are the logits themselves.
        - Of a number in ranges: its mean, in the units of the number.
        - Of a number: the number as the model gives it.

        logits: (rows, size) or (rows, steps, size).
        """
        if len(logits.shape) == 3:
            place = ops.reshape(steps, (-1, 1, 1))
            logits = ops.squeeze(ops.take_along_axis(logits, ops.cast(place, "int32"), axis=1), 1)
        logits = ops.cast(logits, "float32")
        if self.values is not None:
            return ops.sum(ops.softmax(logits) * ops.convert_to_tensor(self.values, dtype="float32"), axis=1)
        if logits.shape[1] == 1:
            return logits[:, 0]
        mine = ops.one_hot(choices, logits.shape[1], dtype="bool")
        own = ops.sum(ops.where(mine, logits, 0.0), axis=1)
        if self.trained.experiment.output_field.arrays["output"].independent:
            return own
        return own - ops.logsumexp(ops.where(mine, FORBIDDEN, logits), axis=1)

    def _attribute_rows(
        self,
        variables: list[Tensor],
        inputs: Tensors,
        entering: Tensors,
        baselines: Tensors,
        alphas: Tensor,
        steps: Tensor,
        choices: Tensor,
    ) -> tuple[Tensors, Tensor]:
        """Return each row's gradient times the way from the baseline, summed over the features, and its score.

        inputs, entering, baselines: of one example. alphas: (rows,), how far each row is from the baseline, 0 to 1.
        """
        rows = alphas.shape[0]
        inputs = {name: ops.repeat(one, rows, axis=0) for name, one in inputs.items()}

        def mix(entered: Tensor, baseline: Tensor) -> Tensor:
            return baseline + ops.reshape(alphas, (-1,) + (1,) * (len(entered.shape) - 1)) * (entered - baseline)

        def score(mixed: Tensors) -> Tensor:
            return self.score(self._follow(variables, inputs, mixed)["logits"], steps, choices)

        mixed = {name: mix(entered, baselines[name]) for name, entered in entering.items()}
        gradients = differentiate(lambda mixed: ops.sum(score(mixed)), mixed)
        ways = {name: entering[name] - baselines[name] for name in entering}
        summed = {name: ops.sum(gradients[name] * ways[name], axis=-1) for name in entering}
        return summed, score(mixed)

    def trace(self, inputs: Arrays) -> Arrays:
        """Return what `_follow` does for one example, as NumPy arrays without the batch axis."""
        variables = self.variables
        entering, inputs = self.enter(variables, to_tensors(inputs))
        found = self.follow(variables, inputs, entering)
        return {name: ops.convert_to_numpy(ops.cast(one, "float32"))[0] for name, one in found.items()}

    def attribute(
        self, inputs: Arrays, targets: Sequence[Target], *, points: Sequence[int] = POINTS, within: float = 0.005
    ) -> Attribution:
        """Return the contributions to targets by integrated gradients (Sundararajan et al. 2017, equation 1).

        The integral is a sum over the points of Gauss and Legendre: as many as `points` say, in turn, until all of a
        target's contributions add up to its score less that of the baseline, `within` a share of this difference, or
        more would take longer than MOST_STEPS.

        The baseline is vectors of zeros; of an image, white. inputs: a batch of one example.
        """
        variables = self.variables
        entered, inputs = self.enter(variables, to_tensors(inputs))
        entering = {name: ops.cast(one, "float32") for name, one in entered.items()}
        white = {name: float(len(one.shape) == 4) for name, one in entering.items()}
        baselines = {name: ops.full_like(one, white[name]) for name, one in entering.items()}
        # A convolution takes about as long for so many pixels as a recurrent layer for a step.
        steps = max(
            one.shape[1] if len(one.shape) == 3 else int(np.prod(one.shape[1:3])) // 40 for one in entering.values()
        )
        rows = int(np.clip(STEPS_AT_ONCE // steps, FEWEST_ROWS, MOST_ROWS))

        def run(alphas: np.ndarray, chosen: np.ndarray) -> tuple[Arrays, np.ndarray]:
            """Return what `_attribute_rows` does for any number of rows. chosen: the target of each."""
            parts = []
            for begin in range(0, len(alphas), rows):
                # The last rows are filled up: one shape, to be compiled once.
                some = np.resize(np.arange(begin, min(begin + rows, len(alphas))), rows)
                asked = [targets[place] for place in chosen[some]]
                parts.append(
                    self.attribute_rows(
                        variables,
                        inputs,
                        entering,
                        baselines,
                        ops.convert_to_tensor(alphas[some], dtype="float32"),
                        ops.convert_to_tensor([one.step for one in asked], dtype="int32"),
                        ops.convert_to_tensor([one.choice for one in asked], dtype="int32"),
                    )
                )
            summed = {
                name: np.concatenate([ops.convert_to_numpy(part[0][name]) for part in parts])[: len(alphas)]
                for name in entering
            }
            return summed, np.concatenate([ops.convert_to_numpy(part[1]) for part in parts])[: len(alphas)]

        count = len(targets)
        ends = run(np.repeat([0.0, 1.0], count), np.tile(np.arange(count), 2))[1]
        low, high = ends[:count].astype("float64"), ends[count:].astype("float64")
        found: Arrays = {}
        used, left = np.zeros(count, int), np.arange(count)
        for number in points:
            if number > points[0] and number * len(left) * steps > MOST_STEPS:
                break
            places, weights = np.polynomial.legendre.leggauss(number)
            summed, _ = run(np.tile((places + 1) / 2, len(left)), np.repeat(left, number))
            for name, one in summed.items():
                each = one.reshape(len(left), number, *one.shape[1:]).astype("float64")
                mean = np.tensordot(each, weights / 2, axes=([1], [0]))
                found.setdefault(name, np.zeros((count, *mean.shape[1:])))[left] = mean
            used[left] = number
            total = sum(one.reshape(count, -1).sum(axis=1) for one in found.values())
            wrong = np.abs(total - (high - low)) > within * np.maximum(np.abs(high - low), 0.1)
            left = np.flatnonzero(wrong)
            if not len(left):
                break
        return Attribution(found, high, low, used)


def unwrap(layer: keras.Layer) -> keras.Layer:
    """Return a recurrent layer itself, where it carries its states from batch to batch."""
    return layer.layer if isinstance(layer, Carry) else layer


def to_tensors(arrays: Arrays) -> Tensors:
    """Return arrays as the backend's own: under TensorFlow, Keras takes no mixture of both."""
    return {name: ops.convert_to_tensor(array) for name, array in arrays.items()}
