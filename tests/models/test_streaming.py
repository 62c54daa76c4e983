import itertools
from typing import ClassVar

import keras
import numpy as np
import pytest
from keras import layers

from models import classifier, tagger, transcriber
from models.cells import CELLS as TABLE
from models.layers.pooling import POOLINGS
from models.recurrent import stack_layers
from models.streaming import NotCausalError, Step
from pipeline.fields import Array, Histogram, Label, Number, Tags, Tokens, Transcript
from tests.models import CELLS, NEW, PROJECTED, fit, numpy, randomize, text_field
from tests.models import options as make_options

WORDS = ("Ann", "sees", "Oslo", "Bob", "and", "Zoe", "never")
RECURRENT = [cell for cell in (*CELLS, *NEW) if TABLE[cell].writes]
DEPTHS = [*itertools.product(RECURRENT, (1, 2)), *((cell, 1) for cell in PROJECTED)]
GENERATOR = np.random.default_rng(0)
SENTENCE = tuple(GENERATOR.choice(WORDS, 12))


def options(**changes):
    return make_options(**{"bidirectional": False, **changes})


def fields():
    tags = Tags(spans=True)
    tags.fit([("B-P", "I-P", "O", "B-L", "I-L")])
    return fit(Tokens(20, 20, 1, 6), [WORDS]), tags


def batch(arrays, first, last, width=None):
    """Return time steps of an encoded example as a batch of one, padded to a width."""
    steps = last - first
    missing = (width or steps) - steps
    padded = {
        name: np.pad(array[None, first:last], [(0, 0), (0, missing)] + [(0, 0)] * (array.ndim - 1))
        for name, array in arrays.items()
    }
    return {**padded, "mask": np.arange(steps + missing)[None] < steps}


def answer_whole(model, arrays, last):
    """Return the answers to the first steps: padded, so that one shape is compiled."""
    found = model(batch(arrays, 0, last, len(next(iter(arrays.values())))))
    return numpy(found["output"] if isinstance(found, dict) else found)[0]


def answer_steps(step, arrays):
    steps = len(next(iter(arrays.values())))
    return [
        step(batch(arrays, t, min(t + step.width, steps), step.width))["output"][0] for t in range(0, steps, step.width)
    ]


@pytest.mark.parametrize(("cell", "depth"), DEPTHS)
def test_a_tagger_answers_each_step_as_the_whole_sentence_does(cell, depth):
    tokens, tags = fields()
    model = randomize(tagger.build(tokens, tags, options(cell=cell, layers=depth, dropout=0.3, word_dropout=0.1)))
    arrays = tokens.encode(SENTENCE)
    assert set(arrays) == {"words", "characters"}
    found = np.concatenate(answer_steps(Step(model), arrays))
    np.testing.assert_allclose(found, answer_whole(model, arrays, len(SENTENCE)), atol=1e-5)


@pytest.mark.parametrize(
    "cell, kind", [*(("gru", kind) for kind in POOLINGS), ("lru", "last"), ("lstm", "mean"), ("bag", "last")]
)
def test_a_classifier_answers_after_each_word_as_for_the_text_so_far(cell, kind):
    field = text_field()
    model = classifier.build(field, fit(Label(), ["a", "b", "c"]), options(cell=cell, pooling=kind, embedding="onehot"))
    arrays = field.encode("Ann sees Oslo Bob sees Ann and Oslo")
    found = answer_steps(Step(randomize(model)), arrays)
    for last, logits in enumerate(found, 1):
        np.testing.assert_allclose(logits, answer_whole(model, arrays, last), atol=1e-5)


@pytest.mark.parametrize("output", [Number, Histogram])
def test_a_regressor_answers_after_each_step_as_for_the_sequence_so_far(output):
    field, number = text_field(), fit(output(), [1.0, 2.0, 5.0])
    model = randomize(classifier.build(field, number, options(cell="lstm")))
    decoder, arrays = classifier.decode(model, number, options()), field.encode("Ann sees Oslo Bob")
    found = answer_steps(Step(decoder), arrays)
    for last, one in enumerate(found, 1):
        np.testing.assert_allclose(one, answer_whole(decoder, arrays, last), atol=1e-5)


class Frames:
    arrays: ClassVar = {"frames": Array((None, 3), "float32")}


@pytest.mark.parametrize("frames", [1, 7, 8, 11])
@pytest.mark.parametrize("downsample, depth", [(1, 1), (2, 2), (4, 1)])
def test_a_transcriber_answers_each_step_as_the_whole_recording_does(downsample, depth, frames):
    output = fit(Transcript(downsample), ["abc ab"])
    given = options(
        downsample=downsample, beam=1, spec_augment=0.2, vocal_tract_perturbation=0.1, layers=depth, cell="gru"
    )
    model = randomize(transcriber.build(Frames(), output, given))
    arrays = {"frames": np.random.default_rng(frames).normal(size=(frames, 3)).astype("float32")}
    found = np.concatenate(answer_steps(Step(model), arrays))
    np.testing.assert_allclose(found, answer_whole(model, arrays, frames), atol=1e-5)
    decoder = transcriber.decode(model, output, given)
    spelt = np.concatenate(answer_steps(Step(decoder), arrays))
    np.testing.assert_array_equal(spelt, answer_whole(decoder, arrays, frames))


