import numpy as np

from pipeline.corpora import handwriting


def test_the_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    known = load_digits()
    found = handwriting.load()
    assert {split: len(some) for split, some in found.items()} == {"train": 1258, "validation": 180, "test": 359}
    examples = [one for some in found.values() for one in some]
    assert len({one.input for one in examples}) == 1797
    for example in examples[::100]:
        number = int(example.origin.partition(":")[2])
        assert example.output == str(known.target[number])
        assert np.array_equal(np.round(example.input.pixels(8)[:, :, 0] / 255 * 16), known.images[number])
