from pipeline.fields.edits.spelling import DISTANCE, WAYS, Candidates, measure_closeness

WORDS = ["<padding>", "<unknown>", "the", "film", "believe", "relieve", "there", "belief", "a", "2001"]


def test_candidates_are_all_known_words_within_the_distance_the_most_alike_first():
    from rapidfuzz.distance import OSA

    candidates = Candidates(WORDS, 8, reserved=2)
    for word in ("beleive", "teh", "flim", "xxxxxxx", "relief"):
        found = candidates.find(word)
        near = {other for other in WORDS[2:] if len(other) > 1 and OSA.distance(word, other) <= DISTANCE}
        assert {one.word for one in found} == near - {"2001"}
        assert all(WORDS[one.place] == one.word and 0 < one.closeness < WAYS for one in found)
    assert candidates.find("beleive")[0].word == "believe"
    assert len(Candidates(WORDS, 1, reserved=2).find("relief")) == 1


def test_what_has_no_letter_has_no_candidate():
    assert Candidates(WORDS, 8, reserved=2).find("2002") == ()


def test_the_ways_of_being_close_are_told_apart():
    pairs = [
        ("teh", "the", 1), ("comming", "coming", 1), ("comittee", "committe", 2), ("seperate", "separate", 1),
        ("fild", "film", 1), ("frind", "friend", 1), ("friendt", "friend", 1), ("definatly", "definitely", 2),
        ("wvrds", "works", 2),
    ]  # fmt: skip
    # But for the first and the last letter.
    kinds = [(measure_closeness(*pair) - 1) // 4 for pair in pairs]
    assert kinds == [0, 1, 8, 3, 4, 5, 6, 7, 8]
    assert [(measure_closeness("aab", "aaab", 1) - 1) // 4, (measure_closeness("ab", "aabb", 2) - 1) // 4] == [1, 2]
    assert measure_closeness("fild", "film", 1) != measure_closeness("gilm", "film", 1)
