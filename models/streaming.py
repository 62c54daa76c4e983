"""Streaming: the step of a trained model, which keeps its hidden states from one call to the next.

    step = Step(model)                         # of a family, or its decoder; batch and time are 1 from now on
    answers = step({"words": ..., "mask": ...})
    step.reset()                               # before another sequence

The layers that treat every time step alone are those of the model. In place of each that looks at other steps stands a
twin that keeps what it needs of them, in variables of a size that does not grow:

    keras.layers.RNN    RecurrentStep       the hidden states
    Carry               CarriedStep         the hidden states
    Pool                RunningPool         the maximum, or the mean, so far
    AttentionPool       RunningAttention    the weighted mean so far, and the weight of all its steps
    BestPath            LastTag             the score of the best valid path to each tag
    CTCDecoder          Spell               the symbol before
    Subsample           SubsampleStep       the frame before

What the step answers is what the model answers to the sequence that ends there.
"""

from collections.abc import Mapping
from functools import singledispatch

import keras
import numpy as np
from keras import layers, ops

from models.backends.stateful_call import compile_call
from models.decoding.ctc import CertainBlank, CTCDecoder
from models.decoding.viterbi import BestPath, penalize
from models.layers.argmax import ArgMax
from models.layers.block import ResidualBlock
from models.layers.carry import Carry
from models.layers.dropout import Dropout
from models.layers.embedding import OneHot
from models.layers.locked_dropout import LockedDropout
from models.layers.mean_embedding import MeanEmbedding
from models.layers.ngrams import NGrams
from models.layers.pooling import LEAST, AttentionPool, Pool
from models.layers.random_changes import SpecAugment, VocalTractPerturbation
from models.layers.subsample import Subsample
from models.layers.suggestions import Suggest
from models.layers.tag_bias import FittedBias, TagBias
from models.layers.tied_embedding import Bias, TiedEmbedding
from models.layers.word_dropout import WordDropout
from models.recurrent import Reverse
from models.tensor import LayerArgument, Tensor

# What each time step goes through alone, in every family of models/: layers, and operations by the names of their
# classes, along an axis that is not that of time. Those of training do nothing here.
ALONE = (
    ArgMax,
    layers.InputLayer,
    layers.Embedding,
    layers.Dense,
    layers.Concatenate,
    layers.Dropout,
    layers.GaussianNoise,
    Dropout,
    LockedDropout,
    MeanEmbedding,
    layers.RMSNormalization,
    ResidualBlock,
    WordDropout,
    OneHot,
    CertainBlank,
    SpecAugment,
    VocalTractPerturbation,
    TiedEmbedding,
    Bias,
    Suggest,
    TagBias,
    FittedBias,
)
OPERATIONS = ("Argmax", "LogSoftmax", "Max", "Sigmoid", "Softmax", "Squeeze", "Tanh")


class NotCausalError(ValueError):
    """A model whose answer at a step depends on later steps, or on more than a state that is handed on."""


class RecurrentStep(layers.Layer):
    """The step of a recurrent layer's cell. layer: that layer, whose weights these are."""

    def __init__(self, layer: layers.RNN, **options: LayerArgument):
        super().__init__(**options)
        self.layer = layer

    def build(self, sequences_shape: tuple) -> None:
        first = self.layer.get_initial_state(1)
        self.nested = keras.tree.map_structure(lambda state: None, first)
        self.states = [
            self.add_weight(
                state.shape,
                lambda shape, dtype=None, state=state: ops.copy(state),
                dtype=self.compute_dtype,
                trainable=False,
                name=f"state_{number}",
            )
            for number, state in enumerate(keras.tree.flatten(first))
        ]

    def call(self, sequences: Tensor, initial_state: None = None, mask: None = None, training: bool = False) -> Tensor:
        """Return the hidden state, (1, 1, units). sequences: (1, 1, features). The others are those of the layer."""
        if initial_state is not None or mask is not None:
            raise NotCausalError(f"its layer {self.layer.name} begins with a state, or skips steps")
        before = keras.tree.pack_sequence_as(self.nested, [ops.convert_to_tensor(state) for state in self.states])
        output, after = self.layer.cell(sequences[:, 0], before)
        for state, value in zip(self.states, keras.tree.flatten(after), strict=True):
            state.assign(value)
        return ops.expand_dims(output, 1)


class CarriedStep(layers.Layer):
    """The step of a layer that carries its states: they go on until the step is reset. layer: that layer."""

    def __init__(self, layer: Carry, **options: LayerArgument):
        super().__init__(**options)
        self.step = RecurrentStep(layer.layer, dtype=layer.dtype_policy)

    def build(self, sequences_shape: tuple, mask_in_shape: tuple, continues_shape: tuple) -> None:
        self.step.build(sequences_shape)

    def call(self, sequences: Tensor, mask_in: Tensor, continues: Tensor) -> Tensor:
        """Return the hidden state, (1, 1, units). sequences: (1, 1, features)."""
        return self.step(sequences)


