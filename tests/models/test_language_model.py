"""The language model: its states go on from window to window, and what it measures is what is counted by hand."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import tasks
from harness.experiment import Experiment
from harness.options import defaults
from models import language_model
from models.layers.carry import Carry, stop_carrying
from models.layers.suggestions import EndNats, SavedKeystrokes
from models.layers.tied_embedding import Bias, TiedEmbedding
from pipeline.example import Example
from pipeline.fields.vocabulary import END_ID, WRITTEN
from pipeline.readers.running_text import Line, cut
from pipeline.suggestions import AT_A_TIME, count_saved
from tests.models import numpy, randomize

SYMBOLS = [*WRITTEN, "a", "an", "and", "ant", "the", "then", "they", "."]
WORDS = np.random.default_rng(0).integers(4, 40, 150)
TEXTS = [[f"w{number}" for number in WORDS[begin:end]] for begin, end in ((0, 150), (20, 90), (5, 8))]


def make(**changed: object) -> tuple[Experiment, list[Example]]:
    """Return an experiment with fields that know three texts, and the windows of these."""
    task = tasks.find()["suggest"]
    lines = [Line((*text, "<end>"), f"a:{number}", begins=True) for number, text in enumerate(TEXTS)]
    windows = list(cut(lines))
    options = defaults(task).replace(units=6, embedding_size=5, batch_size=4, dropout=0.0, **changed)
    given, wanted = task.input(options), task.output(options)
    given.fit(one.input for one in windows)
    wanted.fit(one.output for one in windows)
    return Experiment(task, options, Path(), given, wanted, fingerprint=""), windows


def answer(model: keras.Model, experiment: Experiment, windows: list[Example], **changed: int) -> list[np.ndarray]:
    """Return the logits of each window, of batches in their order."""
    batches = replace(experiment.encode(windows), **changed)
    found: dict[int, np.ndarray] = {}
    for length, members, real in batches.plan():
        inputs = batches.draw(length, members, real)[0]
        logits = numpy(model.predict_on_batch({name: inputs[name] for name in model.input}))
        found |= {m: row[: batches.steps[m]] for m, row in zip(members[:real].tolist(), logits, strict=False)}
    return [found[number] for number in range(len(windows))]


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "lstm", "mingru"])
def test_windows_that_go_on_are_one_long_text(cell: str) -> None:
    experiment, windows = make(cell=cell, layers=2 if cell == "gru" else 1)
    model = randomize(experiment.build())
    parts = answer(model, experiment, windows)
    assert [len(part) for part in parts] == [64, 64, 23, 64, 7, 4]
    whole = [np.concatenate(parts[:3]), np.concatenate(parts[3:5]), parts[5]]
    for text, logits in zip(TEXTS, whole, strict=True):
        arrays = experiment.input_field.encode(" ".join(text))
        alone = {"words": arrays["words"][None], "continues": np.zeros(1, "int32")}
        alone["mask"] = np.ones((1, len(arrays["words"])), bool)
        np.testing.assert_allclose(logits, numpy(model(alone))[0], atol=1e-5)
    # Neither the number of rows nor more padding changes anything.
    for changed in (answer(model, experiment, windows, size=1), answer_padded(model, experiment, windows)):
        for part, other in zip(parts, changed, strict=True):
            np.testing.assert_allclose(part, other, atol=1e-5)


def answer_padded(model: keras.Model, experiment: Experiment, windows: list[Example]) -> list[np.ndarray]:
    lengths = experiment.encode(windows).padded
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.batches.bucketing.choose_lengths", lambda *_, **__: [lengths[-1] + 5])
        return answer(model, experiment, windows)


def test_in_training_a_window_follows_the_one_before_it_in_its_row_or_begins_anew() -> None:
    experiment, windows = make()
    batches = experiment.encode(windows, seed=1)
    orders = []
    for epoch in range(3):
        before: dict[int, int] = {}
        seen: list[int] = []
        for length, members, real in batches.plan(epoch):
            (inputs, _, weights) = batches.draw(length, members, real)
            assert length == 64
            assert not weights[real:].any()
            for row, member in enumerate(members[:real].tolist()):
                if inputs["continues"][row]:
                    assert before[row] == member - 1
                before[row] = member
                seen.append(member)
        assert sorted(seen) == list(range(len(windows)))
        orders.append((len(batches.plan(epoch)), tuple(seen)))
    # The text of three windows is cut in two, as a row has two of six.
    assert [number for number, _ in orders] == [2, 2, 2]


def test_a_row_that_continues_goes_on_and_any_other_begins_anew() -> None:
    layer = Carry(keras.layers.SimpleRNN(3, return_sequences=True), 2)
    sequences, mask = np.random.default_rng(1).random((2, 4, 2)).astype("float32"), np.ones((2, 4), bool)
    first = numpy(layer(sequences, mask, np.zeros(2, "int32")))
    again = numpy(layer(sequences, mask, np.array([1, 0], "int32")))
    assert not np.allclose(again[0], first[0])
    np.testing.assert_allclose(again[1], first[1], atol=1e-6)
    assert len(layer.trainable_variables) == 3


def test_a_model_that_stops_carrying_answers_each_row_alone() -> None:
    experiment, windows = make()
    model = randomize(experiment.build())
    arrays = experiment.input_field.encode(windows[1].input)
    batch = {"words": arrays["words"][None], "mask": np.ones((1, 64), bool)}
    fresh = numpy(model({**batch, "continues": np.zeros(1, "int32")}))
    stop_carrying(model)
    np.testing.assert_allclose(numpy(model({**batch, "continues": np.ones(1, "int32")})), fresh, atol=1e-6)


def test_one_table_is_at_both_ends_and_a_projection_where_the_sizes_differ() -> None:
    experiment, _ = make()
    model = experiment.build()
    size = len(experiment.output_field.id_names["output"])
    shapes = sorted(tuple(weight.shape) for weight in model.trainable_weights if size in weight.shape)
    assert shapes == [(size,), (size, 5)]
    rare = make(frequent_words=10)[0].build()
    shapes = sorted(tuple(weight.shape) for weight in rare.get_layer("embedding").trainable_weights)
    assert shapes == [(1, 5), (10, 5), (size - 10, 1)]
    assert model.get_layer("projection").kernel.shape == (6, 5)


def test_a_word_is_told_by_the_vector_that_it_is_read_by() -> None:
    layer = TiedEmbedding(12, 8, frequent=5)
    vectors = numpy(layer(np.arange(12)[None]))[0]
    assert np.linalg.matrix_rank(vectors[5:]) == 2
    states = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
    np.testing.assert_allclose(numpy(layer(states, tell=True)), states @ vectors.T, atol=1e-5)
    np.testing.assert_allclose(vectors[:5], numpy(layer.table))


def test_saved_keystrokes_and_suggestions_are_those_of_the_plain_count() -> None:
    scores = np.random.default_rng(0).random((4, 10, len(SYMBOLS))).astype("float32")
    expected = (np.arange(40) % (len(SYMBOLS) - 1) + 1).reshape(4, 10)
    layer = SavedKeystrokes(SYMBOLS, reserved=len(WRITTEN), shown=AT_A_TIME)
    saved = numpy(layer.call(expected, keras.ops.convert_to_tensor(scores)))
    ranked = [place for place in np.argsort(-scores[2, 3]) if place >= len(WRITTEN)]
    best = numpy(language_model.Suggest(len(WRITTEN), 5)(scores))
    assert best[2, 3].tolist() == ranked[:5]
    for place in np.ndindex(4, 10):
        words = [SYMBOLS[number] for number in np.argsort(-scores[place]) if number >= len(WRITTEN)]
        word = expected[place]
        assert saved[place] == (count_saved(SYMBOLS[word], words) if word >= len(WRITTEN) else 0)


def test_the_nats_of_ends_are_those_of_the_loss_there() -> None:
    scores = np.random.default_rng(2).normal(size=(1, 3, 6)).astype("float32")
    expected = np.array([[END_ID, 5, END_ID]])
    found = numpy(EndNats(END_ID).call(expected, scores))
    nats = np.log(np.exp(scores).sum(-1)) - np.take_along_axis(scores, expected[..., None], -1)[..., 0]
    np.testing.assert_allclose(found, nats * [[1, 0, 1]], atol=1e-6)


def test_a_bias_begins_as_how_frequent_the_words_are() -> None:
    experiment, windows = make()
    model = experiment.build()
    told = [word for one in windows for word in one.output.split(" ")]
    bias = numpy(model.get_layer("logits").bias)
    place = experiment.output_field.symbols.index("w7")
    size = len(experiment.output_field.symbols)
    assert bias[place] == pytest.approx(np.log((told.count("w7") + 1) / (len(told) + size)), abs=1e-5)
    assert bias[END_ID] == pytest.approx(np.log((told.count("<end>") + 1) / (len(told) + size)), abs=1e-5)
    layer = Bias()
    assert not numpy(layer(np.zeros((1, 3), "float32"))).any()
