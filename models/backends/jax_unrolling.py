"""Any cell over time on JAX, given the projected inputs of all steps: see models/cells/unrolling.py, its portable twin.

What is differentiated at a step is the cell's own part, `advance`, by JAX. The product with the recurrent kernel has
its gradient by hand, as in jax_loops.py: one product after the backward loop, where JAX would add to the gradient of
the kernel at every step.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from models.tensor import Tensor

Arrays = tuple[Tensor, ...]


def multiply(hidden: Tensor, kernel: Tensor, dropped: Tensor | None) -> Tensor:
    """Return h U, (batch, gates x units). dropped: what h is multiplied with first, (1 or gates, batch, units)."""
    if dropped is None:
        return hidden @ kernel
    if dropped.shape[0] == 1:
        return (hidden * dropped[0]) @ kernel
    parts = zip(dropped, jnp.split(kernel, dropped.shape[0], axis=1), strict=True)
    return jnp.concatenate([(hidden * one) @ part for one, part in parts], axis=1)


def multiply_back(gradient: Tensor, kernel: Tensor, dropped: Tensor | None) -> Tensor:
    """Return the gradient of h, (batch, units), from that of h U."""
    if dropped is None:
        return gradient @ kernel.T
    if dropped.shape[0] == 1:
        return (gradient @ kernel.T) * dropped[0]
    count = dropped.shape[0]
    parts = zip(dropped, jnp.split(gradient, count, axis=1), jnp.split(kernel, count, axis=1), strict=True)
    return sum((one @ part.T) * mask for mask, one, part in parts)


def differentiate_kernel(hidden: Tensor, gradients: Tensor, dropped: Tensor | None) -> Tensor:
    """Return the gradient of U. hidden: h before each step, (time, batch, units). gradients: those of h U."""

    def product(before: Tensor, after: Tensor) -> Tensor:
        return before.reshape(-1, before.shape[-1]).T @ after.reshape(-1, after.shape[-1])

    if dropped is None:
        return product(hidden, gradients)
    parts = zip(dropped, jnp.split(gradients, dropped.shape[0], axis=2), strict=True)
    return jnp.concatenate([product(hidden * one, part) for one, part in parts], axis=1)


def _forward(
    advance: Callable, projected: Tensor, constants: tuple, initial: Arrays, weights: tuple, *, keep: bool
) -> tuple[tuple[Tensor, Arrays], Tensor]:
    """Return what `unroll` does, and with `keep` the states before each step and h U at all steps."""
    (mask, dropped, zones), (kernel, vectors) = constants, weights

    def step(states: Arrays, now: tuple) -> tuple:
        x, inside, zone = now
        product = multiply(states[0], kernel, dropped)
        new = advance(x, product, states, vectors)
        if zone is not None:
            new = tuple(one + kept * (old - one) for kept, one, old in zip(zone, new, states, strict=True))
        if inside is not None:
            new = tuple(jnp.where(inside, one, old) for one, old in zip(new, states, strict=True))
        return tuple(new), (new[0], (states, product) if keep else None)

    hidden: Tensor
    kept: Tensor
    last, (hidden, kept) = lax.scan(step, initial, (projected, mask, zones))
    return (hidden, last), kept


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def unroll(
    advance: Callable, projected: Tensor, constants: tuple, initial: Arrays, weights: tuple
) -> tuple[Tensor, Arrays]:
    """Return the hidden states at all steps, (time, batch, units), and the states after the last step.

    constants: mask, dropped and zones. weights: the recurrent kernel, and the vectors. See there. All by position: so
    jax.custom_vjp takes them.
    """
    return _forward(advance, projected, constants, initial, weights, keep=False)[0]


def _unroll_forward(
    advance: Callable, projected: Tensor, constants: tuple, initial: Arrays, weights: tuple
) -> tuple[tuple[Tensor, Arrays], tuple]:
    found, kept = _forward(advance, projected, constants, initial, weights, keep=True)
    return found, (projected, constants, weights, kept)


def _unroll_backward(advance: Callable, saved: tuple, gradients: tuple[Tensor, Arrays]) -> tuple:
    projected, (mask, dropped, zones), (kernel, vectors), (old, products) = saved
    outputs, last = gradients

    def retreat(carried: tuple, now: tuple) -> tuple:
        (hidden, *rest), totals = carried
        given, x, product, before, inside, zone = now
        # What reaches the new states, and what goes past them to the old ones.
        new, past = [hidden + given, *rest], [jnp.zeros_like(hidden), *map(jnp.zeros_like, rest)]
        if inside is not None:
            past = [jnp.where(inside, 0, one) for one in new]
            new = [jnp.where(inside, one, 0) for one in new]
        if zone is not None:
            past = [one + kept * other for one, other, kept in zip(past, new, zone, strict=True)]
            new = [(1 - kept) * one for kept, one in zip(zone, new, strict=True)]
        # The step is computed again: to keep all that its gradient needs takes longer.
        _, pull = jax.vjp(lambda *arguments: tuple(advance(*arguments)), x, product, before, vectors)
        dx, dproduct, dbefore, dvectors = pull(tuple(new))
        after = [one + other for one, other in zip(dbefore, past, strict=True)]
        after[0] = after[0] + multiply_back(dproduct, kernel, dropped)
        totals = tuple(one + other for one, other in zip(totals, dvectors, strict=True))
        return (tuple(after), totals), (dx, dproduct)

    along = outputs, projected, products, old, mask, zones
    dx: Tensor
    dproducts: Tensor
    nothing = tuple(jnp.zeros_like(one) for one in vectors)
    (first, totals), (dx, dproducts) = lax.scan(retreat, (last, nothing), along, reverse=True)
    return dx, None, first, (differentiate_kernel(old[0], dproducts, dropped), totals)


unroll.defvjp(_unroll_forward, _unroll_backward)
