"""One side of a timing, in a process of its own: trains for one epoch at every line of its standard input.

    python benchmarks/contender.py suite '{"kind": "tagger", "cell": "gru", ...}'

Each answers with a JSON line: the seconds of the epoch and the largest memory so far. The first epoch, in which
everything is compiled, is over before the first line is read. benchmarks/decoders.py does the same with answers.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))
if any("suite" in program for program in sys.argv[1:2]):
    # As run.py does, before NumPy.
    import harness.process.allocator  # noqa: F401

import numpy as np

from benchmarks import corpus
from models.tensor import Tensor

if TYPE_CHECKING:
    from pipeline.option import Options
    from tasks.task import Task

BATCH, SIZE = 64, 128
answers = os.fdopen(os.dup(1), "w")


def report(seconds: float, result: str | None = None) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "megabytes": memory, "result": result}), file=answers, flush=True)


def wait() -> None:
    """Wait for the next line; at the end of the input, end."""
    if not sys.stdin.readline():
        os._exit(0)


def serve(work: Callable[[], str | None], times: int = 1) -> None:
    """Answer to every line with an epoch, or with the mean of several. work: may return a result to be compared."""
    result = work()
    report(0.0, result)
    while True:
        wait()
        started = time.perf_counter()
        for _ in range(times):
            result = work()
        report((time.perf_counter() - started) / times, result)


def arrange(given: dict, epochs: int) -> "tuple[Task, Options]":
    """Return the task and the options with which this suite does what is asked for."""
    from harness.options import defaults
    from models.families import CLASSIFIER, TAGGER
    from pipeline import fields
    from pipeline.example import Example
    from pipeline.option import Configured
    from tasks.task import Source, Task

    tagger = given["kind"] == "tagger"

    class Known(fields.Text):
        """Knows all words there are, whether they occur or not, so that its table is as large as that of the others."""

        def fit(self, texts: Iterable[str]) -> None:
            super().fit([*texts, corpus.dictionary(given["words"])])

    examples = [Example(*pair) for pair in zip(*corpus.write(given["kind"], given["words"]), strict=True)]
    splits = {"train": examples, "validation": examples[:1], "test": examples[:1]}
    task = Task(
        name="timing",
        summary="",
        shape="",
        sources={"random": Source("", "", lambda _: splits)},
        input=Configured(Known),
        output=Configured(fields.Tags if tagger else fields.Label),
        family=TAGGER if tagger else CLASSIFIER,
        metrics=lambda *_: {"score": 0.0},
        monitor="score",
    )
    options = defaults(task).replace(
        cell=given["cell"],
        vocabulary=given["words"],
        bidirectional=False,
        dropout=0.0,
        batch_size=BATCH,
        units=SIZE,
        embedding_size=SIZE,
        lazy_embeddings=given["lazy"],
        epochs=epochs,
        patience=epochs,
        learning_rate=1e-3,
    )
    return task, options


def suite(given: dict) -> None:
    """The `train` path of this suite, from the command line's function on; nothing of it is left out or replaced."""
    os.environ["KERAS_BACKEND"] = given["backend"]
    from harness.process import backend
    from harness.training import train

    task, options = arrange(given, 1000)

    class Paced(train.Checkpoint):
        """Begins an epoch when it is told to, and says when the epoch has ended, before it is scored and saved."""

        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            if epoch:
                wait()
            super().on_epoch_begin(epoch, logs)

        def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
            report(time.perf_counter() - self.started if epoch else 0.0)
            super().on_epoch_end(epoch, logs)

    train.Checkpoint = Paced
    device = backend.start(given["backend"], kernels=given["kernels"])
    with tempfile.TemporaryDirectory() as folder:
        train.train(task, options, Path(folder), device=device)


