"""Novel sequences: names out of a category, tunes, or a running text that goes on, character by character."""

from models.families import GENERATOR
from pipeline import baselines, metrics
from pipeline.corpora import names_and_tunes
from pipeline.fields import Passages, Prompt
from pipeline.option import Configured
from pipeline.readers import passages
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task

TASK = Task(
    name="novel",
    summary="Write a new name, tune or text, character by character",
    shape="one-to-many",
    sources={
        "names": Source(
            "first names, female and male, and surnames of the package names, 25,494; the test's are never trained on",
            "census data (public domain)",
            lambda options: names_and_tunes.names(),
        ),
        "tunes": Source(
            "folk tunes in ABC notation by meter, of the package music21 (pip install -r requirements-extra.txt)",
            "BSD (the package)",
            lambda options: names_and_tunes.tunes(),
        ),
    },
    reader=Reader(
        passages.read,
        "CSV, TSV, JSON, Parquet with text and category; lines; or one running text, which has a blank line",
        dataset="text",
        datasets=("tfds:tiny_shakespeare",),
        inputs=(),
        preprocess=passages.arrange,
        split_key="output",
    ),
    columns=Columns(
        ("text", "name", "sentence", "headline", "title", "line", "quote"),
        ("category", "label", "class", "type", "genre", "gender"),
    ),
    input=Configured(Prompt),
    output=Configured(Passages),
    family=GENERATOR,
    metrics=metrics.distinct,
    extra_metrics=metrics.perplexity_and_novelty,
    monitor="nats",
    lower_is_better=True,
    baselines={"by frequency": baselines.score_unigrams},
    samples=20,
    options={
        "temperature": 0.8,
        "embedding_size": 64,
    },
    best={"units": 512, "dropout": 0.25, "learning_rate": 3e-3, "ema_decay": 0.998},
)
