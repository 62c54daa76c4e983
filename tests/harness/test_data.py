from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import data
from pipeline import store
from pipeline.example import Alternatives, Example
from pipeline.images import Image, Picture
from pipeline.subwords import Writing
from tests.harness import small, small_options
from tests.models import fit

PIXELS = np.zeros((4, 4, 3), "uint8")
ONE, OTHER = Picture.from_pixels(PIXELS, "one"), Picture.from_pixels(PIXELS + 1, "other")
EXAMPLES = [Example(ONE, Alternatives(["a cat", "a pet"]), "f:1"), Example(OTHER, "a dog", "f:3")]


def test_each_right_output_is_learned():
    assert data.expand(EXAMPLES) == [
        Example(ONE, "a cat", "f:1"),
        Example(ONE, "a pet", "f:1"),
        Example(OTHER, "a dog", "f:3"),
    ]
    tags = [Example(("a", "b"), ("X", "Y"))]
    assert data.expand(tags) == tags


def test_of_several_outputs_the_first_is_encoded_and_of_one_image_one_array_is_kept():
    words = fit(Writing("word", 20), ["a cat", "a pet", "a dog"])
    inputs, outputs = data.encode(EXAMPLES, Image(4), words)
    assert [words.decode(output["output"]) for output in outputs] == ["a cat", "a dog"]
    inputs, _ = data.encode(data.expand(EXAMPLES), Image(4), words)
    assert inputs[0]["image"] is inputs[1]["image"] is not inputs[2]["image"]


def test_a_change_of_a_picture_or_of_any_caption_changes_the_fingerprint():
    found = {data.fingerprint({"train": [example]}) for example in EXAMPLES}
    found.add(data.fingerprint({"train": [Example(OTHER, EXAMPLES[0].output)]}))
    found.add(data.fingerprint({"train": [Example(ONE, Alternatives(["a cat", "a bird"]))]}))
    assert len(found) == 4


def test_json_holds_the_name_of_a_picture():
    assert [data.to_plain(value) for value in (ONE, "text", ("a", "b"), 3.5)] == ["one", "text", ("a", "b"), 3.5]


def test_what_takes_long_to_encode_is_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode, calls = data.encode, []

    def count(examples: list[Example], *fields: Any) -> Any:
        calls.append(len(examples))
        return encode(examples, *fields)

    monkeypatch.setattr(data, "encode", count)
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path))
    with small("pos") as task:

        def draw() -> list:
            batches = data.prepare(task, small_options(task)).batches("train", 0)
            return [batches.draw(*entry) for entry in batches.plan()]

        plain = draw()
        assert not list(tmp_path.iterdir())
        monkeypatch.setattr(store, "WORTH", 0.0)
        for _ in range(2):
            np.testing.assert_equal(draw(), plain)
    assert calls == [12, 12]
