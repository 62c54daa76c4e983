"""Answers without Keras' own call: the same as with it, by the weights of the moment."""

import gc
import weakref

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from models.backends.answering import answer_batch


def make_model() -> keras.Model:
    words = keras.Input((5,), dtype="int32", name="words")
    vectors = keras.layers.Dropout(0.5)(keras.layers.Embedding(9, 4)(words))
    logits = keras.layers.Dense(3)(keras.layers.BatchNormalization()(vectors))
    return keras.Model({"words": words}, {"logits": logits, "output": keras.ops.argmax(logits, axis=-1)})


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    return {"words": np.random.default_rng(0).integers(0, 9, (2, 5)).astype("int32")}


def test_a_batch_is_answered_as_by_keras_with_the_weights_of_the_moment(arrays: dict[str, np.ndarray]) -> None:
    model = make_model()
    for _ in range(3):
        found, expected = answer_batch(model, arrays), model.predict_on_batch(arrays)
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype
        before = found["logits"]
        for variable in model.variables:
            if variable.dtype == "float32":
                variable.assign(variable + 0.1)
        assert not np.allclose(answer_batch(model, arrays)["logits"], before)


def test_what_runs_an_exported_model_is_asked_by_the_same_name(arrays: dict[str, np.ndarray]) -> None:
    class Runner:
        def predict_on_batch(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {"output": inputs["words"] + 1}

    assert_array_equal(answer_batch(Runner(), arrays)["output"], arrays["words"] + 1)  # type: ignore[arg-type]


def test_the_states_stay_as_they_were(arrays: dict[str, np.ndarray]) -> None:
    model = make_model()
    before = [np.array(variable) for variable in model.non_trainable_variables]
    answer_batch(model, arrays)
    for variable, state in zip(model.non_trainable_variables, before, strict=True):
        assert_array_equal(np.array(variable), state)


def test_a_model_that_was_asked_is_not_kept(arrays: dict[str, np.ndarray]) -> None:
    model = make_model()
    answer_batch(model, arrays)
    gone = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert gone() is None
