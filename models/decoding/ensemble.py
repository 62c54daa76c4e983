"""Ensemble: several models that write one sequence together."""

from collections.abc import Sequence
from itertools import accumulate

import keras
from keras import layers, ops

from models.layers.decoder import Decoder
from models.tensor import Tensor


class DecoderEnsemble(layers.Layer):
    """Several decoders as one, for the searches of models/decoding: each symbol is chosen by all of them.

    The logits are the mean of the log-probabilities that the decoders give to each symbol: once they are normalised,
    the geometric mean of their probabilities.

    members: they have the same symbols. contexts, memories: how many features of what it is given each of them has.
    """

    def __init__(
        self, members: Sequence[Decoder], *, contexts: Sequence[int], memories: Sequence[int], name: str | None = None
    ):
        super().__init__(name=name)
        self.members, self.size = list(members), members[0].size
        self.contexts, self.memories = list(contexts), list(memories)
        # Whether there is any attention; see `Decoder`.
        self.attend = [member.attend for member in members if member.attend]

    def call(
        self,
        previous: Tensor,
        context: Tensor,
        encoder_states: Tensor | None = None,
        mask_in: Tensor | None = None,
    ) -> Tensor:
        """Return logits, (batch, time, size). context, encoder_states: those of all members side by side."""
        parts = zip(self.members, divide(context, self.contexts), self._divide_memory(encoder_states), strict=True)
        return self._mean([member(previous, *given, mask_in) for member, *given in parts])

    def make_first_states(self, context: Tensor) -> list:
        """Return those of every member, one after the other."""
        given = divide(context, self.contexts)
        return [member.make_first_states(part) for member, part in zip(self.members, given, strict=True)]

    def prepare_attention(self, encoder_states: Tensor | None, mask_in: Tensor | None = None) -> dict[str, Tensor]:
        """Return what `step` needs of the encoder states; what all members share has the name that `Decoder` gives."""
        if not self.attend:
            return {}
        parts = self._divide_memory(encoder_states)
        found: dict[str, Tensor] = {"encoder_states": encoder_states, "mask_in": mask_in}
        for number, (member, part) in enumerate(zip(self.members, parts, strict=True)):
            own = member.prepare_attention(part, mask_in)
            found |= {f"{name}_{number}": array for name, array in own.items() if name != "mask_in"}
        return found

    def step(
        self, symbol: Tensor, states: list, prepared: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, list, Tensor]:
        """Return logits, the states after the symbol, and the mean attention of those that attend."""
        every, after, looked = [], [], []
        for number, (member, own) in enumerate(zip(self.members, states, strict=True)):
            needed = {}
            if prepared and member.attend:
                needed = {name: prepared[f"{name}_{number}"] for name in ("encoder_states", "keys")}
                needed["mask_in"] = prepared["mask_in"]
            logits, later, weights = member.step(symbol, own, needed)
            every.append(logits)
            after.append(later)
            if needed or not self.attend:
                looked.append(weights)
        return self._mean(every), after, sum(looked) / len(looked)

    def compute_output_spec(self, previous: Tensor, *others: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor((*previous.shape, self.size), "float32")

    def _divide_memory(self, encoder_states: Tensor | None) -> list[Tensor]:
        if encoder_states is None:
            return [None] * len(self.members)
        return divide(encoder_states, self.memories)

    def _mean(self, every: Sequence[Tensor]) -> Tensor:
        return sum(ops.log_softmax(ops.cast(logits, "float32"), axis=-1) for logits in every) / len(every)


def divide(features: Tensor, widths: Sequence[int]) -> list[Tensor]:
    """Return the parts of (..., features), as wide as `widths` say."""
    return [features[..., end - width : end] for end, width in zip(accumulate(widths), widths, strict=True)]


def list_read(model: keras.Model) -> dict[str, Tensor]:
    """Return the inputs that a model which writes reads, by name; a seed to begin with is for sampling only."""
    return {name: tensor for name, tensor in model.input.items() if name not in ("previous", "seed")}


def combine_writers(models: Sequence[keras.Model]) -> keras.Model:
    """Return models that write, of one family and the same fields, as one; see models/layers/autoregressive.py.

    Its layers "context", "memory" and "decoder" are those of all, so that it is decoded as each of them is.
    """
    inputs = {name: keras.Input(one.shape[1:], dtype=one.dtype, name=name) for name, one in models[0].input.items()}
    contexts, memories = [], []
    for number, model in enumerate(models):
        read = list_read(model)
        # What no decoder attends to has no features here.
        attends = bool(model.get_layer("decoder").attend)
        outputs = [model.get_layer(name).output for name in ("context", *(["memory"] if attends else []))]
        # Layers of one model have names of their own.
        found = keras.Model(read, outputs, name=f"member_{number}")({name: inputs[name] for name in read})
        contexts.append(found[0])
        memories.append(found[1] if attends else None)
    widths = [0 if one is None else one.shape[-1] for one in memories]
    decoder = DecoderEnsemble(
        [model.get_layer("decoder") for model in models],
        contexts=[one.shape[-1] for one in contexts],
        memories=widths,
        name="decoder",
    )
    context = layers.Concatenate(name="context")(contexts)
    attended = [one for one in memories if one is not None]
    memory = None
    if attended:
        memory = (
            layers.Concatenate(name="memory")(attended)
            if len(attended) > 1
            else layers.Identity(name="memory")(*attended)
        )
    logits = decoder(inputs["previous"], context, memory, None if memory is None else inputs.get("mask"))
    return keras.Model(inputs, logits, name="ensemble")