def stock(given: dict) -> None:
    """Keras as its guide to masking and padding writes it: mask_zero, all padded to the longest, `fit`."""
    os.environ["KERAS_BACKEND"] = given["backend"]
    if given["backend"] == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(given["threads"])
        tensorflow.config.threading.set_inter_op_parallelism_threads(given["threads"])
    import keras
    from keras import layers

    inputs, outputs = corpus.draw(given["kind"], given["words"])
    tagger = given["kind"] == "tagger"
    cell = {"simple": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}[given["cell"]]
    model = keras.Sequential(
        [
            layers.Embedding(given["words"], SIZE, mask_zero=True),
            cell(SIZE, return_sequences=tagger),
            layers.Dense(corpus.TAGS if tagger else corpus.LABELS),
        ]
    )
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = keras.utils.pad_sequences(inputs, padding="post")
    y = keras.utils.pad_sequences(outputs, padding="post") if tagger else np.array(outputs)
    serve(lambda: model.fit(x, y, batch_size=BATCH, verbose=0) and None)


def draw_tensors(given: dict) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Return the batches of this suite as tensors of PyTorch: word numbers, lengths, answers and their weights."""
    import torch

    from pipeline.batches.bucketing import Batches
    from pipeline.fields import Array

    tagger = given["kind"] == "tagger"
    inputs, outputs = corpus.draw(given["kind"], given["words"])
    batches = Batches(
        [{"words": numbers} for numbers in inputs],
        {"words": Array((None,), "int32", given["words"])},
        size=BATCH,
        outputs=[{"output": numbers} for numbers in outputs],
        output_arrays={"output": Array((None,) if tagger else (), "int32", corpus.TAGS)},
        seed=0,
    )
    drawn = []
    for entry in batches.plan():
        arrays, wanted, weights = batches.draw(*entry)
        drawn.append(
            (
                torch.as_tensor(arrays["words"]),
                torch.as_tensor(arrays["mask"].sum(1)),
                torch.as_tensor(wanted).long(),
                torch.as_tensor(weights),
            )
        )
    return drawn


def pytorch(given: dict) -> None:
    """PyTorch's own recurrent layers, on the batches of this suite, which are tensors before the clock starts."""
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    torch.set_num_threads(given["threads"])
    tagger = given["kind"] == "tagger"
    drawn = draw_tensors(given)
    embedding = nn.Embedding(given["words"], SIZE, sparse=given["lazy"])
    unroll = {"simple": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[given["cell"]](SIZE, SIZE, batch_first=True)
    answer = nn.Linear(SIZE, corpus.TAGS if tagger else corpus.LABELS)
    rest = [*unroll.parameters(), *answer.parameters()]
    if given["lazy"]:
        optimizers = [torch.optim.SparseAdam(list(embedding.parameters())), torch.optim.Adam(rest)]
    else:
        optimizers = [torch.optim.Adam([*embedding.parameters(), *rest])]

    def states_of(words: Tensor, lengths: Tensor) -> Tensor:
        if given["packed"]:
            packed = pack_padded_sequence(embedding(words), lengths, batch_first=True, enforce_sorted=False)
            if tagger:
                return pad_packed_sequence(unroll(packed)[0], batch_first=True, total_length=words.shape[1])[0]
            last = unroll(packed)[1]
            return (last[0] if given["cell"] == "lstm" else last)[0]
        states = unroll(embedding(words))[0]
        return states if tagger else states[torch.arange(len(words)), lengths - 1]

    def epoch() -> None:
        for words, lengths, wanted, weights in drawn:
            logits = answer(states_of(words, lengths))
            losses = nn.functional.cross_entropy(logits.flatten(0, -2), wanted.flatten(), reduction="none")
            loss = (losses * weights.flatten()).sum() / weights.sum()
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()

    serve(epoch)


CONTENDERS = {"suite": suite, "stock": stock, "pytorch": pytorch}


if __name__ == "__main__":
    # What libraries print is no answer.
    with redirect_stdout(sys.stderr):
        CONTENDERS[sys.argv[1]](json.loads(sys.argv[2]))
