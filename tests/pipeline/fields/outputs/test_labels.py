import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from pipeline.errors import BadInput
from pipeline.fields import Labels, reconfigure, restore, save
from tests.pipeline.fields import fitted

SETS = [("war",), (), ("peace", "war"), ("sport", "war")]


def test_sets_of_labels_round_trip_none_at_all_too():
    labels = fitted(Labels(), SETS)
    assert labels.categories == ["peace", "sport", "war"]
    for one in SETS:
        assert labels.decode(labels.encode(one)["output"]) == one
        assert restore(Labels(), save(labels)).decode(labels.encode(one)["output"]) == one
    assert labels.encode(("peace", "war"))["output"].tolist() == [1, 0, 1]


def test_a_label_is_answered_from_the_threshold_on():
    labels, likely = fitted(Labels(threshold=0.3), SETS), np.array([0.3, 0.29, 0.9], "float32")
    assert labels.decode(likely) == ("peace", "war")
    assert reconfigure(labels, {"threshold": 0.95, "units": 3}).decode(likely) == ()
    assert reconfigure(labels, {"units": 3}) is labels
    assert labels.name_probabilities(likely) == pytest.approx({"peace": 0.3, "sport": 0.29, "war": 0.9})


def test_what_is_new_in_other_data_comes_after_what_is_known_and_answers_stay_in_order():
    labels = fitted(Labels(), SETS)
    assert labels.extend([("art", "war")]) == ["1 new label"]
    assert labels.categories == ["peace", "sport", "war", "art"]
    assert labels.encode(("art", "war"))["output"].tolist() == [0, 0, 1, 1]
    assert labels.decode(np.ones(4, "float32")) == ("art", "peace", "sport", "war")


def test_a_label_that_is_unknown_is_told_and_has_no_place():
    labels = fitted(Labels(), SETS)
    assert labels.find_unseen(("war", "music")) == {"music"}
    assert labels.encode(("war", "music"))["output"].tolist() == [0, 0, 1]
    with pytest.raises(BadInput, match="no example of the training data has a label"):
        Labels().fit([(), ()])


def test_typed_labels_have_commas_between_them():
    assert Labels().parse(" war, peace,,war ") == ("peace", "war") and Labels().parse("") == ()


def test_balanced_weights_are_those_of_scikit_learn_for_each_label():
    labels = fitted(Labels(class_weights="balanced"), SETS)
    having = np.stack([labels.encode(one)["output"] for one in SETS])
    expected = [compute_class_weight("balanced", classes=np.array([0, 1]), y=column) for column in having.T]
    assert labels.arrays["output"].weights == pytest.approx(np.transpose(expected).ravel())
    assert fitted(Labels(), SETS).arrays["output"].weights is None