class RunningPool(layers.Layer):
    """`Pool` over the steps so far. kind: "last", "max", "mean" or "max+mean"."""

    def __init__(self, kind: str, **options: LayerArgument):
        super().__init__(**options)
        self.kind = kind

    def build(self, states_shape: tuple, mask_in_shape: tuple | None = None) -> None:
        units = states_shape[-1]
        float32 = {"trainable": False, "dtype": "float32"}
        self.highest = self.add_weight((1, units), keras.initializers.Constant(LEAST), name="highest", **float32)
        self.mean = self.add_weight((1, units), "zeros", name="mean", **float32)
        self.count = self.add_weight((1, 1), "zeros", name="count", **float32)

    def call(self, states: Tensor, mask_in: Tensor) -> Tensor:
        """Return (1, units), or (1, 2 units) for "max+mean". states: (1, 1, units)."""
        now = states[:, -1]
        if self.kind == "last":
            return now
        exact = ops.cast(now, "float32")
        pooled = []
        if "max" in self.kind:
            self.highest.assign(ops.maximum(self.highest, exact))
            pooled.append(ops.convert_to_tensor(self.highest))
        if "mean" in self.kind:
            self.count.assign(self.count + 1)
            # Not the sum: over a million steps it would lose digits.
            self.mean.assign(self.mean + (exact - self.mean) / self.count)
            pooled.append(ops.convert_to_tensor(self.mean))
        return ops.cast(ops.concatenate(pooled, axis=1), now.dtype)


class RunningAttention(layers.Layer):
    """`AttentionPool` over the steps so far. layer: that layer.

    Weights are relative to the greatest score so far: "Online normalizer calculation for softmax" (Milakov and
    Gimelshein 2018).
    """

    def __init__(self, layer: AttentionPool, **options: LayerArgument):
        super().__init__(**options)
        self.layer = layer

    def build(self, states_shape: tuple, mask_in_shape: tuple | None = None) -> None:
        float32 = {"trainable": False, "dtype": "float32"}
        self.highest = self.add_weight((1, 1), keras.initializers.Constant(LEAST), name="highest", **float32)
        self.mean = self.add_weight((1, states_shape[-1]), "zeros", name="mean", **float32)
        self.total = self.add_weight((1, 1), "zeros", name="total", **float32)

    def call(self, states: Tensor, mask_in: Tensor) -> Tensor:
        """Return (1, units). states: (1, 1, units)."""
        score = self.layer.score(states)
        highest = ops.maximum(self.highest, score)
        before, now = self.total * ops.exp(self.highest - highest), ops.exp(score - highest)
        self.highest.assign(highest)
        self.total.assign(before + now)
        self.mean.assign(self.mean + (ops.cast(states[:, -1], "float32") - self.mean) * now / (before + now))
        return ops.cast(self.mean, states.dtype)


class LastTag(layers.Layer):
    """The last tag of the best valid path of tags so far: `BestPath` of a sequence that ends here.

    Viterbi 1967, forward alone: what is kept is the score with which each tag could come next.
    """

    def __init__(self, allowed: list[list[bool]], **options: LayerArgument):
        super().__init__(**options)
        self.penalty = penalize(allowed)

    def build(self, scores_shape: tuple, mask_in_shape: tuple | None = None) -> None:
        self.arriving = self.add_weight(
            (1, scores_shape[-1]),
            lambda shape, dtype=None: ops.convert_to_tensor(self.penalty[:1]),
            trainable=False,
            name="arriving",
        )

    def call(self, scores: Tensor, mask_in: Tensor) -> Tensor:
        """Return the tag, (1, 1) of int32. scores: (1, 1, tags)."""
        best = self.arriving + scores[:, -1]
        # Only differences count, and sums would grow for as long as the stream goes on.
        best = best - ops.max(best, axis=1, keepdims=True)
        transitions = ops.convert_to_tensor(self.penalty[1:])
        self.arriving.assign(ops.max(ops.expand_dims(best, 2) + transitions, axis=1))
        return ops.expand_dims(ops.cast(ops.argmax(best, axis=1), "int32"), 1)


class Spell(layers.Layer):
    """The symbol that begins at a step, of a greedy `CTCDecoder`; `padding` where none does."""

    def __init__(self, blank: int, padding: int, **options: LayerArgument):
        super().__init__(**options)
        self.blank, self.padding = blank, padding

    def build(self, logits_shape: tuple) -> None:
        start = keras.initializers.Constant(self.blank)
        self.before = self.add_weight((1,), start, dtype="int32", trainable=False, name="before")

    def call(self, logits: Tensor) -> Tensor:
        """Return (1, 1) of int32. logits: (1, 1, symbols)."""
        best = ops.cast(ops.argmax(logits[:, -1], axis=1), "int32")
        same = ops.equal(best, ops.convert_to_tensor(self.before))
        self.before.assign(best)
        silent = ops.logical_or(ops.equal(best, self.blank), same)
        return ops.expand_dims(ops.where(silent, self.padding, best), 1)


