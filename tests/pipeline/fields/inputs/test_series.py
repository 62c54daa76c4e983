import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import Series, restore, save


def test_steps_become_vectors() -> None:
    found = Series(2).encode("0.25,1  -3e2,0")["values"]
    assert found.dtype == "float32" and found.tolist() == [[0.25, 1], [-300, 0]]
    assert Series(1).encode("1 2 3")["values"].tolist() == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no step in ''; give at least one, such as 0.5,0.5"),
        ("0.5,1 0.5", r"step 2 is '0.5'; expected 2 numbers, such as 0.5,0.5"),
        ("0.5,1 0.5,1,1", "step 2 is '0.5,1,1'"),
        ("1,2,3 1,2,3", "step 1 is '1,2,3'"),
        ("0.5,1 x,1", "step 2 is 'x,1'"),
        ("nan,1", "step 1 is 'nan,1'"),
        ("1,1 1,inf", "step 2 is '1,inf'"),
        ("1, 2", "step 1 is '1,'"),
    ],
)
def test_what_is_no_series_is_refused_with_the_step(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Series(2).encode(text)


def test_a_series_comes_back() -> None:
    assert restore(Series(2), save(Series(2))) == Series(2)
    assert Series(2).arrays["values"].shape == (None, 2) and np.dtype(Series(2).arrays["values"].dtype) == "float32"