def find_last_tag(scores, allowed):
    """Return the last tag of the best valid path, by trying all paths."""
    steps, tags = scores.shape
    paths = itertools.product(range(tags), repeat=steps)
    valid = [
        path for path in paths if allowed[0, path[0]] and all(allowed[1 + a, b] for a, b in itertools.pairwise(path))
    ]
    return max(valid, key=lambda path: sum(scores[t, tag] for t, tag in enumerate(path)))[-1]


def test_a_tag_is_the_last_of_the_best_valid_path_so_far():
    tokens, tags = fields()
    model = randomize(tagger.build(tokens, tags, options(cell="gru")))
    sentence = SENTENCE[:6]
    arrays, decoder = tokens.encode(sentence), tagger.decode(model, tags, options())
    found = [int(tag[0]) for tag in answer_steps(Step(decoder), arrays)]
    logits = answer_whole(model, arrays, 6)
    assert found == [find_last_tag(logits[:last], tags.transitions) for last in range(1, 7)]
    assert found == [answer_whole(decoder, arrays, last)[last - 1] for last in range(1, 7)]
    # Not the likeliest tag of each step, or nothing would be shown.
    assert found != logits.argmax(axis=1).tolist()


def test_a_reset_forgets_all_steps():
    tokens, tags = fields()
    step = Step(tagger.decode(randomize(tagger.build(tokens, tags, options(cell="lstm"))), tags, options()))
    first = answer_steps(step, tokens.encode(SENTENCE))
    step.reset()
    np.testing.assert_array_equal(answer_steps(step, tokens.encode(SENTENCE)), first)


def test_scores_do_not_grow_with_the_stream():
    tokens, tags = fields()
    model = randomize(tagger.build(tokens, tags, options()))
    step = Step(tagger.decode(model, tags, options()))
    arrays = tokens.encode(SENTENCE)
    first = answer_steps(step, arrays)
    for _ in range(200):
        last = answer_steps(step, arrays)
    # A state that settles has given the same answers since long.
    np.testing.assert_array_equal(answer_steps(step, arrays), last)
    assert len(first) == len(last)


@pytest.mark.parametrize("changes", [{"bidirectional": True}, {"bidirectional": True, "cell": "lru"}])
def test_a_model_that_reads_in_both_directions_is_refused(changes):
    tokens, tags = fields()
    with pytest.raises(NotCausalError, match="both directions"):
        Step(tagger.build(tokens, tags, options(**changes)))


def test_a_cell_without_a_state_is_refused():
    tokens, tags = fields()
    with pytest.raises(NotCausalError, match="dnn_0_forward.*may look at other steps"):
        Step(tagger.build(tokens, tags, options(cell="dnn")))


def test_a_beam_search_is_refused():
    output = fit(Transcript(1), ["abc ab"])
    given = options(downsample=1, spec_augment=0.0, vocal_tract_perturbation=0.0)
    model = transcriber.build(Frames(), output, given.replace(beam=1))
    with pytest.raises(NotCausalError, match="beam"):
        Step(transcriber.decode(model, output, given.replace(beam=4)))


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: keras.ops.cumsum(x, axis=1),
        layers.Conv1D(4, 3, padding="causal"),
        layers.GRU(4, return_sequences=True, go_backwards=True),
    ],
)
def test_what_may_look_at_other_steps_is_refused(mix):
    frames, mask = keras.Input((None, 3), name="frames"), keras.Input((None,), dtype="bool", name="mask")
    model = keras.Model({"frames": frames, "mask": mask}, layers.Dense(2)(mix(frames)))
    with pytest.raises(NotCausalError, match="its layer"):
        Step(model)


def test_a_cell_of_ones_own_has_its_step():
    def make(units, **given):
        return layers.RNN([layers.LSTMCell(units), layers.GRUCell(units)], **given)

    TABLE["stacked"] = make
    try:
        frames, mask = keras.Input((None, 3), name="frames"), keras.Input((None,), dtype="bool", name="mask")
        states = stack_layers(frames, mask, cell="stacked", units=4)
        model = randomize(keras.Model({"frames": frames, "mask": mask}, states))
    finally:
        del TABLE["stacked"]
    arrays = {"frames": np.random.default_rng(1).normal(size=(9, 3)).astype("float32")}
    np.testing.assert_allclose(
        np.concatenate(answer_steps(Step(model), arrays)), answer_whole(model, arrays, 9), atol=1e-5
    )
