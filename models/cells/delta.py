"""Delta: a state that is a matrix, an associative memory in which a key's old value is replaced by the new one.

With keys k, values v and queries q of length 1, 1 and so on, all from the input, one head holds a matrix S:

    S_t = a_t S_{t-1} + k_t (b_t (v_t - a_t S_{t-1}^T k_t))^T        o_t = S_t^T q_t

The second term is the delta rule (Widrow and Hoff 1960; Schlag et al. 2021): what the memory answers to k_t is taken
out, as far as b_t says, and v_t is put in. The state is linear in the one before, so the steps need not be taken one by
one. Within a chunk of steps all that is put in follows from one triangular system (the WY form; Yang et al. 2024,
equations 8 to 11): with g_t the product of all a up to step t of the chunk, and row t of K, V, Q the vectors of step t,

    A_ts = b_t (g_t / g_s) k_t . k_s  for s < t, else 0        T = (I + A)^-1
    U = T (b V)       W = T (b g K)       D = U - W S
    O = (g Q) S + (Q K^T . (g_t / g_s)) D                      S' = g_C S + ((g_C / g) K)^T D

where S is the state before the chunk (Yang et al. 2025, section 3.3). So only one product per chunk waits for another.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from models.cells.chrono import draw_uniform
from models.cells.linear_rnn import stretch
from models.cells.parallel_rnn import ParallelCell, ParallelRNN, scan
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

# Steps of a chunk: a power of 2. A longer one has more work in the triangle, a shorter one more that waits.
CHUNK = 32
# Inputs that the convolution sees: this step's, and those of three before it.
WIDTH = 4


def invert(lower: Tensor) -> Tensor:
    """Return (I + A)^-1 of A, (..., CHUNK, CHUNK), which is 0 on the diagonal and above it.

    The inverse of blocks of 1, 2, 4 and so on along the diagonal, two of them made into one of twice the size:

        [P 0; R Q]^-1 = [P^-1 0; -Q^-1 R P^-1 Q^-1]

    All are as exact as forward substitution; the series I - A + A^2 - ... is shorter, and loses all digits where many
    keys are alike. Products alone, so that every backend and every exported format has them.
    """
    # The derivative of the inverse T is -T dA T; that of the blocks would keep all of them.
    fixed = ops.stop_gradient(lower)
    rows = np.arange(CHUNK)
    inverse = ops.broadcast_to(ops.eye(CHUNK, dtype="float32"), ops.shape(lower))
    size = 1
    while size < CHUNK:
        below = (rows[:, None] // size % 2 == 1) & (rows[:, None] // size - rows[None] // size == 1)
        block = fixed * ops.convert_to_tensor(below.astype("float32"))
        inverse = inverse - ops.matmul(inverse, ops.matmul(block, inverse))
        size *= 2
    inverse = ops.stop_gradient(inverse)
    return inverse - ops.matmul(inverse, ops.matmul(lower - fixed, inverse))


def silu(numbers: Tensor) -> Tensor:
    """Return x sigmoid(x); not by ops.silu, whose gradient TensorFlow cannot save in a model for LiteRT."""
    return numbers * ops.sigmoid(numbers)


def normalise(vectors: Tensor) -> Tensor:
    """Return vectors, (..., size), of length 1."""
    return vectors * ops.rsqrt(ops.sum(vectors * vectors, axis=-1, keepdims=True) + 1e-6)


@keras.saving.register_keras_serializable(PACKAGE)
class DeltaCell(ParallelCell):
    """See `Delta`. States: the matrices of all heads, flat, and the last inputs of the convolution, flat."""

    def __init__(self, units: int, heads: int = 4, gates: bool = True, signed: bool = False, **options: LayerArgument):
        super().__init__(units, **options)
        self.heads, self.gates, self.signed = heads, gates, signed
        # The heads together are as wide as there are units, or a little wider.
        self.size = -(-units // heads)
        self.width = heads * self.size
        self.state_size = [self.width * self.size, (WIDTH - 1) * 3 * self.width]

    def build(self, inputs_shape: tuple) -> None:
        width, heads = self.width, self.heads
        # Queries, keys, values; how much is replaced; with gates how much is kept, and the gate of the output.
        self.parts = [3 * width, heads, *([heads, width] if self.gates else [])]
        self.kernel = self.add_weight((inputs_shape[-1], sum(self.parts)), "glorot_uniform", name="kernel")
        bound = WIDTH**-0.5
        self.convolution = self.add_weight(
            (WIDTH, 3 * width), lambda shape, dtype=None: draw_uniform(shape, -bound, bound), name="convolution"
        )
        if self.gates:
            self.rate = self.add_weight(
                (heads,), lambda shape, dtype=None: ops.log(draw_uniform(shape, 1.0, 16.0)), name="decay_rate"
            )
            self.bias = self.add_weight((heads,), self.draw_steps, name="decay_bias")
        self.scale = self.add_weight((self.size,), "ones", name="scale")
        self.out = self.add_weight((width, self.units), "glorot_uniform", name="output_kernel")

    def draw_steps(self, shape: tuple, dtype: str | None = None) -> Tensor:
        """Return numbers whose softplus is between 0.001 and 0.1, evenly in the logarithm (Gu and Dao 2023)."""
        step = ops.exp(draw_uniform(shape, math.log(1e-3), math.log(1e-1)))
        return step + ops.log(-ops.expm1(-step))

    def project(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Return what enters the convolution, log a, b and the gate of the output; inputs: (..., features).

        (..., 3 width), (..., heads), (..., heads), (..., width), the second and third in float32.
        """
        mixed, replaced, *gates = ops.split(ops.matmul(inputs, self.kernel), np.cumsum(self.parts)[:-1].tolist(), -1)
        replaced = ops.sigmoid(ops.cast(replaced, "float32"))
        if self.signed:
            replaced = 2 * stretch(replaced)
        if not self.gates:
            return mixed, ops.zeros_like(replaced), replaced, None
        kept, gate = gates
        rate, bias = ops.cast(self.rate, "float32"), ops.cast(self.bias, "float32")
        return mixed, -ops.exp(rate) * ops.softplus(ops.cast(kept, "float32") + bias), replaced, gate

    def divide(self, mixed: Tensor) -> list[Tensor]:
        """Return queries, keys and values, each (..., heads, size) of float32; mixed: (..., 3 width)."""
        mixed = ops.cast(silu(mixed), "float32")
        shape = (*ops.shape(mixed)[:-1], 3, self.heads, self.size)
        query, key, value = (ops.squeeze(one, -3) for one in ops.split(ops.reshape(mixed, shape), 3, axis=-3))
        return [normalise(query) * self.size**-0.5, normalise(key), value]

    def finish(self, read: Tensor, gate: Tensor | None) -> Tensor:
        """Return the outputs, (..., units), of what the heads have read, (..., heads, size) of float32."""
        read = read * ops.rsqrt(ops.mean(read * read, axis=-1, keepdims=True) + 1e-5)
        read = ops.cast(read * ops.cast(self.scale, "float32"), self.compute_dtype)
        flat = ops.reshape(read, (*ops.shape(read)[:-2], self.width))
        return ops.matmul(flat if gate is None else flat * silu(gate), self.out)

    def call(self, inputs: Tensor, states: list[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        matrix, before = states
        mixed, decay, replaced, gate = self.project(inputs)
        seen = ops.concatenate([before, ops.cast(mixed, before.dtype)], axis=-1)
        window = ops.reshape(seen, (-1, WIDTH, 3 * self.width))
        query, key, value = self.divide(ops.sum(window * self.convolution, axis=1))
        matrix = ops.cast(ops.reshape(matrix, (-1, self.heads, self.size, self.size)), "float32")
        matrix = matrix * ops.exp(decay)[..., None, None]
        known = ops.sum(matrix * key[..., None], axis=-2)
        matrix = matrix + key[..., None] * (replaced[..., None] * (value - known))[..., None, :]
        output = self.finish(ops.sum(matrix * query[..., None], axis=-2), gate)
        flat = ops.reshape(ops.cast(matrix, self.compute_dtype), (-1, self.state_size[0]))
        return output, [flat, seen[:, 3 * self.width :]]

    def call_sequence(self, sequences: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        steps = ops.shape(sequences)[1]
        matrix, before = states
        mixed, decay, replaced, gate = self.project(sequences)
        before = ops.cast(ops.reshape(before, (-1, WIDTH - 1, 3 * self.width)), mixed.dtype)
        seen = ops.concatenate([before, mixed], axis=1)
        mixed = sum(seen[:, place : place + steps] * self.convolution[place] for place in range(WIDTH))
        read, last = self.run_chunks(
            *self.divide(mixed),
            decay=decay,
            replaced=replaced,
            first=ops.cast(ops.reshape(matrix, (-1, self.heads, self.size, self.size)), "float32"),
        )
        flat = ops.reshape(ops.cast(last, self.compute_dtype), (-1, self.state_size[0]))
        window = ops.reshape(seen[:, steps:], (-1, self.state_size[1]))
        return self.finish(read, gate), [flat, window]

    def run_chunks(
        self, query: Tensor, key: Tensor, value: Tensor, *, decay: Tensor, replaced: Tensor, first: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return what is read at all steps, (batch, time, heads, size), and the matrices after the last.

        query, key, value: (batch, time, heads, size). decay: log a. replaced: b, both (batch, time, heads). first: the
        matrices before the first step, (batch, heads, size, size). See the equations above.
        """
        batch, steps = ops.shape(query)[:2]
        count = (steps + CHUNK - 1) // CHUNK
        more = count * CHUNK - steps

        def cut(numbers: Tensor) -> Tensor:
            """Return (chunks, batch, heads, CHUNK, size); steps beyond the last are 0, and change nothing."""
            rest = ops.zeros((batch, more, *numbers.shape[2:]), "float32")
            numbers = ops.concatenate([numbers, rest], axis=1)
            numbers = ops.reshape(numbers, (batch, count, CHUNK, self.heads, numbers.shape[-1]))
            return ops.transpose(numbers, (1, 0, 3, 2, 4))

        query, key, value = cut(query), cut(key), cut(value)
        decay, replaced = cut(decay[..., None]), cut(replaced[..., None])
        triangle = np.tril(np.ones((CHUNK, CHUNK), "float32"))
        # log g, (..., CHUNK, 1), by a product: see cumulative_sum in parallel_rnn.py.
        total = ops.matmul(ops.convert_to_tensor(triangle), decay)
        apart = total - ops.swapaxes(total, -1, -2)
        # What a later step would keep of an earlier one, backwards in time, may be beyond all numbers.
        kept = ops.exp(ops.where(triangle > 0, apart, -1e9))
        turned = ops.swapaxes(key, -1, -2)
        strict = ops.convert_to_tensor(np.tril(triangle, -1))
        inverse = invert(ops.matmul(key * replaced, turned) * kept * strict)
        put_in = ops.matmul(inverse, value * replaced)
        asked = ops.matmul(inverse, key * replaced * ops.exp(total))
        end = total[..., -1:, :]
        left = ops.swapaxes(key * ops.exp(end - total), -1, -2)
        end = ops.exp(end)

        def step(state: Tensor, now: tuple) -> Tensor:
            put_in, asked, left, end = now
            return end * state + ops.matmul(left, put_in - ops.matmul(asked, state))

        after = scan(step, first, sequences=(put_in, asked, left, end))
        states = ops.concatenate([first[None], after[:-1]], axis=0)
        within = ops.matmul(query, turned) * kept
        read = ops.matmul(query * ops.exp(total), states) + ops.matmul(within, put_in - ops.matmul(asked, states))
        read = ops.reshape(ops.transpose(read, (1, 0, 3, 2, 4)), (batch, count * CHUNK, self.heads, self.size))
        return read[:, :steps], after[-1]

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("chrono")
        return {**config, "heads": self.heads, "gates": self.gates, "signed": self.signed}


@keras.saving.register_keras_serializable(PACKAGE)
class Delta(ParallelRNN):
    """Gated DeltaNet (Yang, Kautz and Hatamizadeh 2025, section 3); without gates DeltaNet (Yang et al. 2024).

    heads: matrices, of about units / heads rows and columns each. gates: whether the memory decays, and the output is
    gated. signed: b is up to 2 in place of 1, so that a step may turn round what the memory has for a key, and count
    modulo 2 (Grazzi et al. 2024, arXiv 2411.12537); it is stretched as a signed gate is, see linear_rnn.py.

    In order, with * a convolution over this step and the three before it, each number by itself:

        q, k, v = silu(conv * (x W_qkv))       q and k then of length 1, q divided by the root of its size
        b = sigmoid(x W_b)                     a = exp(-exp(A) softplus(x W_a + c)), or 1 without gates
        S, o                                   see above
        h = (rms(o) . silu(x W_g)) W_o         rms: each head divided by its root mean square; without gates rms(o) W_o

    A, c and the convolution begin as in the papers' code (Mamba, Gu and Dao 2023): memories of about one to a thousand
    steps. The papers stack it in blocks with a norm, a residual and an MLP.
    """

    def __init__(self, units: int, heads: int = 4, gates: bool = True, signed: bool = False, **options: LayerArgument):
        cell = DeltaCell(units, heads, gates, signed, dtype=options.get("dtype"), name="cell")
        layers.RNN.__init__(self, cell, **options)

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("chrono")
        return {**config, "heads": self.cell.heads, "gates": self.cell.gates, "signed": self.cell.signed}
