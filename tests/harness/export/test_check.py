import numpy as np
import pytest

from harness.experiment import Experiment
from harness.export.check import choose_samples, compare
from harness.options import defaults
from pipeline.errors import BadInput
from pipeline.example import Example
from pipeline.fields import Tags, Text


def make_experiment(texts):
    from pathlib import Path

    import tasks

    task = tasks.find()["copy"]
    given, wanted = Text(20, 100), Tags()
    given.fit(texts)
    wanted.fit([("a", "b")])
    return Experiment(task, defaults(task), Path(), given, wanted, fingerprint="")


def test_samples_have_several_lengths_from_the_shortest_to_the_longest():
    texts = [" ".join("w" * length) for length in (3, 9, 4, 4, 20, 7, 5, 6, 8, 11, 13)]
    found = choose_samples(make_experiment(texts), [Example(text, ("a",), f"x:{n}") for n, text in enumerate(texts)])
    lengths = [one.steps for one in found]
    assert lengths == sorted(set(lengths)) and len(lengths) == 8 and lengths[0] == 3 and lengths[-1] == 20


def test_of_inputs_of_one_length_beginnings_are_taken_too():
    text = " ".join("abcdefghij")
    found = choose_samples(make_experiment([text]), [Example(text, ("a",), "x:1")])
    lengths = [one.steps for one in found]
    assert len(lengths) >= 5 and lengths[-1] == 10
    assert found[0].origin == f"the first {lengths[0]} steps of x:1" and len(found[0].inputs["words"]) == lengths[0]


def test_inputs_beyond_a_fixed_length_are_left_out():
    texts = [" ".join("w" * length) for length in (3, 9, 30)]
    examples = [Example(text, ("a",), "x") for text in texts]
    assert max(one.steps for one in choose_samples(make_experiment(texts), examples, 9)) == 9
    with pytest.raises(BadInput, match="--length 2: all inputs"):
        choose_samples(make_experiment(texts), examples, 2)


def test_numbers_may_differ_by_a_ten_thousandth_and_of_large_ones_by_that_share():
    wanted = {"logits": np.array([0.5, -20.0])}
    assert compare(wanted, {"logits": np.array([0.50009, -20.0019])}, place="x", steps=None) == pytest.approx(0.0019)
    with pytest.raises(BadInput, match=r": x: logits\[0\] is 0.50011, and should be 0.5; nothing"):
        compare(wanted, {"logits": np.array([0.50011, -20.0])}, place="x", steps=None)
    with pytest.raises(BadInput, match=r"logits\[1\] is nan"):
        compare(wanted, {"logits": np.array([0.5, np.nan])}, place="x", steps=None)


def test_symbols_must_be_the_same_but_on_the_padding():
    wanted, found = {"output": np.array([3, 1, 2])}, {"output": np.array([3, 1])}
    assert compare(wanted, found, place="x", steps=2) == 0.0
    assert compare(wanted, {"output": np.array([3, 1, 7])}, place="x", steps=2) == 0.0
    with pytest.raises(BadInput, match=r"output\[1\] is 4, and should be 1"):
        compare(wanted, {"output": np.array([3, 4])}, place="x", steps=2)


def test_an_answer_that_is_missing_is_told():
    with pytest.raises(BadInput, match="no answer 'probability'"):
        compare({"probability": np.array(0.5)}, {}, place="x", steps=None)