class SubsampleStep(layers.Layer):
    """`Subsample` of an even number of frames, which follow those of the call before. convolution: that layer's."""

    def __init__(self, convolution: layers.Layer, **options: LayerArgument):
        super().__init__(**options)
        self.convolution = convolution

    def build(self, frames_shape: tuple, mask_in_shape: tuple | None = None) -> None:
        self.before = self.add_weight((1, 1, frames_shape[-1]), "zeros", trainable=False, name="before")

    def call(self, frames: Tensor, mask_in: Tensor) -> tuple[Tensor, Tensor]:
        """Return the steps, (1, time / 2, filters), and their mask; frames: (1, time, features)."""
        frames = ops.where(ops.expand_dims(mask_in, 2), frames, ops.zeros_like(frames))
        together = ops.concatenate([ops.cast(self.before, frames.dtype), frames], axis=1)
        self.before.assign(frames[:, -1:])
        return self.convolution(together), mask_in[:, ::2]


@singledispatch
def make_twin(layer: keras.Operation) -> keras.Operation:
    """Return what stands for a layer in the step: itself, or its twin; NotCausalError for one that has none."""
    if isinstance(layer, ALONE) or type(layer).__name__ in OPERATIONS:
        return layer
    # A spelling is within one word: its convolution is along the characters, not along time.
    if isinstance(layer, layers.Conv2D) and layer.kernel_size[0] == 1:
        return layer
    raise NotCausalError(f"its layer {layer.name} ({type(layer).__name__}) may look at other steps")


@make_twin.register
def _(layer: layers.RNN) -> layers.Layer:
    if layer.go_backwards or not layer.return_sequences:
        raise NotCausalError(f"its layer {layer.name} does not answer at each step")
    return RecurrentStep(layer, dtype=layer.dtype_policy)


@make_twin.register
def _(layer: Carry) -> layers.Layer:
    return CarriedStep(layer, dtype=layer.dtype_policy)


@make_twin.register
def _(layer: Reverse) -> layers.Layer:
    raise NotCausalError("it reads each sequence in both directions")


@make_twin.register
def _(layer: Pool) -> layers.Layer:
    if layer.bidirectional:
        raise NotCausalError("it reads each sequence in both directions")
    return RunningPool(layer.kind, dtype=layer.dtype_policy, name=layer.name)


@make_twin.register
def _(layer: AttentionPool) -> layers.Layer:
    return RunningAttention(layer, dtype=layer.dtype_policy, name=layer.name)


@make_twin.register
def _(layer: NGrams) -> layers.Layer:
    raise NotCausalError("its n-grams are counted in the whole text; train without --ngrams")


@make_twin.register
def _(layer: BestPath) -> layers.Layer:
    if layer.allowed is None:
        raise NotCausalError("the best path of tags depends on later ones")
    return LastTag(layer.allowed, dtype="float32")


@make_twin.register
def _(layer: CTCDecoder) -> layers.Layer:
    if layer.width:
        raise NotCausalError("a beam search may change what it has written")
    return Spell(layer.blank, layer.padding, dtype="float32")


@make_twin.register
def _(layer: Subsample) -> layers.Layer:
    return SubsampleStep(layer.convolution, dtype=layer.dtype_policy, name=layer.name)


class Step:
    """One step of a model, for one sequence.

    model: from arrays by name to one or more tensors, as models/family.py says.
    width: time steps of the input per step of the model; above 1 where it is subsampled.
    Raises NotCausalError for a model that cannot answer step by step.
    """

    def __init__(self, model: keras.Model):
        self.width = 2 ** sum(isinstance(layer, Subsample) for layer in model.layers)
        self.inputs = {
            name: keras.Input(batch_shape=self._fix_shape(tensor.shape), dtype=tensor.dtype, name=name)
            for name, tensor in model.input.items()
        }
        twin = keras.models.clone_model(model, input_tensors=self.inputs, clone_function=make_twin)
        self._call = compile_call(twin)

    def _fix_shape(self, shape: tuple) -> tuple:
        timed = len(shape) > 1 and shape[1] is None
        return (1, self.width, *shape[2:]) if timed else (1, *shape[1:])

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the answers of the next step, by name as those of the model, each of batch 1.

        arrays: each (1, width, ...), or (1, ...) without a time axis.
        """
        return self._call({name: arrays[name] for name in self.inputs})

    def reset(self) -> None:
        """Forget all steps: another sequence begins."""
        self._call.reset()

    def read_states(self) -> list:
        """Return the states after the last step; a call of `restore_states` goes on from there."""
        return self._call.read_states()

    def restore_states(self, states: list) -> None:
        """Go on from states that `read_states` returned."""
        self._call.restore_states(states)
