"""Sequences that are read in windows."""

import numpy as np
import pytest

from pipeline.batches.windows import Window, find_windows, group, join


def test_what_is_short_enough_is_in_no_window():
    assert find_windows([3, 8, 1], 8) == []
    assert find_windows([], 8) == []


def test_a_long_example_is_in_windows_beside_others_that_are_whole():
    found = find_windows([3, 10], 6)
    assert found == [Window(0, 0, 3, 0, 3), Window(1, 0, 6, 0, 5), Window(1, 4, 10, 5, 10)]
    assert group(found) == [[0], [1, 2]]


@pytest.mark.parametrize("length", [9, 10, 15, 16, 17, 40, 1001])
@pytest.mark.parametrize("longest", [1, 2, 3, 8])
def test_each_step_is_seen_and_counts_once_in_windows_of_one_length(length, longest):
    windows = find_windows([length], longest)
    assert {window.end - window.begin for window in windows} == {longest}
    counted = np.concatenate([np.arange(window.first, window.last) for window in windows])
    assert counted.tolist() == list(range(length))
    for window in windows:
        assert window.begin <= window.first < window.last <= window.end
        assert np.flatnonzero(window.weigh()).tolist() == list(
            range(window.first - window.begin, window.last - window.begin)
        )


def test_inner_windows_leave_steps_on_both_sides_to_their_neighbours():
    for window in find_windows([100], 16)[1:-1]:
        assert window.begin + 2 <= window.first and window.last + 2 <= window.end


def test_answers_are_those_of_the_whole_where_the_windows_agree():
    whole = list("abcdefghijklmnopqrstuvwxyz")
    windows = find_windows([26], 8)
    found, seams = join([whole[window.begin : window.end] for window in windows], windows)
    assert found == whole
    assert len(seams) == len(windows) - 1


def test_windows_that_disagree_meet_at_a_step_to_which_both_answer_the_same():
    windows = [Window(0, 0, 6, 0, 4), Window(0, 2, 8, 4, 8)]
    # They see steps 2 to 5, and agree on step 5: cut in the middle, "I" would follow the "O" of step 3.
    first, second = list("OBIOOB"), list("OBIBIO")
    found, seams = join([first, second], windows)
    assert (found, seams) == (list("OBIOOBIO"), [6])


def test_windows_that_agree_nowhere_meet_in_the_middle():
    windows = [Window(0, 0, 4, 0, 3), Window(0, 2, 6, 3, 6)]
    assert join([list("aaaa"), list("bbbb")], windows) == (list("aaabbb"), [3])
