import numpy as np
import pytest

from harness.ensemble import average
from models import corrector
from models.cells import Gated
from models.corrector import FORBIDDEN, Pointer, find_bias
from models.families import CORRECTOR
from models.layers.tag_bias import TagBias, find_keepers
from pipeline.batches.padding import pad, weigh
from pipeline.fields import Corrections, Draft
from pipeline.fields.edits.marks import mark
from pipeline.option import declared, make_options
from tests.models import numpy, randomize

PAIRS = [("the flim are good", "the film is good"), ("film", "film"), ("the film is is good", "the film is good")]
DECLARED = tuple(
    {**declared(CORRECTOR.options, "model"), **declared(Gated, "model"), **declared(Draft, "data")}.values()
)
OPTIONS = make_options("small", DECLARED)(cell="gru", units=4, embedding_size=5, dropout=0.0, max_length=20)


@pytest.fixture(scope="module")
def fields():
    draft, corrections = Draft(min_count=2), Corrections()
    draft.fit(text for pair in PAIRS for text in pair)
    corrections.attach(draft)
    corrections.fit(mark(*pair) for pair in PAIRS)
    return draft, corrections


@pytest.fixture(scope="module")
def model(fields):
    return randomize(corrector.build(*fields, OPTIONS))


def draw(fields, steps):
    inputs = pad([fields[0].encode(text) for text, _ in PAIRS], fields[0].arrays, steps)
    outputs = pad([fields[1].encode(mark(*pair)) for pair in PAIRS], fields[1].arrays, steps)
    return inputs, weigh(outputs, len(PAIRS))


def test_logits_do_not_see_the_padding_and_no_candidate_that_is_not_there_is_possible(fields, model):
    inputs, weights = draw(fields, 6)
    logits, longer = (numpy(model(draw(fields, steps)[0])) for steps in (6, 9))
    np.testing.assert_allclose(longer[:, :6][weights > 0], logits[weights > 0], atol=1e-5)
    scores = logits[..., len(fields[1].tags) :]
    np.testing.assert_array_equal(scores > FORBIDDEN / 2, inputs["candidates"] > 0)
    assert (inputs["candidates"] > 0).any()


def test_pointer_is_the_equation():
    draw = np.random.default_rng(0)
    states, vectors = draw.normal(size=(2, 3, 4)), draw.normal(size=(2, 3, 2, 5))
    candidates, ways = draw.integers(1, 9, (2, 3, 2)), draw.integers(1, 6, (2, 3, 2))
    pointer = Pointer(7, 6)
    pointer(states.astype("float32"), vectors.astype("float32"), candidates, ways)
    assert not numpy(pointer.rank).any()
    pointer.rank.assign(rank := np.array([0.5, -1.0], "float32"))
    found = numpy(pointer(states.astype("float32"), vectors.astype("float32"), candidates, ways))
    kernel, bias = map(numpy, pointer.of_state.weights)
    of_candidate, of_way, score = (
        numpy(layer.weights[0]) for layer in (pointer.of_candidate, pointer.of_way, pointer.score)
    )
    for place in np.ndindex(2, 3, 2):
        hidden = np.tanh(states[place[:2]] @ kernel + bias + vectors[place] @ of_candidate + of_way[ways[place]])
        assert found[place] == pytest.approx((hidden @ score).item() + rank[place[2]], abs=1e-5)


def test_a_bias_makes_the_tag_that_changes_nothing_likelier():
    logits = np.array([[[1.0, 1.5, 0.0], [0.0, 0.0, 2.0]]], "float32")
    for bias, expected in ((0.0, [1, 2]), (1.0, [0, 2]), (3.0, [0, 0])):
        assert numpy(TagBias(bias)(logits)).argmax(-1)[0].tolist() == expected


def test_decoded_answers_are_texts_with_their_corrections(fields, model):
    inputs, _ = draw(fields, 6)
    # So high a bias that nothing is changed.
    found = corrector.decode(model, fields[1], OPTIONS.replace(keep_bias=20.0))(inputs)
    for row, (text, _) in enumerate(PAIRS):
        steps = 1 + len(text.split())
        assert fields[1].compose({name: numpy(array)[row, :steps] for name, array in found.items()}) == text
    likely = numpy(model(inputs))
    best = numpy(corrector.decode(model, fields[1], OPTIONS)(inputs)["output"])
    np.testing.assert_array_equal(best, likely.argmax(-1))


def test_the_bias_is_the_least_by_which_the_share_of_right_texts_is_kept():
    margins = np.random.default_rng(0).permutation(999) / 100
    bias = find_bias(margins.tolist(), 0.9)
    # Of 1,000 with one more that is not known a tenth may be changed.
    assert (margins > bias).sum() == 99 and (margins > bias - 0.01).sum() == 100
    assert find_bias(margins[:5].tolist(), 0.9) >= margins[:5].max()
    assert find_bias([], 0.9) == 0.0 == find_bias([-1.0, -2.0], 0.9)


def test_what_is_fitted_to_right_texts_keeps_them_and_is_decoded_by_and_saved(fields):
    options = OPTIONS.replace(keep_share=0.5)
    model = randomize(corrector.build(*fields, options))
    # Of three one is right, and one has a mistake that no tag mends; the last row only fills the batch up.
    pairs = [PAIRS[1], PAIRS[0], ("film is film", "film was film"), PAIRS[1]]
    inputs = pad([fields[0].encode(text) for text, _ in pairs], fields[0].arrays, 6)
    outputs = pad([fields[1].encode(mark(*pair)) for pair in pairs], fields[1].arrays, 6)
    weights = weigh(outputs, 3)
    assert weights[2].sum() < 4 and not outputs["output"][2].any()
    found = corrector.make_fitter(model, fields[1], options)([(inputs, outputs["output"], weights)])
    logits = numpy(model(inputs))
    margin = (logits[0, :2, 1:].max(-1) - logits[0, :2, 0]).max()
    assert found == {"keep_bias": pytest.approx(max(margin + 1e-3, 0), abs=1e-5)}
    assert numpy(model.get_layer("prior").fitted) == pytest.approx(found["keep_bias"])
    model.get_layer("prior").fitted.assign(20.0)
    assert not numpy(corrector.decode(model, fields[1], options)(inputs)["output"]).any()
    unbiased = numpy(corrector.decode(model, fields[1], options.replace(keep_bias=0.0))(inputs)["output"])
    np.testing.assert_array_equal(unbiased, logits.argmax(-1))
    # Several models as one decode by the mean of what was fitted to each.
    together = average([model, randomize(corrector.build(*fields, options))], fields[1].arrays["output"])
    first, second = find_keepers(together)
    assert numpy(first.fitted) == 20.0
    second.fitted.assign(40.0)
    assert not numpy(corrector.decode(together, fields[1], options)(inputs)["output"]).any()
    model.get_layer("prior").save_own_variables(kept := {})
    assert kept["0"] == 20.0
