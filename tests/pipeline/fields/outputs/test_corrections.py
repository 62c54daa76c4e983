import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.fields import UNSEEN, Corrections, Draft, Tokens, restore, save
from pipeline.fields.edits.marks import mark, reject

PAIRS = [
    ("She go to cinema .", "She goes to the cinema ."),
    ("the the film are good", "the film is good"),
    ("film is good !", "The film is good !"),
    ("I beleive the  film .", "I believe the  film ."),
    ("She believe it .", "She believes it ."),
    ("We believe it .", "We believe it ."),
    ("The  film alot", "The  film a lot"),
]
MARKED = [mark(*pair) for pair in PAIRS]


@pytest.fixture(scope="module")
def fields():
    draft, corrections = Draft(min_count=2), Corrections(min_count=1)
    draft.fit(draft for draft, _ in PAIRS)
    corrections.attach(draft)
    corrections.fit(MARKED)
    return draft, corrections


def answer(fields, marked):
    """Return what a model answers that gives the right tags: each with the characters of its step."""
    draft, corrections = fields
    tags = corrections.encode(marked)["output"]
    return np.concatenate([tags[:, None], draft.encode(reject(marked))["characters"]], axis=1)


@pytest.mark.parametrize("marked", MARKED)
def test_decode_undoes_encode(fields, marked):
    assert fields[1].decode(answer(fields, marked)) == marked


@pytest.mark.parametrize(
    ("draft", "corrected"),
    [
        ("He saw a dog and ran.", "He saw a dog, and ran."),
        ("He ran.", "He ran away."),
        ("He said go to me.", 'He said "go now" to me.'),
        ("I you too", "I, you, and he, too"),
        ("go (home", "go (to a home)"),
        ('see ("b") x', 'see ("a b") x'),
        ("see ( b", "see (a b"),
        ("a b c", "(a b) c"),
        ("Hello world", "Hello, World"),
        ("is good", '"It is good'),
        ("dog,cat", "dog,cat,pig"),
        ("dog,cat", "dog, cat"),
        ("dog ,cat ran", "dog, cat ran"),
        ("dog,cat", "fish, birds"),
        ("( dog) x", "(dog) x"),
        ("x (dog)", "x ( dog )"),
        ("dog . a", "fish. A"),
    ],
)
def test_words_and_marks_are_added_with_the_blanks_of_the_correction(draft, corrected):
    marked, fields = mark(draft, corrected), (Draft(min_count=1), Corrections(min_count=1))
    fields[0].fit([draft])
    fields[1].attach(fields[0])
    fields[1].fit([marked])
    assert fields[1].restate(fields[1].decode(answer(fields, marked))) == {"corrected": corrected}


def test_a_misspelled_word_points_at_its_candidate_and_has_no_tag_of_its_own(fields):
    draft, corrections = fields
    assert corrections.encode(MARKED[3])["output"][2] == len(corrections.tags)
    assert not [tag for tag in corrections.tags if "believe" in tag and tag != "replace believes"]
    assert corrections.arrays["output"].size == len(corrections.tags) + draft.most


def test_candidates_take_the_capitals_of_the_word(fields):
    text = mark("Beleive it !", "Believe it !")
    assert fields[1].decode(answer(fields, text)) == text


def test_what_no_tag_says_is_unseen_and_what_has_no_such_candidate_stays(fields):
    corrections = fields[1]
    assert corrections.encode(mark("the zzzz", "the film"))["output"].tolist() == [0, 0, UNSEEN]
    output = answer(fields, "the zzzz")
    output[2, 0] = len(corrections.tags) + 3
    assert corrections.decode(output) == "the zzzz"


def test_an_ending_that_many_words_have_is_one_tag():
    verbs = "walk talk jump laugh play stay".split()
    draft, corrections = Draft(), Corrections()
    draft.fit(verbs)
    corrections.attach(draft)
    corrections.fit([mark(f"he {verb}", f"he {verb}s") for verb in verbs])
    assert corrections.tags == ["keep", "ending >s"]


def test_a_long_word_can_be_removed(fields):
    text = "the " + "x" * 60 + " film"
    output = answer(fields, text)
    output[2, 0] = fields[1].tags.index("delete")
    # The tags of its other pieces say nothing.
    output[3, 0] = fields[1].tags.index("replace is")
    assert fields[1].decode(output) == f"the[- {'x' * 60}-] film"


def test_every_word_may_go(fields):
    output = answer(fields, "the film")
    output[1:, 0] = fields[1].tags.index("delete")
    assert fields[1].decode(output) == "[-the film-]"


def test_a_saved_field_goes_on_with_the_input_field_that_it_is_attached_to(fields):
    again = restore(Corrections(min_count=1), save(fields[1]))
    again.attach(fields[0])
    for marked in MARKED:
        np.testing.assert_array_equal(again.encode(marked)["output"], fields[1].encode(marked)["output"])


def test_it_is_said_of_drafts_only():
    with pytest.raises(TypeError, match="expected the input field to be a Draft, got Tokens"):
        Corrections().attach(Tokens())


def test_a_typed_answer_is_a_marked_text(fields):
    assert fields[1].parse(MARKED[0]) == MARKED[0]
    with pytest.raises(BadInput, match="has no other half"):
        fields[1].parse("a [- b")
