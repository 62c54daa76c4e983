"""Handwriting: digits that people wrote, 8 x 8 pixels, as scikit-learn has them."""

import numpy as np

from pipeline import metrics
from pipeline.corpora.packages import divide
from pipeline.example import Example, Splits
from pipeline.fields import Picture, Pixels
from pipeline.metrics import Scores
from pipeline.option import Options


def load() -> Splits:
    """Return 1,797 pictures of digits with their label, "0" to "9": 1,257 to train on, 180 and 360.

    Light strokes on a dark ground, of 17 levels, which come to 0 to 255.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    examples = []
    for number, (levels, label) in enumerate(zip(found.images, found.target, strict=True)):
        pixels = np.repeat(np.round(levels * 255 / 16).astype("uint8")[:, :, None], 3, axis=2)
        examples.append(Example(Picture.from_pixels(pixels, f"digits:{number}"), str(label), f"scikit-learn:{number}"))
    return divide(examples, (0.1, 0.2))


def score_nearest(options: Options, splits: Splits) -> Scores:
    """Return the scores of the label of the nearest training picture, in the sum of squared differences of the pixels.

    A picture is looked at as a whole, which no network that reads pixel by pixel can do (scikit-learn).
    """
    from sklearn.neighbors import KNeighborsClassifier

    field = Pixels()
    field.fit(example.input for example in splits["train"])
    known, asked = (
        np.stack([field.encode(example.input)["values"][:, 0] for example in splits[split]])
        for split in ("train", "test")
    )
    nearest = KNeighborsClassifier(1, algorithm="brute").fit(known, [example.output for example in splits["train"]])
    answers = nearest.predict(asked).tolist()
    return metrics.accuracy_and_macro_f1([example.output for example in splits["test"]], answers)
