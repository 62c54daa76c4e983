import numpy as np

from pipeline.batches.padding import measure, pad, weigh
from pipeline.fields import UNSEEN, Array

WORDS = {"words": Array((None,), "int32", 10), "characters": Array((None, 2), "int32", 5)}
LABEL = {"output": Array((), "int32", 3)}
TAGS = {"output": Array((None,), "int32", 3)}


def sentence(*numbers):
    return {"words": np.array(numbers, "int32"), "characters": np.array([[n, 1] for n in numbers], "int32")}


def test_time_axes_are_filled_with_0_on_the_right_and_the_mask_says_where():
    batch = pad([sentence(7, 2), sentence(5, 9, 3, 2), sentence(8, 2, 4)], WORDS, 4)
    assert batch["words"].tolist() == [[7, 2, 0, 0], [5, 9, 3, 2], [8, 2, 4, 0]]
    assert batch["mask"].astype(int).tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]]
    assert batch["characters"].shape == (3, 4, 2)
    assert batch["characters"][0].tolist() == [[7, 1], [2, 1], [0, 0], [0, 0]]
    assert (batch["words"].dtype, batch["mask"].dtype) == ("int32", "bool")


def test_arrays_without_time_are_stacked_without_a_mask():
    batch = pad([{"output": np.array(2, "int32")}, {"output": np.array(0, "int32")}], LABEL, 9)
    assert list(batch) == ["output"]
    assert batch["output"].tolist() == [2, 0]


def test_length_is_that_of_the_time_axis():
    assert measure(sentence(1, 2, 3), WORDS) == 3
    assert measure({"output": np.array(1)}, LABEL) == 1


def test_weights_are_0_on_padding_and_on_rows_that_fill_up():
    tags = [{"output": np.array(values, "int32")} for values in ([1], [2, 2], [1, 1])]
    outputs = pad(tags, TAGS, 3)
    assert weigh(outputs, 2).tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert list(outputs) == ["output"]
    outputs = pad(tags, TAGS, 3)
    assert weigh(outputs, 2, per_step=False).tolist() == [1, 1, 0]
    assert list(outputs) == ["output"]
    labels = pad([{"output": np.array(1)}] * 3, LABEL, 3)
    assert weigh(labels, 2).tolist() == [1, 1, 0]


def test_an_output_that_training_has_not_seen_has_no_loss_and_is_padded_as_any_other() -> None:
    arrays = {"output": Array((None,), "int32", 3)}
    outputs = pad([{"output": np.array([2, UNSEEN, 1], "int32")}, {"output": np.array([UNSEEN], "int32")}], arrays, 4)
    assert weigh(outputs, 2).tolist() == [[1, 0, 1, 0], [0, 0, 0, 0]]
    assert outputs["output"].min() == 0 and outputs["output"][0].tolist() == [2, 0, 1, 0]
    alone = pad([{"output": np.array(label, "int32")} for label in (1, UNSEEN)], {"output": Array((), "int32", 3)}, 1)
    assert weigh(alone, 2).tolist() == [1, 0]
    # Measurements may be negative.
    numbers = pad([{"output": np.array(-1.0, "float32")}], {"output": Array((), "float32")}, 1)
    assert weigh(numbers, 1).tolist() == [1] and numbers["output"].tolist() == [-1]
