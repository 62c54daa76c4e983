import pytest

from pipeline.errors import BadInput
from pipeline.fields import UNSEEN, Label
from tests.pipeline.fields import fitted


def test_labels_round_trip_and_one_alone_is_refused():
    label = fitted(Label(), ["no", "yes", "no"])
    assert [label.decode(label.encode(name)["output"]) for name in ("yes", "no")] == ["yes", "no"]
    assert label.encode("yes")["output"].shape == ()
    with pytest.raises(BadInput, match="one label only, 'yes'"):
        Label().fit(["yes", "yes"])
    assert label.find_unseen("maybe") == {"maybe"} and not label.find_unseen("yes")
    assert label.encode("maybe")["output"] == UNSEEN
