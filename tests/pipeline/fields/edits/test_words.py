from pipeline.fields.edits.words import Edit, find_edits, list_words


def test_corrections_are_of_one_word_each_and_those_at_one_place_are_one():
    source, target = "She go to big cinema cinema .".split(), "She goes to the very big cinema .".split()
    edits = [Edit(1, 2, ("goes",)), Edit(3, 3, ("the", "very")), Edit(4, 5, ())]
    found = find_edits(source, target)
    # Either of two equal words may be the one that goes.
    assert found[:2] == edits[:2]
    assert found[2] in (Edit(4, 5, ()), Edit(5, 6, ()))
    assert find_edits(source, source) == []


def test_words_and_marks_are_those_of_the_tokenizer():
    assert list_words("It's so-so, isn't it?") == ["It's", "so-so", ",", "isn't", "it", "?"]
