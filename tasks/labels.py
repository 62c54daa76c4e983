"""Labels: which labels has a text, none, one or several? Such as topics, emotions, or what is wrong with a comment."""

from models.families import CLASSIFIER
from pipeline import multi_label
from pipeline.corpora import generated_english
from pipeline.fields import Labels, Text
from pipeline.option import Configured
from pipeline.readers.tabular import label_sets
from tasks.task import Reader, Source, Task

TASK = Task(
    name="labels",
    summary="Which labels has this text: none, one or several?",
    shape="many-to-one",
    sources={
        "mentions": Source(
            "generated sentences with the types of what they name: person, organisation, place, date; none of the "
            "test's names is seen in training: 8,000, 1,000 and 1,000",
            "Apache-2.0 (Unrolled); names: census data",
            lambda options: generated_english.mentions(),
        ),
    },
    reader=Reader(
        label_sets.read,
        "CSV, TSV, JSON, JSON lines, Parquet, with a column per label or several labels in one; lines of fastText",
        options=label_sets.LabelSets,
    ),
    columns=label_sets.COLUMNS,
    input=Configured(Text),
    output=Configured(Labels),
    family=CLASSIFIER,
    metrics=multi_label.score_labels,
    monitor="micro_f1",
    baselines={"the same labels for all": multi_label.score_frequent},
    options={
        "unit": "word",
        "pooling": "max+mean",
        "units": 64,
        "dropout": 0.5,
        "word_dropout": 0.1,
        "learning_rate": 3e-3,
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
