"""Series classifier: what is changed at random is changed in training alone, and never the padding."""

import numpy as np
import pytest

from harness.options import defaults
from models import series_classifier
from pipeline.errors import BadInput
from pipeline.fields import Label, Signal, TimeSeries
from tasks import find

SERIES = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")


def build(missing: str, **changed: object):
    field = TimeSeries(missing=missing)  # type: ignore[arg-type]
    field.fit(Signal(one) for one in SERIES)
    label = Label()
    label.fit(["a", "b"])
    options = defaults(find()["series"]).replace(units=4, cell="gru", **changed)  # type: ignore[arg-type]
    return series_classifier.build(field, label, options)


@pytest.mark.slow
def test_noise_and_hiding_are_of_training_alone_and_padding_changes_nothing() -> None:
    model = build("decay", noise=0.5, spec_augment=0.5, dropout=0.0)
    times = np.tile(np.arange(6.0)[None, :, None], (2, 1, 1))
    inputs = {"values": SERIES, "observed": np.ones_like(SERIES), "time": times, "mask": np.ones((2, 6), bool)}
    found, again = (np.asarray(model(inputs)) for _ in range(2))
    assert found.shape == (2, 2) and np.array_equal(found, again)
    assert not np.allclose(np.asarray(model(inputs, training=True)), found)
    padded = {
        name: np.concatenate([array, np.zeros((2, 3, *array.shape[2:]), array.dtype)], axis=1)
        for name, array in inputs.items()
    }
    assert np.asarray(model(padded)) == pytest.approx(found, abs=1e-6)


def test_blocks_are_built_where_they_are_asked_for_and_refused_around_a_decay() -> None:
    assert any(layer.name == "block_0" for layer in build("forward", block=True).layers)
    with pytest.raises(BadInput, match="--block: the first layer reads the input as it is"):
        build("decay", block=True)
