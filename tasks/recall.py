"""Recall: can a network look up what it has been told? Pairs of key and value, then keys: `--pairs`, `--length`."""

from models.families import TAGGER
from pipeline.corpora import associative_recall
from pipeline.fields import Tags, Text
from pipeline.option import Configured
from tasks.task import Source, Task

TASK = Task(
    name="recall",
    summary="Which value belongs to this key, of the pairs read before?",
    shape="many-to-many",
    sources={
        "generated": Source(
            "up to --pairs pairs of key and value, then keys among blanks: --sequences and 1,000 of up to --length, "
            "and a test of 1,000 with --pairs pairs",
            "Apache-2.0 (Unrolled)",
            load=associative_recall.generate,
            options=associative_recall.Pairs,
        ),
    },
    # No text is cut: an answer may depend on any symbol.
    input=Configured(Text, unit="word", max_length=1_000_000),
    output=Configured(Tags),
    family=TAGGER,
    metrics=associative_recall.measure_recall,
    monitor="recalled",
    baselines={"one of the values read": associative_recall.score_guessing},
    # With a backward direction a key would be read before it is asked for. What is learned on 64 symbols holds for 256,
    # and takes a tenth of the time. Of the cell delta: one matrix for all pairs, rather than four small ones.
    options={
        "bidirectional": False,
        "dropout": 0.0,
        "units": 64,
        "embedding_size": 64,
        "heads": 1,
        "length": 64,
        "test_length": 256,
        "batch_size": 32,
        "learning_rate": 5e-3,
        "epochs": 18,
        "patience": 18,
    },
)
