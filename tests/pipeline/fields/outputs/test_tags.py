from pipeline.fields import UNSEEN, Tags
from tests.pipeline.fields import fitted


def test_tags_round_trip_and_one_that_training_has_not_is_unseen():
    tags = fitted(Tags(), [("VERB", "NOUN"), ("ADJ", "NOUN")])
    assert tags.tags == ["ADJ", "NOUN", "VERB"]
    assert tags.transitions is None
    numbers = tags.encode(("NOUN", "ADJ"))["output"]
    assert numbers.tolist() == [1, 0]
    assert tags.decode(numbers) == ("NOUN", "ADJ")
    assert tags.find_unseen(("NOUN", "NOUM", "NOUM")) == {"NOUM"}
    assert tags.encode(("NOUM", "ADJ"))["output"].tolist() == [UNSEEN, 0]


def test_span_tags_know_both_letters_of_each_type_and_which_may_follow_which():
    tags = fitted(Tags(spans=True), [("B-X", "O"), ("B-Y", "I-Y")])
    assert tags.tags == ["B-X", "B-Y", "I-X", "I-Y", "O"]
    assert tags.transitions.astype(int).tolist() == [
        [1, 1, 0, 0, 1],  # at the start
        [1, 1, 1, 0, 1],  # after B-X
        [1, 1, 0, 1, 1],  # after B-Y
        [1, 1, 1, 0, 1],  # after I-X
        [1, 1, 0, 1, 1],  # after I-Y
        [1, 1, 0, 0, 1],  # after O
    ]


def test_span_tags_of_a_single_type_without_a_name():
    tags = fitted(Tags(spans=True), [("B", "I", "O")])
    assert tags.tags == ["B", "I", "O"]
    assert tags.encode(("B", "I", "O"))["output"].tolist() == [0, 1, 2]
    assert tags.transitions.astype(int).tolist() == [[1, 0, 1], [1, 1, 1], [1, 1, 1], [1, 0, 1]]
