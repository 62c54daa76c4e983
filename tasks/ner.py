"""Named entities: who, where, when?"""

from functools import partial

from models.families import TAGGER
from pipeline import metrics
from pipeline.corpora import generated_english
from pipeline.fields import Tags, Tokens
from pipeline.option import Configured
from pipeline.readers import conll
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task

TASK = Task(
    name="ner",
    summary="Which words name a person, an organisation, a place, a date?",
    shape="many-to-many",
    sources={
        "english": Source(
            "generated sentences whose test entities are never seen in training: 8,000, 1,000 and 1,000",
            "Apache-2.0 (Unrolled); names: census data",
            lambda options: generated_english.named_entities(),
        ),
    },
    reader=Reader(
        partial(conll.read, spans=True),
        "CoNLL columns, CoNLL-U; a row per token; word/TAG; marked XML; JSON or Parquet with lists of tokens and tags",
        dataset="tagged",
        datasets=("tfds:conll2003",),
        inputs=conll.INPUTS,
    ),
    columns=Columns(("form", "tokens"), ("ner", "ner_tags", "tags", "tag")),
    input=Configured(Tokens),
    output=Configured(Tags, spans=True),
    family=TAGGER,
    metrics=metrics.spans,
    monitor="f1",
    options={"tokenizer": "word", "min_count": 2, "max_length": 1000, "dropout": 0.5, "word_dropout": 0.25},
    best={"decoder": "crf", "word_features": True, "fit_outside": True},
)
