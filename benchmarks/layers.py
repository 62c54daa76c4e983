"""How fast one recurrent layer is, forwards and backwards, against the same layer of Keras or PyTorch.

    pip install -r benchmarks/requirements.txt
    python benchmarks/layers.py [--only jax tensorflow torch mingru] [--cells simple ...] [--seconds 3] [--again]

Each backend has a process of its own, in which both layers, with the same weights, take turns at a call of a few
milliseconds or more. What counts is the least time of each: what other processes do to it is left out. Batches have a
mask, as of `Embedding(mask_zero=True)`: all steps are there (full), or as many as lognormal lengths have (ragged, see
corpus.py), the longest row being as long as the batch. 128 features, 128 units, float32.

mingru: on JAX, without a mask, against the parallel form in logarithms that its paper publishes (Feng et al. 2024,
appendix B), in PyTorch.

Cases that benchmarks/results/layers.json has already are left out, unless --again: a run that was stopped goes on.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.corpus import Json
from models.tensor import Tensor

RESULTS = Path(__file__).parent / "results" / "layers.json"
CORES = len(os.sched_getaffinity(0))
SIZE = 128
SHAPES = [(64, 24), (64, 96), (32, 400), (1, 1000)]
MINGRU = "mingru"
CELLS = {"simple": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
BACKENDS = ("jax", "tensorflow", "torch")
MASKS = ("full", "ragged")
Call = Callable[[], object]


def draw_mask(kind: str, batch: int, steps: int) -> np.ndarray:
    """Return (batch, steps) of bool, true where there is input."""
    if kind == "full" or batch == 1:
        return np.ones((batch, steps), bool)
    lengths = np.random.default_rng(0).lognormal(0, 0.6, batch)
    lengths = (lengths / lengths.max() * steps).round().clip(1, steps)
    return np.arange(steps) < lengths[:, None]


def time_turns(calls: dict[str, Call], seconds: float) -> dict[str, Json]:
    """Return the least and the median milliseconds of each call: they take turns for so many seconds."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends or min(map(len, found.values())) < 5:
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            found[name].append((time.perf_counter() - started) * 1000)
    return {
        name: {"least": min(times), "median": statistics.median(times), "turns": len(times)}
        for name, times in found.items()
    }


def prepare_jax(
    layer: Tensor, sequences: np.ndarray, mask: np.ndarray | None, factors: np.ndarray
) -> tuple[Call, Call]:
    """Return what computes the outputs of a layer, and what computes its gradients: of inputs and weights."""
    import jax

    others = [one.value for one in layer.non_trainable_variables]
    weights = [one.value for one in layer.trainable_variables]

    def compute(weights: list, sequences: Tensor, mask: Tensor) -> Tensor:
        return layer.stateless_call(weights, others, sequences, mask=mask)[0]

    def loss(weights: list, sequences: Tensor, mask: Tensor, factors: Tensor) -> Tensor:
        return (compute(weights, sequences, mask) * factors).sum()

    forward, backward = jax.jit(compute), jax.jit(jax.grad(loss, (0, 1)))
    given = jax.device_put((sequences, mask, factors))
    return (
        lambda: jax.block_until_ready(forward(weights, *given[:2])),
        lambda: jax.block_until_ready(backward(weights, *given)),
    )


def prepare_tensorflow(
    layer: Tensor, sequences: np.ndarray, mask: np.ndarray, factors: np.ndarray
) -> tuple[Call, Call]:
    """Return the same as `prepare_jax`."""
    import tensorflow

    given = [tensorflow.constant(one) for one in (sequences, mask, factors)]
    weights = [one.value for one in layer.trainable_variables]

    @tensorflow.function
    def forward(sequences: Tensor, mask: Tensor) -> Tensor:
        return layer(sequences, mask=mask)

    @tensorflow.function
    def backward(sequences: Tensor, mask: Tensor, factors: Tensor) -> Tensor:
        with tensorflow.GradientTape() as tape:
            tape.watch(sequences)
            total = tensorflow.reduce_sum(layer(sequences, mask=mask) * factors)
        return tape.gradient(total, [sequences, *weights])

    return lambda: forward(*given[:2]).numpy(), lambda: backward(*given)[0].numpy()


def prepare_torch(layer: Tensor, sequences: np.ndarray, mask: np.ndarray, factors: np.ndarray) -> tuple[Call, Call]:
    """Return the same as `prepare_jax`."""
    import torch

    inputs = torch.tensor(sequences, requires_grad=True)
    given = [torch.tensor(one) for one in (mask, factors)]
    weights = [one.value for one in layer.trainable_variables]

    def forward() -> None:
        with torch.no_grad():
            layer(inputs, mask=given[0])

    def backward() -> None:
        torch.autograd.grad((layer(inputs, mask=given[0]) * given[1]).sum(), [inputs, *weights])

    return forward, backward


