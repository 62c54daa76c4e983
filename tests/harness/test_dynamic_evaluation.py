"""Dynamic evaluation, against the same steps taken one by one."""

from collections.abc import Iterator

import keras
import numpy as np
import pytest

from harness import dynamic_evaluation
from harness.evaluate import measure_loss
from harness.runs.trained import Trained
from pipeline.batches.bucketing import Batches
from pipeline.example import Example
from tests.harness import evaluate, open_run, small, train_small
from tests.models import numpy

TEXTS = ["abba", "abc", "cab", "bb", "abacab"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    with small("novel") as task:
        yield open_run(train_small(task, tmp_path_factory.mktemp("runs"), epochs=1, dropout=0.5))


def measure(run: Trained, texts: list[str], rate: float) -> float | None:
    experiment = run.experiment.replace_options(dynamic_evaluation=rate)
    return dynamic_evaluation.measure_loss(experiment, run.model, encode(run, texts))


def encode(run: Trained, texts: list[str]) -> Batches:
    category = run.experiment.input_field.categories[0]
    return run.experiment.encode([Example(category, text) for text in texts])


def test_each_text_is_scored_and_then_learned(run: Trained) -> None:
    rate, clip = 0.01, run.experiment.options.clip_norm
    kept = list(map(numpy, run.model.trainable_variables))
    expected, averages = [], [np.zeros_like(weight) for weight in kept]
    try:
        for text in TEXTS:
            # Every text alone; what is asked for is each of its symbols and the end.
            batches = encode(run, [text])
            expected += [measure_loss(run.model, batches)] * (len(text) + 1)
            gradients = differentiate(run.model, batches)
            norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
            gradients = [gradient * min(1.0, clip / norm) for gradient in gradients]
            averages = [0.99 * a + 0.01 * g**2 for a, g in zip(averages, gradients, strict=True)]
            for weight, a, g in zip(run.model.trainable_variables, averages, gradients, strict=True):
                weight.assign(numpy(weight) - rate * g / np.sqrt(a + 1e-7))
    finally:
        for weight, value in zip(run.model.trainable_variables, kept, strict=True):
            weight.assign(value)
    assert measure(run, TEXTS, rate) == pytest.approx(np.mean(expected), rel=1e-4)
    # The model itself has learned nothing.
    assert all(np.array_equal(*pair) for pair in zip(map(numpy, run.model.trainable_variables), kept, strict=True))


def differentiate(model: keras.Model, batches: Batches) -> list[np.ndarray]:
    """Return the gradients of the loss of one batch, dropout left out."""
    if keras.backend.backend() != "jax":
        pytest.skip("the gradients are JAX's")
    import jax

    (entry,) = batches.plan()
    inputs, outputs, weights = batches.draw(*entry)

    def loss(values: list) -> jax.Array:
        fixed = [variable.value for variable in model.non_trainable_variables]
        logits, _ = model.stateless_call(values, fixed, inputs, training=False)
        right = jax.numpy.take_along_axis(jax.nn.log_softmax(logits), outputs[..., None], -1)[..., 0]
        return -(right * weights).sum() / weights.sum()

    return list(map(np.asarray, jax.grad(loss)([variable.value for variable in model.trainable_variables])))


def test_at_a_rate_of_nothing_nothing_adapts(run: Trained) -> None:
    assert measure(run, TEXTS, 0.0) is None
    fixed = measure_loss(run.model, encode(run, TEXTS))
    assert measure(run, TEXTS, 1e-9) == pytest.approx(fixed, rel=1e-4)


def test_evaluate_reports_the_loss_of_the_model_that_adapts(run: Trained) -> None:
    scores = [evaluate(run.experiment.directory, dynamic_evaluation=rate)["scores"] for rate in (0.0, 0.05)]
    assert scores[0]["nats"] != scores[1]["nats"] == scores[1]["loss"]
    assert scores[0]["distinct"] == scores[1]["distinct"]
