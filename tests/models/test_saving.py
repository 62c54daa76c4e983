"""Classes that have been renamed stand in saved models under their earlier names."""

import keras
import numpy as np
import pytest

import models.custom_objects  # noqa: F401
from models.layers.subsample import Subsample
from models.layers.word_dropout import WordDropout

EARLIER = {
    "Forget": ("models.layers.word_dropout", "WordDropout"),
    "Hide": ("models.layers.random_changes", "SpecAugment"),
    "Stretch": ("models.layers.random_changes", "VocalTractPerturbation"),
    "Warp": ("models.layers.random_changes", "RandomAffine"),
    "Halve": ("models.layers.subsample", "Subsample"),
    "Standardised": ("models.captioner", "WeightStandardizedConv2D"),
    "Colours": ("models.captioner", "ColourHistogram"),
    "Within": ("models.cells.indrnn", "MaxAbs"),
    "Chrono": ("models.cells.chrono", "ChronoInitializer"),
    "Flat": ("models.cells.baselines", "FlatDense"),
}


@pytest.mark.parametrize("name", EARLIER)
def test_a_renamed_class_is_found_by_its_earlier_name(name: str) -> None:
    module, now = EARLIER[name]
    found = keras.saving.get_registered_object(f"unrolled>{name}")
    assert (found.__module__, found.__qualname__) == (module, now)


def test_word_dropout_of_an_earlier_model_makes_words_unknown_by_the_number_1() -> None:
    config = WordDropout(0.4, unknown=5).get_config()
    assert WordDropout.from_config(config).unknown == 5
    del config["unknown"]
    assert WordDropout.from_config(config).unknown == 1


def test_word_dropout_without_a_number_for_unknown_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no number for an unknown word"):
        WordDropout(0.4, unknown=None)


def test_the_weights_of_a_renamed_layer_are_stored_under_its_earlier_name(tmp_path) -> None:
    h5py = pytest.importorskip("h5py")
    frames, mask = keras.Input((None, 2)), keras.Input((None,), dtype="bool")
    model = keras.Model([frames, mask], Subsample(3)(frames, mask)[0])
    model.save_weights(tmp_path / "model.weights.h5")
    with h5py.File(tmp_path / "model.weights.h5") as stored:
        assert np.array(stored["layers/halve/convolution/vars/0"]).shape == (3, 2, 3)
