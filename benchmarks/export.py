"""How fast an exported tagger answers a sentence: onnxruntime, PyTorch with the same weights, `predict` in Python.

    pip install -r requirements-export.txt -r benchmarks/requirements.txt
    python benchmarks/export.py [--cells simple gru lstm] [--task pos] [--rounds 7] [--output FILE] [--options "..."]

A run is trained for each cell, shortly (--options): how fast it answers does not depend on how good it is. Then 50
validation sentences are answered one by one. Two pairs are compared, each with the same work:

    arrays to tags    model.onnx in onnxruntime; PyTorch, eager, torch.inference_mode
    text to tags      predict.py of the exported folder; `run.predict` of this suite, warm

They take turns, what counts is the median of the rounds, and of one thread and all of them the faster is taken. The
answers of all are compared first. Nothing should run beside it.
"""

import argparse
import importlib.util
import json
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

# What the two frameworks start reads its settings from the environment.
from harness.process import backend

Answer = Callable[[], list[Any]]
SENTENCES = 50


class Tagger:
    """The tagger in PyTorch, with the weights of a Keras model; one sentence at a time, so without a mask."""

    def __init__(self, model: Any, cell: str):
        import torch
        from torch import nn

        self.torch, self.nn = torch, nn
        self.embedding = self.make_embedding(model.get_layer("embedding"))
        self.characters = self.make_embedding(model.get_layer("character_embedding"))
        kernel, bias = model.get_layer("character_convolution").get_weights()
        _, width, features, filters = kernel.shape
        self.convolution = nn.Conv1d(features, filters, width, padding="same")
        self.fill(self.convolution.weight, kernel[0].transpose(2, 1, 0))
        self.fill(self.convolution.bias, bias)
        self.recurrent = self.make_recurrent(model, cell)
        kernel, bias = model.get_layer("logits").get_weights()
        self.logits = nn.Linear(*kernel.shape)
        self.fill(self.logits.weight, kernel.T)
        self.fill(self.logits.bias, bias)

    def fill(self, parameter: Any, values: Any) -> None:
        """Give a parameter its values."""
        with self.torch.no_grad():
            parameter.copy_(self.torch.tensor(values))

    def make_embedding(self, layer: Any) -> Any:
        """Return an embedding with the weights of Keras'."""
        (table,) = layer.get_weights()
        made = self.nn.Embedding(*table.shape)
        self.fill(made.weight, table)
        return made

    def make_recurrent(self, model: Any, cell: str) -> Any:
        """Return a layer of two directions. Of an LSTM the gates have Keras' order, of a GRU r and z change places."""
        kind = {"simple": self.nn.RNN, "gru": self.nn.GRU, "lstm": self.nn.LSTM}[cell]
        made = None
        for direction, suffix in (("forward", ""), ("backward", "_reverse")):
            kernel, recurrent, bias = model.get_layer(f"{cell}_0_{direction}").get_weights()
            if made is None:
                made = kind(kernel.shape[0], recurrent.shape[0], batch_first=True, bidirectional=True)
            biases = bias if bias.ndim == 2 else (bias, 0 * bias)
            for name, values in zip(("weight_ih", "weight_hh"), (kernel, recurrent), strict=True):
                self.fill(getattr(made, f"{name}_l0{suffix}"), self.arrange(values.T, cell))
            for name, values in zip(("bias_ih", "bias_hh"), biases, strict=True):
                self.fill(getattr(made, f"{name}_l0{suffix}"), self.arrange(values, cell))
        return made

    def arrange(self, values: Any, cell: str) -> Any:
        """Return the gates of a weight, along its first axis, in PyTorch's order."""
        import numpy as np

        if cell != "gru":
            return values
        update, reset, new = np.split(values, 3)
        return np.concatenate([reset, update, new])

    def answer(self, words: Any, characters: Any) -> Any:
        """Return the best tag of each word of one sentence, (time,)."""
        torch = self.torch
        with torch.inference_mode():
            spelled = self.characters(torch.from_numpy(characters)[0]).transpose(1, 2)
            spelling = torch.tanh(self.convolution(spelled).amax(dim=2))
            vectors = torch.cat([self.embedding(torch.from_numpy(words)[0]), spelling], dim=1)
            states, _ = self.recurrent(vectors[None])
            return self.logits(states)[0].argmax(dim=1).numpy()


