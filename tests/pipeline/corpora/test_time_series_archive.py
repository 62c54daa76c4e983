from collections import Counter
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from pipeline.corpora import packages, time_series_archive
from pipeline.errors import BadInput
from tasks import find
from tests.harness import small_options

pytestmark = pytest.mark.needs("sktime")


@pytest.mark.parametrize(
    ("name", "counts", "channels", "shortest", "longest", "classes"),
    [
        # As their pages say: timeseriesclassification.com.
        ("JapaneseVowels", (270, 370), 12, 7, 29, 9),
        ("BasicMotions", (40, 40), 6, 100, 100, 4),
        ("PLAID", (537, 537), 1, 100, 1344, 11),
        ("ArrowHead", (36, 175), 1, 251, 251, 3),
        ("ItalyPowerDemand", (67, 1029), 1, 24, 24, 2),
    ],
)
def test_the_data_sets_are_those_of_the_archive(
    name: str, counts: tuple[int, int], channels: int, shortest: int, longest: int, classes: int
) -> None:
    found = time_series_archive.load(name, small_options(find()["series"]))
    assert (len(found["train"]), len(found["test"])) == counts and found.keys() == {"train", "test"}
    examples = [one for split in found.values() for one in split]
    lengths = [len(one.input) for one in examples]
    assert {one.input.channels for one in examples} == {channels}
    assert (min(lengths), max(lengths)) == (shortest, longest)
    assert len(Counter(one.output for one in found["train"])) == classes
    assert not any(np.isnan(one.input.values).any() for one in examples)
    assert set(time_series_archive.SUMMARIES) == set(find()["series"].sources)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_none(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "distribution", find_none)
    with pytest.raises(BadInput, match="of the package sktime is not installed; run: pip install -r requirements.txt"):
        time_series_archive.load("PLAID", small_options(find()["series"]))
