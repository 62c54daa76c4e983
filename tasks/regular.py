"""Regular: can a network keep track of a state, on longer sequences than it was trained on? Of what is `--language`."""

from models.families import TAGGER
from pipeline.corpora import formal_languages
from pipeline.fields import Tags, Text
from pipeline.option import Configured
from tasks.task import Source, Task

TASK = Task(
    name="regular",
    summary="What is the state after each symbol: parity, a place on a ring, a product of permutations?",
    shape="many-to-many",
    sources={
        "generated": Source(
            "sequences of --language: 20,000 and 1,000 of up to --max-length symbols, and a test of 1,000 longer ones",
            "Apache-2.0 (Unrolled)",
            load=formal_languages.generate,
            options=formal_languages.Sequences,
        ),
    },
    # No text is cut: a state depends on all symbols.
    input=Configured(Text, unit="word", max_length=1_000_000),
    output=Configured(Tags),
    family=TAGGER,
    metrics=formal_languages.measure_accuracy,
    monitor="accuracy",
    baselines={"commonest": formal_languages.score_commonest},
    modulus=formal_languages.find_modulus,
    # With a backward direction an answer would see what comes after it.
    options={
        "bidirectional": False,
        "embedding": "onehot",
        "dropout": 0.0,
        "batch_size": 64,
        "learning_rate": 4e-3,
        "epochs": 20,
        "patience": 20,
    },
)
