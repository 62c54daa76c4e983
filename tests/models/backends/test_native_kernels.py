"""The native kernels against lax.scan of the cells' steps and JAX's own gradient of it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax")
if os.environ.get("KERAS_BACKEND", "jax") != "jax":
    pytest.skip("the kernels are called from JAX", allow_module_level=True)

import jax.numpy as jnp  # noqa: E402

from models.backends import jax_loops, jax_native, kernels, native_kernels  # noqa: E402
from pipeline.cache import folder  # noqa: E402
from tests.models import skip_uncompiled  # noqa: E402

ROOT = Path(__file__).parents[3]
if not kernels.switch(True, folder() / "kernels", print):
    skip_uncompiled("the native kernels cannot be compiled")


def simple(x, states, recurrent):
    return (jnp.tanh(x + states[0] @ recurrent[0]),)


def lstm(x, states, recurrent):
    i, f, g, o = jnp.split(x + states[0] @ recurrent[0], 4, axis=-1)
    c = jax.nn.sigmoid(f) * states[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru(x, states, recurrent):
    x_z, x_r, x_g = jnp.split(x, 3, axis=-1)
    h_z, h_r, h_g = jnp.split(states[0] @ recurrent[0] + recurrent[1], 3, axis=-1)
    z, r = jax.nn.sigmoid(x_z + h_z), jax.nn.sigmoid(x_r + h_r)
    return (z * states[0] + (1 - z) * jnp.tanh(x_g + r * h_g),)


def relu(x, states, recurrent):
    return (jax.nn.relu(x + states[0] @ recurrent[0]),)


STEPS = {"simple": simple, "relu": relu, "lstm": lstm, "gru": gru}
GATES = {"simple": 1, "relu": 1, "lstm": 4, "gru": 3}


def scan(cell, x, mask, initial, recurrent):
    def body(states, now):
        new = STEPS[cell](now[0], states, recurrent)
        new = tuple(n if mask is None else jnp.where(now[1], n, s) for n, s in zip(new, states, strict=True))
        return new, new

    return jax.lax.scan(body, initial, (x, mask))


class Dropped:
    """A kernel each of whose gates sees another part of the hidden state: h @ this."""

    def __init__(self, kernel, dropped):
        self.parts = list(zip(jnp.split(kernel, len(dropped), axis=1), dropped, strict=True))

    def __rmatmul__(self, h):
        return jnp.concatenate([(h * seen) @ part for part, seen in self.parts], axis=1)


def scan_noisy(cell, x, mask, initial, recurrent, noise):
    """`scan` with recurrent dropout and zoneout."""
    dropped, zones = noise

    def body(states, now):
        new = STEPS[cell](now[0], states, (Dropped(recurrent[0], dropped), *recurrent[1:]))
        mixed = [k * s + (1 - k) * n for k, n, s in zip(now[2], new, states, strict=True)]
        new = tuple(jnp.where(now[1], n, s) for n, s in zip(mixed, states, strict=True))
        return new, new

    last, states = jax.lax.scan(body, initial, (x, mask, zones))
    return last, states[0]


def native(cell, x, mask, initial, recurrent):
    """The same results as `scan`, and its gradient from the kernels: for jax.vjp."""

    def run(x, initial, recurrent, keep):
        states, kept = jax_native.forward(cell, x, mask=mask, initial=initial, recurrent=recurrent, keep=keep)
        return (tuple(s[-1] for s in states), states[0]), (states, kept)

    @jax.custom_vjp
    def loop(x, initial, recurrent):
        return run(x, initial, recurrent, False)[0]

    def back(saved, gradients):
        (states, kept), initial, recurrent = saved
        last, outputs = gradients
        given = {"mask": mask, "initial": initial, "recurrent": recurrent, "states": states, "kept": kept}
        dx, dz, first = jax_native.backward(cell, outputs, last, **given)
        old = jnp.concatenate([initial[0][None], states[0][:-1]])
        kernel = jnp.einsum("tbh,tbz->hz", old, dz)
        return dx, first, (kernel, dz.sum((0, 1)))[: len(recurrent)]

    def start(x, initial, recurrent):
        results, saved = run(x, initial, recurrent, True)
        return results, (saved, initial, recurrent)

    loop.defvjp(start, back)
    return loop(x, initial, recurrent)


def reference(cell, x, mask, initial, recurrent):
    last, states = scan(cell, x, mask, initial, recurrent)
    return last, states[0]


def inputs(cell, units, batch, time, masked, seed=0):
    random = np.random.default_rng(seed)
    draw = lambda *shape: random.normal(size=shape).astype("float32")  # noqa: E731
    gates = GATES[cell]
    initial = tuple(draw(batch, units) for _ in range(2 if cell == "lstm" else 1))
    recurrent = (draw(units, gates * units) / np.float32(np.sqrt(units)),)
    if cell == "gru":
        recurrent += (draw(gates * units),)
    mask = None
    if masked == "padded":
        mask = np.arange(time)[:, None, None] < random.integers(1, time + 1, size=(1, batch, 1))
    elif masked == "holed":
        mask = random.random((time, batch, 1)) < 0.6
    weights = draw(time, batch, units), [draw(batch, units) for _ in initial]
    return draw(time, batch, gates * units), mask, initial, recurrent, weights


def gradients(run):
    """Value and gradients of a weighted sum of all that a loop returns."""

    def loss(x, initial, recurrent, mask, weights):
        last, outputs = run(x, mask, initial, recurrent)
        return (outputs * weights[0]).sum() + sum((a * b).sum() for a, b in zip(last, weights[1], strict=True)), (
            last,
            outputs,
        )

    return jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))


def close(a, b):
    for ours, theirs in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        assert np.abs(ours - theirs).max() <= 1e-5 * max(1, np.abs(theirs).max())


@pytest.mark.parametrize(
    ("units", "batch", "time"), [(1, 1, 1), (7, 3, 17), (16, 32, 2), (50, 32, 17), (64, 1, 17), (130, 3, 17)]
)
@pytest.mark.parametrize("cell", list(STEPS))
def test_outputs_states_and_gradients_are_those_of_the_scan(cell, units, batch, time):
    theirs = gradients(lambda *a: reference(cell, *a))
    ours = gradients(lambda *a: native(cell, *a))
    for masked in ("all", "padded", "holed"):
        x, mask, initial, recurrent, weights = inputs(cell, units, batch, time, masked)
        where = np.ones((time, batch, 1), bool) if mask is None else mask  # so that the scan is compiled once
        close(ours(x, initial, recurrent, mask, weights), theirs(x, initial, recurrent, where, weights))
        states, _ = jax_native.forward(cell, x, mask=mask, initial=initial, recurrent=recurrent, keep=False)
        kept, _ = jax_native.forward(cell, x, mask=mask, initial=initial, recurrent=recurrent, keep=True)
        assert all((a == b).all() for a, b in zip(states, kept, strict=True))


@pytest.mark.parametrize("cell", list(STEPS))
@pytest.mark.parametrize("units", [7, 50])
def test_with_recurrent_dropout_and_zoneout_too(cell, units):
    x, mask, initial, recurrent, weights = inputs(cell, units, 3, 9, "holed")
    random = np.random.default_rng(2)
    dropped = random.choice([0.0, 2.0], size=(GATES[cell], 3, units)).astype("float32")
    # Shares of all sizes, none and all among them.
    zones = tuple(random.choice([0, 0.1, 0.7, 1], size=(9, 3, units)).astype("float32") for _ in initial)
    noise = dropped, zones

    def native(x, mask, initial, recurrent):
        outputs, last = jax_loops.loop(cell, True, x, mask, initial, recurrent, noise)
        return last, outputs

    ours = gradients(native)(x, initial, recurrent, mask, weights)
    theirs = gradients(lambda *given: scan_noisy(cell, *given, noise))(x, initial, recurrent, mask, weights)
    close(ours, theirs)


@pytest.mark.parametrize("cell", list(STEPS))
def test_nan_and_infinities_travel_as_in_the_scan(cell):
    x, _, initial, recurrent, _ = inputs(cell, 20, 3, 6, "all")
    x[2, 1, 5], x[1, 2, :], x[4, 2, :] = np.nan, np.inf, -np.inf
    (states, _), (_, theirs) = (
        jax_native.forward(cell, x, mask=None, initial=initial, recurrent=recurrent, keep=False),
        scan(cell, x, None, initial, recurrent),
    )
    for a, b in zip(states, theirs, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    assert np.isnan(states[0][3, 1]).all() and not np.isnan(states[0][:, 0]).any()


def test_the_gates_are_right_over_the_whole_range():
    """One unit, one step, U = 0, c = 1: c_1 = f + i g shows sigmoid (i shut) and tanh (f shut, i open) alone."""
    x = np.concatenate([np.linspace(-25, 25, 20001), np.geomspace(1e-30, 1, 2000)]).astype("float32")
    wide, shut, opened = x.astype("float64"), np.full_like(x, -100), np.full_like(x, 100)

    def c(i, f, g):
        initial = (np.zeros((len(x), 1), "float32"), np.ones((len(x), 1), "float32"))
        kernel = (np.zeros((1, 4), "float32"),)
        gates = np.stack([i, f, g, opened], axis=-1)[None]
        return np.asarray(
            jax_native.forward("lstm", gates, mask=None, initial=initial, recurrent=kernel, keep=False)[0][1]
        ).ravel()

    np.testing.assert_allclose(c(shut, x, 0 * x), 1 / (1 + np.exp(-wide)), rtol=1e-6)
    np.testing.assert_allclose(c(opened, shut, x), np.tanh(wide), rtol=1e-6, atol=1e-11)


PROGRAM = """
import hashlib, jax, numpy
from tests.models.backends.test_native_kernels import STEPS, inputs, jax_native
for cell in STEPS:
    x, mask, initial, recurrent, (outputs, last) = inputs(cell, 50, 32, 17, "holed")
    states, kept = jax_native.forward(cell, x, mask=mask, initial=initial, recurrent=recurrent, keep=True)
    given = {"mask": mask, "initial": initial, "recurrent": recurrent, "states": states, "kept": kept}
    results = states, jax_native.backward(cell, outputs, tuple(last), **given)
    print(hashlib.sha256(b"".join(numpy.asarray(a).tobytes() for a in jax.tree.leaves(results))).hexdigest())
