from itertools import product

import numpy as np
import pytest

from harness.tuning.expected_best import expect_best

SCORES = [0.3, 0.9, 0.5, 0.5]


@pytest.mark.parametrize("lower_is_better", [False, True])
def test_the_expected_best_is_the_mean_over_all_draws_with_replacement(lower_is_better: bool) -> None:
    best = min if lower_is_better else max
    draws = [np.mean([best(draw) for draw in product(SCORES, repeat=number)]) for number in range(1, 5)]
    assert expect_best(SCORES, lower_is_better=lower_is_better) == pytest.approx(draws)
