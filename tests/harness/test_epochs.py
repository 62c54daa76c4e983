"""The order in which training sees its batches, and what it waits for."""

from typing import Any

import keras
import numpy as np

from harness.process.progress import Callbacks
from harness.training.epochs import Epochs
from pipeline.batches.bucketing import Batches
from pipeline.fields import Array


def test_the_first_two_batches_differ_in_every_length_that_varies() -> None:
    generator = np.random.default_rng(0)
    arrays = {"words": Array((None,), "int32", 9)}, {"output": Array((None,), "int32", 9)}
    lengths = generator.integers(1, 40, 200), generator.integers(1, 40, 200)
    inputs, outputs = (
        [{name: np.ones(length, "int32")} for length in side]
        for name, side in zip(("words", "output"), lengths, strict=True)
    )
    epochs = Epochs(Batches(inputs, arrays[0], 8, outputs, arrays[1], seed=0, start=2))
    for _ in range(3):
        first, second = ([len(part[0]) for part in (batch[0]["words"], batch[1])] for batch in (epochs[0], epochs[1]))
        assert first[0] != second[0] and first[1] != second[1]
        assert len({id(entry) for entry in epochs.entries}) == len(epochs) == 25
        epochs.on_epoch_end()


def test_each_pass_of_an_epoch_has_examples_of_its_own() -> None:
    arrays = {"words": Array((None,), "int32", 99)}, {"output": Array((), "int32", 2)}
    asked: list[dict[str, np.ndarray]] = [{"output": np.array(0)}] * 4

    def resample(number: int) -> tuple[list[dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
        return [{"words": np.full(3, number + 1)} for _ in range(4)], asked

    batches = Batches(resample(0)[0], arrays[0], 2, asked, arrays[1], seed=0, resample=resample)

    def draw(epochs: Epochs) -> list[int]:
        return [int(epochs[place][0]["words"][0, 0]) for place in range(len(epochs))]

    epochs = Epochs(batches, passes=3)
    assert sorted(draw(epochs)) == [1, 1, 2, 2, 3, 3]
    epochs.on_epoch_end()
    second = draw(epochs)
    assert sorted(second) == [4, 4, 5, 5, 6, 6]
    # A run that goes on after the first epoch draws the same.
    assert draw(Epochs(batches, 1, passes=3)) == second


def test_training_does_not_wait_for_the_loss_of_a_step() -> None:
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append((batch, logs))

    # Nobody can read it.
    loss = object()
    Callbacks([Watch()]).on_train_batch_end(3, {"loss": loss})
    assert seen == [(3, {"loss": loss})]
