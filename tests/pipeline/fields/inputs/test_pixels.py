from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import Picture, Pixels, restore, save

LEVELS = np.arange(32, dtype="uint8").reshape(2, 4, 4) * 8
PICTURES = [
    Picture.from_pixels(np.repeat(levels[:, :, None], 3, axis=2), str(number)) for number, levels in enumerate(LEVELS)
]


def fit(order: str = "rows") -> Pixels:
    field = Pixels(order=order)  # type: ignore[arg-type]
    field.fit(PICTURES)
    return field


def test_pixels_are_read_row_by_row_and_standardised() -> None:
    field = fit()
    found = np.stack([field.encode(picture)["values"] for picture in PICTURES])
    assert field.side == 4 and found.shape == (2, 16, 1) and found.dtype == "float32"
    expected = (LEVELS.reshape(2, 16) - LEVELS.mean()) / LEVELS.std()
    assert found[..., 0] == pytest.approx(expected, abs=1e-4)


def test_permuted_pixels_are_the_same_in_an_order_that_never_changes() -> None:
    rows, permuted = fit(), fit("permuted")
    places = permuted._places
    assert sorted(places) == list(range(16)) and places != list(range(16)) and places == fit("permuted")._places
    one, other = (field.encode(PICTURES[1])["values"] for field in (rows, permuted))
    assert np.array_equal(other, one[places])
    assert permuted.list_steps(PICTURES[0], {})[0] == f"row {places[0] // 4 + 1}, column {places[0] % 4 + 1}"


def test_a_file_has_the_pixels_that_it_was_saved_with(tmp_path: Path) -> None:
    field = fit()
    PICTURES[0].save(tmp_path / "0.png")
    read = field.parse(f" {tmp_path / '0.png'} ")
    assert read.side == 4 and np.array_equal(field.encode(read)["values"], field.encode(PICTURES[0])["values"])
    with pytest.raises(BadInput, match="there is no such image"):
        field.parse("none.png")


def test_a_field_comes_back() -> None:
    assert restore(Pixels(order="permuted"), save(fit("permuted"))) == fit("permuted")
