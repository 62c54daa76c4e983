"""Part of speech: noun, verb, adjective ...?"""

from models.families import TAGGER
from pipeline import metrics
from pipeline.corpora import generated_english, packages
from pipeline.fields import Tags, Tokens
from pipeline.option import Configured
from pipeline.readers import conll
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task

TASK = Task(
    name="pos",
    summary="Which part of speech is each word?",
    shape="many-to-many",
    sources={
        "turkish": Source(
            "web and Wikipedia sentences of the package turkish-treebanks, 4,851 in all",
            "Apache-2.0",
            lambda options: packages.turkish(),
        ),
        "english": Source(
            "sentences generated from templates",
            "Apache-2.0 (Unrolled)",
            lambda options: generated_english.parts_of_speech(),
        ),
    },
    reader=Reader(
        conll.read,
        "CoNLL columns, CoNLL-U; a row per token; word/TAG; marked XML; JSON or Parquet with lists of tokens and tags",
        dataset="tagged",
        datasets=("tfds:universal_dependencies/en_ewt", "tfds:conll2003"),
        inputs=conll.INPUTS,
    ),
    columns=Columns(("form", "tokens"), ("upos", "pos", "pos_tags", "tags", "tag")),
    input=Configured(Tokens),
    output=Configured(Tags),
    family=TAGGER,
    metrics=metrics.tag_accuracy,
    monitor="accuracy",
    options={"tokenizer": "word", "min_count": 2, "max_length": 1000, "word_dropout": 0.1, "steps": 2750},
    best={"word_features": True, "dropout": 0.5},
)
