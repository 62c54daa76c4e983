import numpy as np
import pytest
from scipy import stats

from pipeline.errors import BadInput
from pipeline.fields import Histogram, Label, restore, save
from tests.pipeline.fields import fitted


def test_a_histogram_is_a_gaussian_around_the_number_and_is_read_by_its_median():
    histogram = fitted(Histogram(), [0, 1, 4])
    edges = histogram.edges
    wide = edges[1] - edges[0]
    assert (edges[2], edges[-3]) == (pytest.approx(0), pytest.approx(4))
    encoded = histogram.encode(1)["output"]
    gaussian = stats.norm(1, 0.75 * wide)
    np.testing.assert_allclose(encoded, np.diff(gaussian.cdf(edges)), atol=1e-6)
    assert encoded.sum() == pytest.approx(1)
    for number in (0, 0.3, 1, 2.5, 4):
        assert histogram.decode(histogram.encode(number)["output"]) == pytest.approx(number, abs=wide / 10)
    # Half of it below the middle of a bin, half above, and a mean that lies elsewhere.
    divided = np.zeros(histogram.BINS)
    divided[[3, 10, 24]] = 0.4, 0.2, 0.4
    assert histogram.decode(divided) == pytest.approx((edges[10] + edges[11]) / 2)
    divided[[3, 10, 24]] = 0, 0, 1
    assert histogram.decode(divided) == 4


def test_a_number_outside_of_the_training_range_is_encoded_as_the_nearest_within():
    histogram = fitted(Histogram(), [0, 4])
    np.testing.assert_array_equal(histogram.encode(9)["output"], histogram.encode(4)["output"])


def test_levels_are_the_numbers_of_the_training_data_and_are_read_by_their_median():
    levels = fitted(Histogram(loss="ordinal"), [4, 1, 1, 2])
    assert levels.levels == [1, 2, 4] and levels.arrays["output"].ordered
    for number, nearest in ((1, 0), (2.6, 1), (9, 2)):
        np.testing.assert_array_equal(levels.encode(number)["output"], np.eye(3)[nearest])
    for likely, median in (([0.4, 0.2, 0.4], 2), ([0.6, 0.1, 0.3], 1), ([0.2, 0.2, 0.6], 4), ([0, 0, 0.9999], 4)):
        assert levels.decode(np.array(likely, "float32")) == median
    assert list(levels.range_names) == ["1", "2", "4"]


@pytest.mark.parametrize(("numbers", "count"), [([3, 3], "1"), (np.arange(51) / 7, "51")])
def test_too_few_or_too_many_levels_are_refused(numbers, count):
    with pytest.raises(BadInput, match=f"--loss ordinal: expected 2 to 50 different numbers .* got {count};"):
        fitted(Histogram(loss="ordinal"), numbers)


@pytest.mark.parametrize(("numbers", "levels"), [([2, 1, 2], [1, 2]), ([3, 3], None), (np.arange(51) / 7, None)])
def test_few_different_numbers_are_levels_by_themselves_and_others_are_not(numbers, levels):
    assert fitted(Histogram(loss="auto"), numbers).levels == levels
    assert fitted(Histogram(), numbers).levels is None


@pytest.mark.parametrize(("kind", "later"), [(Label, "counts"), (Histogram, "levels")])
def test_a_field_that_was_saved_before_there_were_weights_or_levels_is_restored(kind, later):
    saved = save(fitted(kind(), ["a", "b"] if kind is Label else [1, 2]))
    del saved[later]
    assert save(restore(kind(), saved)) == saved | {later: None}
