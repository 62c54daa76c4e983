import random

import pytest

from pipeline.errors import BadInput
from pipeline.fields.edits.marks import accept, check, mark, reject


@pytest.mark.parametrize(
    "source, target, marked",
    [
        ("She go home.", "She goes home.", "She [-go-]{+goes+} home."),
        ("to cinema now", "to the cinema now", "to{+ the+} cinema now"),
        ("the the film", "the film", "the[- the-] film"),
        ("film is good", "The film is good", "{+The +}film is good"),
        ("alot of it", "a lot of it", "[-alot-]{+a lot+} of it"),
        ("good", "good", "good"),
        ("x y", "", "[-x y-]"),
    ],
)
def test_changes_are_marked_by_words(source, target, marked):
    assert mark(source, target) == marked


def test_both_texts_are_found_in_any_marked_text_whatever_marks_they_hold_themselves():
    draw = random.Random(0)
    for _ in range(3000):
        source, target = ("".join(draw.choices("ab .[-{+\\]}+", k=draw.randint(0, 9))) for _ in range(2))
        marked = mark(source, target)
        assert (reject(marked), accept(marked)) == (source, target)


@pytest.mark.parametrize("marked, half", [("a [-b", "[-"), ("a+} b", "+}"), ("[-a-] {+b", "{+"), ("a -] b", "-]")])
def test_a_mark_without_its_other_half_is_refused(marked, half):
    with pytest.raises(BadInput) as caught:
        check(marked)
    assert str(caught.value) == f"the mark {half} in {marked!r} has no other half; write [-removed-]{{+added+}}"


def test_a_marked_text_is_taken_as_it_is():
    assert check(mark("a [-b-]", "a {+c")) == mark("a [-b-]", "a {+c")