"""


def test_the_number_of_threads_changes_no_bit():
    def run(threads):
        environment = {**os.environ, "NPROC": threads, "JAX_PLATFORMS": "cpu"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("1") == run("3")


def test_without_a_compiler_one_line_says_so(tmp_path):
    program = (
        "from pathlib import Path; from models.backends import kernels; "
        f"kernels.switch(True, Path({str(tmp_path)!r}), print)"
    )

    def run(**environment):
        environment = {**os.environ, "JAX_PLATFORMS": "cpu", **environment}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    *_, line = run(CXX="/bin/false")
    assert line.startswith("no native kernels") and "/bin/false failed" in line
    *_, line = run(CXX="", PATH="")
    assert line.startswith("no native kernels") and "no C++ compiler" in line
    assert not list(tmp_path.rglob("*.so")) and not list(tmp_path.rglob("*.tmp"))


def test_the_first_use_compiles_and_says_so_and_later_ones_do_not(tmp_path, monkeypatch):
    said: list[str] = []
    path = native_kernels.find_library("loops", tmp_path, say=said.append, xla=True)
    assert path.exists() and len(said) == 1 and "compiling" in said[0]
    assert list(path.parent.iterdir()) == [path]
    monkeypatch.setenv("CXX", "/bin/false")
    assert native_kernels.find_library("loops", tmp_path, say=said.append, xla=True) == path and len(said) == 1
