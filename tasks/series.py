"""Series: which class is this measured series? Its channels may have gaps, and its steps uneven times."""

from functools import partial

from models.families import SERIES_CLASSIFIER
from pipeline import baselines, metrics, time_warping
from pipeline.corpora import time_series_archive
from pipeline.fields import Label, TimeSeries
from pipeline.option import Configured
from pipeline.readers.series import columns, series
from tasks.task import Reader, Source, Task

TASK = Task(
    name="series",
    summary="Which class is this series of measurements?",
    shape="many-to-one",
    sources={
        name: Source(
            f"{summary} (UCR and UEA archives, in the package sktime)",
            "BSD-3-Clause (sktime)",
            partial(time_series_archive.load, name),
        )
        for name, summary in time_series_archive.SUMMARIES.items()
    },
    reader=Reader(
        series.read,
        "a .ts, .arff or .tsv file of the UCR and UEA archives; a long or wide table; a folder of .npy or CSV files",
        inputs=series.INPUTS,
    ),
    columns=columns.SERIES,
    input=Configured(TimeSeries),
    output=Configured(Label),
    family=SERIES_CLASSIFIER,
    metrics=metrics.accuracy_and_macro_f1,
    # Where only a few examples validate, many epochs have the same accuracy.
    monitor="loss",
    lower_is_better=True,
    baselines={"majority": baselines.score_majority, "nearest by time warping": time_warping.score_nearest},
    options={
        "cell": "gru",
        "pooling": "mean",
        "dropout": 0.5,
        "noise": 0.3,
        "steps": 1000,
        "most_epochs": 500,
        "ema_decay": 0.99,
    },
)