def prepare_mingru(kernel: np.ndarray, sequences: np.ndarray, factors: np.ndarray) -> tuple[Call, Call]:
    """Return the same as `prepare_jax` for the paper's parallel minGRU in PyTorch."""
    import torch
    from torch.nn import functional

    inputs, weights = torch.tensor(sequences, requires_grad=True), torch.tensor(kernel, requires_grad=True)
    given = torch.tensor(factors)

    def to_log(candidate: Tensor) -> Tensor:
        above = (functional.relu(candidate) + 0.5).log()
        return torch.where(candidate >= 0, above, -functional.softplus(-candidate))

    def compute() -> Tensor:
        gate, candidate = (inputs @ weights).chunk(2, dim=-1)
        first = to_log(torch.zeros(len(sequences), 1, SIZE))
        values = torch.cat([first, to_log(candidate) - functional.softplus(-gate)], dim=1)
        kept = functional.pad(torch.cumsum(-functional.softplus(gate), dim=1), (0, 0, 1, 0))
        return torch.exp(kept + torch.logcumsumexp(values - kept, dim=1))[:, 1:]

    def forward() -> None:
        with torch.no_grad():
            compute()

    return forward, lambda: torch.autograd.grad((compute() * given).sum(), [inputs, weights])


def measure_mingru(seconds: float, known: set[str]) -> Iterator[dict[str, Json]]:
    """Yield the same as `measure` for mingru; stock: PyTorch."""
    os.environ["KERAS_BACKEND"] = "jax"
    from models.cells.linear_rnn import MinGRU

    random = np.random.default_rng(0)
    for batch, steps in [(64, 24), (64, 400), (1, 1000)]:
        name = f"{MINGRU} over PyTorch {batch}x{steps}"
        if name in known:
            continue
        sequences, factors = (random.normal(size=(batch, steps, SIZE)).astype("float32") for _ in range(2))
        layer = MinGRU(SIZE, return_sequences=True)
        layer.build(sequences.shape)
        ours = prepare_jax(layer, sequences, None, factors)
        theirs = prepare_mingru(layer.get_weights()[0], sequences, factors)
        forward, both = ({"stock": theirs[i], "suite": ours[i]} for i in range(2))
        yield {
            "name": name, "backend": "jax", "cell": MINGRU, "shape": [batch, steps], "mask": None, "share": 1.0,
            "cores": CORES, "forward": time_turns(forward, seconds / 3), "both": time_turns(both, seconds),
        }  # fmt: skip


def measure(backend: str, cells: list[str], seconds: float, known: set[str]) -> Iterator[dict[str, Json]]:
    """Yield what was measured of each case: milliseconds of both layers, forwards alone and with the gradients."""
    os.environ["KERAS_BACKEND"] = backend
    import keras

    from models import recurrent

    prepare = {"jax": prepare_jax, "tensorflow": prepare_tensorflow, "torch": prepare_torch}[backend]
    random = np.random.default_rng(0)
    for (batch, steps), kind, cell in product(SHAPES, MASKS, cells):
        name = f"{backend} {cell} {batch}x{steps} {kind}"
        if name in known or (batch == 1 and kind == "ragged"):
            continue
        mask = draw_mask(kind, batch, steps)
        sequences, factors = (random.normal(size=(batch, steps, SIZE)).astype("float32") for _ in range(2))
        calls: list[dict[str, Call]] = [{}, {}]
        first = None
        for whose, module in (("stock", keras.layers), ("suite", recurrent)):
            layer = getattr(module, CELLS[cell])(SIZE, return_sequences=True)
            layer.build(sequences.shape)
            first = first or layer
            layer.set_weights(first.get_weights())
            pair = prepare(layer, sequences, mask, factors * mask[:, :, None])
            for direction, call in zip(calls, pair, strict=True):
                direction[whose] = call
        yield {
            "name": name, "backend": backend, "cell": cell, "shape": [batch, steps], "mask": kind,
            "share": float(mask.mean()), "cores": CORES,
            "forward": time_turns(calls[0], seconds / 3), "both": time_turns(calls[1], seconds),
        }  # fmt: skip


def show(found: list[dict[str, Json]]) -> None:
    """Print the times and ratios of all cases, those of a backend and a shape side by side."""
    table = Table(
        "case", "of the steps", "forwards, ms: stock", "suite", "times", "and backwards: stock", "suite", "times"
    )
    for one in found:
        row = [one["name"], f"{one['share']:.2f}"]
        for part in (one["forward"], one["both"]):
            stock, suite = part["stock"]["least"], part["suite"]["least"]
            row += [f"{stock:.2f}", f"{suite:.2f}", f"{stock / suite:.2f}"]
        table.add_row(*row)
    Console(width=160).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[*BACKENDS, MINGRU], choices=[*BACKENDS, MINGRU], help="what")
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=CELLS)
    parser.add_argument("--seconds", type=float, default=3, help="of the turns of a case")
    parser.add_argument("--again", action="store_true", help="measure what has been measured once more")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    found = json.loads(given.output.read_text()) if given.output.exists() else []
    if given.worker:
        known = set() if given.again else {one["name"] for one in found}
        mingru = given.worker == MINGRU
        args = () if mingru else (given.worker, given.cells)
        for case in (measure_mingru if mingru else measure)(*args, given.seconds, known):
            print(json.dumps(case), flush=True)
        return
    given.output.parent.mkdir(exist_ok=True)
    for backend in given.only:
        command = [sys.executable, __file__, *sys.argv[1:], "--worker", backend]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            for line in process.stdout:
                case = json.loads(line)
                found = [one for one in found if one["name"] != case["name"]] + [case]
                given.output.write_text(json.dumps(found, indent=1) + "\n")
                show([case])
        if process.returncode:
            print(f"{backend}: nothing was measured; it is not installed, or see above", file=sys.stderr)
    show(found)


if __name__ == "__main__":
    main()