def load_program(path: Path) -> Any:
    """Return predict.py as a module."""
    found = importlib.util.spec_from_file_location("exported_program", path)
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def take_turns(ways: dict[str, Answer], rounds: int) -> dict[str, float]:
    """Return the milliseconds per sentence of each way, the median of the rounds."""
    for answer in ways.values():
        answer()
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, answer in ways.items():
            started = time.perf_counter()
            count = len(answer())
            spent[name].append(1000 * (time.perf_counter() - started) / count)
    return {name: statistics.median(values) for name, values in spent.items()}


def measure(task: str, cell: str, options: list[str], folder: Path, rounds: int) -> dict[str, Any]:
    """Train and export a run; return the milliseconds per sentence of all ways."""
    import numpy as np
    import torch

    import harness
    import run
    from harness.export.onnx import OnnxModel
    from harness.runs.trained import open_model
    from harness.selection import select

    words = ["--cell", cell, "--runs", str(folder), "--name", cell]
    assert run.main(["train", task, *words, *options]) == 0
    out = folder / f"{cell}-onnx"
    assert run.main(["export", str(folder / task / cell), "--format", "onnx", "--output", str(out)]) == 0
    trained = harness.load(folder / task / cell)
    experiment = trained.experiment
    examples = select(experiment, None, "validation").examples
    inputs = [example.input for example in examples[:: max(1, len(examples) // SENTENCES)]][:SENTENCES]
    encoded = [experiment.input_field.encode(one) for one in inputs]
    arrays = [{name: array[None] for name, array in one.items()} for one in encoded]
    masked = [one | {"mask": np.ones(one["words"].shape, bool)} for one in arrays]
    tagger = Tagger(open_model(experiment).model, cell)
    program = load_program(out / "predict.py")
    texts = [" ".join(one) for one in inputs]

    def with_threads(count: int) -> Answer:
        def answer() -> list[Any]:
            torch.set_num_threads(count)
            return [tagger.answer(one["words"], one["characters"]) for one in arrays]

        return answer

    def with_onnx(threads: int | None) -> Answer:
        model = OnnxModel(out / "model.onnx", threads)
        return lambda: [model.predict_on_batch(one)["output"][0] for one in masked]

    def ask_program() -> list[Any]:
        given = [program.read(text) for text in texts]
        return [program.write(program.run(one), one)["output"] for one in given]

    cores = torch.get_num_threads()
    ways: dict[str, Answer] = {
        "onnx, 1 thread": with_onnx(1),
        "onnx, all threads": with_onnx(None),
        "PyTorch, 1 thread": with_threads(1),
        f"PyTorch, {cores} threads": with_threads(cores),
        "predict.py": ask_program,
        "run.predict": lambda: [trained.predict([text])[0]["output"] for text in texts],
    }
    wanted = ways["onnx, 1 thread"]()
    for name in list(ways)[1:4]:
        different = sum(not np.array_equal(one, other) for one, other in zip(ways[name](), wanted, strict=True))
        assert different == 0, f"{name}: {different} of {len(wanted)} answers differ"
    assert [list(one) for one in ways["predict.py"]()] == [list(one) for one in ways["run.predict"]()]
    return {"cell": cell, "milliseconds": take_turns(ways, rounds)}


def summarise(found: dict[str, Any]) -> dict[str, str]:
    """Return a row of the table."""
    each = found["milliseconds"]
    onnx, torch = (min(value for name, value in each.items() if name.startswith(kind)) for kind in ("onnx", "PyTorch"))
    return {
        "cell": found["cell"],
        "onnxruntime, ms": f"{onnx:.3f}",
        "PyTorch, ms": f"{torch:.3f}",
        "times as fast": f"{torch / onnx:.2f}",
        "predict.py, ms": f"{each['predict.py']:.3f}",
        "run.predict, ms": f"{each['run.predict']:.3f}",
        "share": f"{each['predict.py'] / each['run.predict']:.2f}",
    }


def main() -> None:
    """Print the table, and write all figures where --output says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=["simple", "gru", "lstm"], choices=("simple", "gru", "lstm"))
    parser.add_argument("--task", default="pos", help="a task of tags that need no valid path")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--options", default="--epochs 1", help="of the training")
    parser.add_argument("--output", type=Path, default=None)
    given = parser.parse_args()
    backend.start("jax", "cpu")
    from harness.process.console import print_table

    with tempfile.TemporaryDirectory() as folder:
        options = shlex.split(given.options)
        found = [measure(given.task, cell, options, Path(folder), given.rounds) for cell in given.cells]
    print_table([summarise(one) for one in found])
    if given.output:
        given.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
