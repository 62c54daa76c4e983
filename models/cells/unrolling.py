"""Any cell over time, given the projected inputs of all steps: what is left inside the loop."""

from collections.abc import Callable, Sequence

from keras import ops

from models import backends
from models.cells.parallel_rnn import scan
from models.tensor import Tensor


def multiply(hidden: Tensor, kernel: Tensor, dropped: Tensor | None) -> Tensor:
    """Return h U, (batch, gates x units). dropped: what h is multiplied with first, (1 or gates, batch, units)."""
    if dropped is None:
        return ops.matmul(hidden, kernel)
    if dropped.shape[0] == 1:
        return ops.matmul(hidden * dropped[0], kernel)
    parts = ops.split(kernel, dropped.shape[0], axis=1)
    return ops.concatenate([ops.matmul(hidden * dropped[gate], part) for gate, part in enumerate(parts)], axis=1)


def unroll(
    advance: Callable[..., Sequence[Tensor]],
    projected: Tensor,
    *,
    initial: Sequence[Tensor],
    kernel: Tensor,
    vectors: Sequence[Tensor],
    mask: Tensor | None = None,
    dropped: Tensor | None = None,
    zones: Sequence[Tensor] | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """Return the hidden states h of a cell at all steps, (batch, time, units), and the states after the last step.

    The hidden state is the first of the states.

    advance: (projected, h_{t-1} U, states, vectors) -> the states after a step; it closes over nothing. projected:
    (time, batch, gates x units). initial: the states before the first step, each (batch, units). kernel: U, (units,
    gates x units). vectors: the other weights of a step. mask: (time, batch, 1) of bool, or None: where it is false,
    the states stay as they were. dropped: what h is multiplied with before U, (1, batch, units), or (gates, batch,
    units): one for each gate. zones: for each state how much of it stays as it was, (time, batch, units) of bool or of
    float32.
    """
    zones = None if zones is None else tuple(ops.cast(zone, projected.dtype) for zone in zones)
    constants = mask, dropped, zones
    weights = kernel, tuple(vectors)
    found = backends.unroll(advance, projected, constants, tuple(initial), weights)
    if found is not None:
        return ops.swapaxes(found[0], 0, 1), list(found[1])
    along = [projected, *([] if mask is None else [mask]), *(zones or [])]

    def step(states: tuple, now: Sequence[Tensor]) -> tuple:
        x, *more = now
        new = advance(x, multiply(states[0], kernel, dropped), states, vectors)
        pairs = list(zip(new, states, strict=True))
        if zones is not None:
            kept = more[-len(pairs) :]
            new = [one + stays * (old - one) for stays, (one, old) in zip(kept, pairs, strict=True)]
        if mask is not None:
            new = [ops.where(more[0], one, old) for one, old in zip(new, states, strict=True)]
        return tuple(new)

    states = scan(step, tuple(initial), tuple(along))
    return ops.swapaxes(states[0], 0, 1), [every[-1] for every in states]


def project_all(sequences: Tensor, project: Callable[[Tensor], Tensor]) -> Tensor:
    """Return what `project` makes of the inputs of all steps, (time, batch, ...). sequences: (batch, time, features).

    project: from (n, features).
    """
    batch, steps = ops.shape(sequences)[:2]
    # Time-major first, then one flat product: its gradient takes half as long as that of a product of three axes.
    projected = project(ops.reshape(ops.swapaxes(sequences, 0, 1), (-1, sequences.shape[2])))
    return ops.reshape(projected, (steps, batch, projected.shape[-1]))


def advance_simple(projected: Tensor, product: Tensor, states: Sequence[Tensor], vectors: Sequence[Tensor]) -> tuple:
    return (ops.tanh(projected + product),)


def advance_relu(projected: Tensor, product: Tensor, states: Sequence[Tensor], vectors: Sequence[Tensor]) -> tuple:
    return (ops.relu(projected + product),)


def advance_lstm(projected: Tensor, product: Tensor, states: Sequence[Tensor], vectors: Sequence[Tensor]) -> tuple:
    i, f, g, o = ops.split(projected + product, 4, axis=-1)
    c = ops.sigmoid(f) * states[1] + ops.sigmoid(i) * ops.tanh(g)
    return ops.sigmoid(o) * ops.tanh(c), c


def advance_gru(projected: Tensor, product: Tensor, states: Sequence[Tensor], vectors: Sequence[Tensor]) -> tuple:
    x_z, x_r, x_g = ops.split(projected, 3, axis=-1)
    h_z, h_r, h_g = ops.split(product + vectors[0], 3, axis=-1)
    z, g = ops.sigmoid(x_z + h_z), ops.tanh(x_g + ops.sigmoid(x_r + h_r) * h_g)
    return (z * states[0] + (1 - z) * g,)


USUAL = {"simple": advance_simple, "relu": advance_relu, "lstm": advance_lstm, "gru": advance_gru}


def run_usual(
    kind: str,
    sequences: Tensor,
    *,
    initial: list[Tensor],
    weights: list[Tensor],
    mask: Tensor | None,
    dropped: Tensor | None,
    zones: list[Tensor] | None,
) -> tuple[Tensor, list[Tensor]]:
    """Return what `models.backends.run` does, where the backend has no loop of its own with zoneout."""
    kernel, recurrent, bias, bias_within = weights
    return unroll(
        USUAL[kind],
        project_all(sequences, lambda inputs: ops.matmul(inputs, kernel) + bias),
        initial=initial,
        kernel=recurrent,
        vectors=[bias_within],
        mask=None if mask is None else ops.expand_dims(ops.swapaxes(ops.cast(mask, "bool"), 0, 1), 2),
        dropped=dropped,
        zones=zones,
    )
