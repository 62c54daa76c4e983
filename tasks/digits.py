"""Digits: which digit is this, read pixel by pixel? With `--order permuted` what belongs together is far apart."""

from models.families import SERIES_CLASSIFIER
from pipeline import baselines, metrics
from pipeline.corpora import handwriting
from pipeline.fields import Label, Pixels
from pipeline.option import Configured
from pipeline.readers import idx
from tasks.task import Reader, Source, Task

TASK = Task(
    name="digits",
    summary="Which digit is this, read pixel by pixel?",
    shape="many-to-one",
    sources={
        "handwritten": Source(
            "1,797 digits that people wrote, 8 x 8 pixels, of the package scikit-learn: 1,257, 180 and 360",
            "BSD-3-Clause (scikit-learn); UCI Optical Recognition of Handwritten Digits: CC-BY-4.0",
            lambda options: handwriting.load(),
        ),
    },
    reader=Reader(idx.read, "a folder of IDX files, as MNIST comes, also compressed", inputs=()),
    input=Configured(Pixels),
    output=Configured(Label),
    family=SERIES_CLASSIFIER,
    metrics=metrics.accuracy_and_macro_f1,
    monitor="accuracy",
    baselines={"majority": baselines.score_majority, "nearest by pixels": handwriting.score_nearest},
    options={
        "order": "rows",
        "cell": "gru",
        "pooling": "mean",
        "dropout": 0.3,
        "noise": 0.5,
        "steps": 4000,
        "most_epochs": 100,
        "ema_decay": 0.99,
    },
)
