"""One side of a timing of answers, in a process of its own, as benchmarks/contender.py is one of training.

    python benchmarks/decoders.py write_suite '{"rows": 64, "words": 8000, "units": 256, "symbols": 20, "times": 1}'

write_*: the likeliest symbol after the ones before it, by a gru, with the same weights. Nothing ends: each writes as
many symbols as the others. The result is a checksum of them. score_*: loss and accuracy of a tagger; the result is the
accuracy.
"""

import json
import os
import sys
import tempfile
import zlib
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

# First of all: see there.
from benchmarks.contender import BATCH, SIZE, arrange, serve

# isort: split
import numpy as np

from benchmarks import corpus
from models.tensor import Tensor

START, NEVER = 2, -1


def draw_like(arrays: Sequence[Tensor], seed: int = 0) -> list[np.ndarray]:
    """Return random weights in the shapes of others: the same for every contender."""
    generator = np.random.default_rng(seed)
    return [generator.normal(0, 0.1, array.shape).astype("float32") for array in arrays]


def draw(given: dict) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return contexts, (rows, units), and weights: embedding; first state; gru, as Keras has it; logits."""
    words, units = given["words"], given["units"]
    shapes = [(words, units), (units, units), (units,), (units, 3 * units), (units, 3 * units), (2, 3 * units)]
    contexts, *weights = draw_like(
        [np.empty(shape) for shape in [(given["rows"], units), *shapes, (units, words), words]]
    )
    return contexts * 10, weights


def check(symbols: Tensor) -> str:
    return f"{zlib.crc32(np.ascontiguousarray(symbols, 'int32').tobytes()):08x}"


def write_suite(given: dict) -> None:
    """The compiled loop of this suite."""
    from harness.process import backend

    backend.start("jax")
    import keras

    from models.decoding.search import Greedy
    from models.layers.decoder import Decoder

    contexts, weights = draw(given)
    units = given["units"]
    decoder = Decoder(given["words"], "gru", units=units, depth=1, features=units, dropout=0.0)
    context = keras.Input((units,))
    decoder(keras.Input((None,), dtype="int32"), context)
    parts = [decoder.embedding, decoder.bridges[0][0], decoder.layers[0], decoder.logits]
    for part, places in zip(parts, (slice(1), slice(1, 3), slice(3, 6), slice(6, 8)), strict=True):
        part.set_weights(weights[places])
    search = Greedy(decoder, start=START, end=NEVER, padding=0, longest=given["symbols"])
    model = keras.Model(context, search(context)["output"])
    serve(lambda: check(np.asarray(model.predict_on_batch(contexts))), given["times"])


def write_stock(given: dict) -> None:
    """Keras with a call of `predict` for every symbol, which is given the cheapest there is: a symbol and a state."""
    os.environ["KERAS_BACKEND"] = given["backend"]
    import keras
    from keras import layers

    contexts, weights = draw(given)
    rows, units = given["rows"], given["units"]
    begin = keras.Sequential([keras.Input((units,)), layers.Dense(units, "tanh")])
    symbol, before = keras.Input((), dtype="int32"), keras.Input((units,))
    after, _ = layers.GRUCell(units)(layers.Embedding(given["words"], units)(symbol), before)
    model = keras.Model([symbol, before], [layers.Dense(given["words"])(after), after])
    begin.set_weights(weights[1:3])
    model.set_weights([weights[0], *weights[3:]])

    def write() -> str:
        state, last, written = begin.predict(contexts, verbose=0), np.full(rows, START, "int32"), []
        for _ in range(given["symbols"]):
            logits, state = model.predict([last, state], batch_size=rows, verbose=0)
            last = logits.argmax(axis=1).astype("int32")
            written.append(last)
        return check(np.stack(written, axis=1))

    serve(write, given["times"])


def write_pytorch(given: dict) -> None:
    """A loop in PyTorch. step: its cell, or its layer over one step."""
    import torch
    from torch import nn

    torch.set_num_threads(given["threads"])
    contexts, weights = draw(given)
    rows, units = given["rows"], given["units"]
    embedding, bridge, logits = (
        nn.Embedding(given["words"], units),
        nn.Linear(units, units),
        nn.Linear(units, given["words"]),
    )
    step = nn.GRUCell(units, units) if given["step"] == "cell" else nn.GRU(units, units, batch_first=True)

    def reorder(array: np.ndarray) -> np.ndarray:
        """From Keras' order of the gates, z r h, to PyTorch's, r z n."""
        update, reset, new = np.split(array, 3, axis=-1)
        return np.concatenate([reset, update, new], axis=-1).T

    kernel, recurrent, biases = map(reorder, weights[3:6])
    arrays = [weights[0], weights[1].T, weights[2], kernel, recurrent, *biases.T, weights[6].T, weights[7]]
    places = [parameter for part in (embedding, bridge, step, logits) for parameter in part.parameters()]
    for place, array in zip(places, arrays, strict=True):
        place.data = torch.as_tensor(np.ascontiguousarray(array))

    @torch.inference_mode()
    def write() -> str:
        state, last, written = torch.tanh(bridge(torch.as_tensor(contexts))), torch.full((rows,), START), []
        for _ in range(given["symbols"]):
            if given["step"] == "cell":
                state = step(embedding(last), state)
            else:
                state = step(embedding(last)[:, None], state[None])[1][0]
            last = logits(state).argmax(1)
            written.append(last)
        return check(torch.stack(written, 1))

    serve(write, given["times"])


def score_suite(given: dict) -> None:
    """What `evaluate` does with a run that is open already."""
    from harness.process import backend

    device = backend.start("jax")
    from harness.evaluate import Scored, Scorer
    from harness.training.train import train
    from pipeline import metrics
    from tasks.task import Source

    task, options = arrange(given | {"lazy": False}, 1)
    source = task.sources["random"].load(options)
    splits = source | {"test": source["train"]}
    task = replace(
        task,
        sources={"random": Source("", "", lambda _: splits)},
        metrics=metrics.tag_accuracy,
        monitor="accuracy",
    )
    measure, called = Scorer.measure, []

    def note(scorer: Scorer, *given: object, **more: object) -> Scored:
        called[:] = scorer, given, more
        return measure(scorer, *given, **more)

    # Training ends with what evaluate does; that is done again, with the weights that all have.
    Scorer.measure = note
    with tempfile.TemporaryDirectory() as folder:
        train(task, options, Path(folder), device=device)
    scorer, given, more = called
    scorer.model.set_weights(draw_like(scorer.model.get_weights()))
    serve(lambda: f"{measure(scorer, *given, **more).scores['accuracy']:.4f}")


def score_stock(given: dict) -> None:
    """Keras' `evaluate`, of the model that its guide writes: mask_zero, all padded to the longest."""
    os.environ["KERAS_BACKEND"] = given["backend"]
    import keras
    from keras import layers

    from pipeline import fields

    texts, answers = corpus.write(given["kind"], given["words"])
    words, tags = (
        fields.Text(vocabulary=given["words"], max_length=max(len(text.split()) for text in texts)),
        fields.Tags(),
    )
    # All words there are, as in `arrange`: both draw the same weights.
    words.fit([*texts, corpus.dictionary(given["words"])])
    tags.fit(answers)
    cell = {"simple": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}[given["cell"]]
    model = keras.Sequential(
        [
            layers.Embedding(words.arrays["words"].size, SIZE, mask_zero=True),
            cell(SIZE, return_sequences=True),
            layers.Dense(tags.arrays["output"].size),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, weighted_metrics=["accuracy"])
    x = keras.utils.pad_sequences([words.encode(text)["words"] for text in texts], padding="post")
    y = keras.utils.pad_sequences([tags.encode(answer)["output"] for answer in answers], padding="post")
    model.build(x.shape)
    model.set_weights(draw_like(model.get_weights()))
    serve(lambda: f"{model.evaluate(x, y, batch_size=BATCH, verbose=0)[1]:.4f}")


PROGRAMS = [write_suite, write_stock, write_pytorch, score_suite, score_stock]


if __name__ == "__main__":
    # What libraries print is no answer.
    with redirect_stdout(sys.stderr):
        {program.__name__: program for program in PROGRAMS}[sys.argv[1]](json.loads(sys.argv[2]))
