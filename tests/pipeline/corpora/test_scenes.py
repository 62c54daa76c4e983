"""Generated scenes: what is held out, and that the pictures show what the captions say."""

import random
import time

import numpy as np
import pytest

from pipeline.corpora import scenes
from pipeline.corpora.scenes import COLOURS, NEW_PAIRS, RELATIONS, SHAPES, SIZE, Scene
from pipeline.example import Alternatives


@pytest.fixture(scope="module")
def splits():
    return scenes.generate(train=3000, validation=400, test=400)


def captions(example) -> tuple[str, ...]:
    return example.output if isinstance(example.output, Alternatives) else (example.output,)


def parse(caption: str) -> tuple:
    """Return the pairs and the relation that a caption names."""
    words = caption.replace("left of", "left_of").replace("right of", "right_of").split()
    return tuple(tuple(words[at : at + 2]) for at in range(1, len(words), 4)), *words[3:4]


def test_a_seed_gives_the_same_scenes_and_another_seed_others():
    one, same, other = (scenes.generate(20, 5, 5, seed) for seed in (0, 0, 1))
    assert one == same
    assert all(first.input != second.input for first, second in zip(one["train"], other["train"], strict=True))


def test_more_scenes_begin_with_the_same_ones():
    assert scenes.generate(30, 5, 5)["train"][:20] == scenes.generate(20, 5, 5)["train"]


def test_a_limit_draws_the_first_scenes_only_but_every_word():
    limited = scenes.generate(600, 5, 5, limit=3)
    assert [len(examples) for examples in limited.values()] == [500, 5, 5]
    assert limited["train"][:20] == scenes.generate(20, 5, 5)["train"]
    words = {word for example in limited["train"] for word in example.output.split()}
    assert words == {"a", "above", "below", "left", "right", "of", *scenes.COLOURS, *scenes.SHAPES}


def test_no_combination_of_the_test_is_in_training(splits):
    seen = {caption for example in splits["train"] for caption in captions(example)}
    pairs = {pair for caption in seen for pair in parse(caption)[0]}
    for split in ("validation", "test"):
        new = 0
        for example in splits[split]:
            assert seen.isdisjoint(captions(example))
            new += not pairs.issuperset(parse(captions(example)[0])[0])
        assert 0.35 < new / len(splits[split]) < 0.65
    assert not NEW_PAIRS["validation"] & NEW_PAIRS["test"]


def test_validation_and_test_share_no_scene(splits):
    shown = [{caption for example in splits[split] for caption in captions(example)} for split in NEW_PAIRS]
    assert shown[0].isdisjoint(shown[1])


def test_every_word_is_in_training(splits):
    words = {split: {w for e in examples for c in captions(e) for w in c.split()} for split, examples in splits.items()}
    expected = {"a", "of", "above", "below", "left", "right", *COLOURS, *SHAPES}
    assert words["train"] == expected
    assert words["test"] == expected


def test_a_picture_is_said_from_both_sides():
    scene = Scene(("red", "circle"), "above", ("blue", "square"))
    assert scene.captions() == ("a red circle above a blue square", "a blue square below a red circle")
    assert Scene(("red", "moon")).captions() == ("a red moon",)


def centre(picture: np.ndarray, colour: str) -> np.ndarray:
    """Return the mean x and y of the pixels nearest to a colour."""
    near = np.abs(picture.astype(int) - COLOURS[colour]).sum(axis=2) < 60
    return np.argwhere(near).mean(axis=0)[::-1]


@pytest.mark.parametrize("relation", RELATIONS)
def test_things_are_where_the_relation_says(relation: str):
    chooser = random.Random(0)
    axis, other = (1, 0) if relation == "above" else (0, 1)
    for _ in range(50):
        shapes = chooser.choices(list(SHAPES), k=2)
        picture = scenes.draw(Scene(("red", shapes[0]), relation, ("blue", shapes[1])), chooser)
        step = centre(picture, "blue") - centre(picture, "red")
        assert step[axis] > abs(step[other])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_lies_inside_the_picture_with_a_smooth_edge(shape: str):
    chooser = random.Random(1)
    for _ in range(20):
        picture = scenes.draw(Scene(("black", shape)), chooser)
        assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8
        light = picture.mean(axis=2)
        dark, ground = light < 45, light > 180
        assert 40 < dark.sum() < SIZE * SIZE / 4
        between = ~dark & ~ground
        assert 8 < between.sum() < 250
    # The moon, the ring and the star leave parts of their square free; a circle of the same size does not.
    ground = np.zeros((SIZE, SIZE, 3), "float32")
    scenes.paint(ground, shape, colour=np.array([255.0, 255.0, 255.0]), centre=(24, 24), size=20, turn=0.0)
    assert ground[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0


def test_shapes_differ_from_each_other():
    painted = {}
    for shape in SHAPES:
        ground = np.zeros((SIZE, SIZE, 3), "float32")
        scenes.paint(ground, shape, colour=np.ones(3, "float32"), centre=(24, 24), size=10, turn=0.0)
        painted[shape] = ground[:, :, 0]
    for one in SHAPES:
        for other in SHAPES:
            if one != other:
                assert abs(painted[one] - painted[other]).sum() > 0.15 * painted[one].sum()


def test_a_thousand_scenes_take_less_than_two_seconds():
    start = time.process_time()
    scenes.generate(1000, 1, 1)
    assert time.process_time() - start < 2
