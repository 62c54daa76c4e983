"""Translation: a text in one language in, the same in another out."""

from models.families import ENCODER_DECODER
from pipeline import metrics
from pipeline.corpora import translations
from pipeline.fields import SourceText, TargetText
from pipeline.option import Configured
from pipeline.readers import parallel
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task


def messages(language: str, name: str) -> Source:
    return Source(
        f"English to {name}: about 7,000 messages of the program Gramps, from its package",
        "GPL-2.0-or-later (the package)",
        lambda options: translations.messages(language),
    )


TASK = Task(
    name="translation",
    summary="What is this text in another language?",
    shape="many-to-many-unequal",
    sources={
        "numbers": Source(
            "English number names to French ones, made by num2words: 12,000, 1,000 and 1,000, no number in two splits",
            "LGPL-2.1 (num2words)",
            lambda options: translations.numbers(),
        ),
        "dates": Source(
            "dates as written in 30 locales to ISO 8601, made by babel: 12,000, 1,000 and 1,000, no date in two splits",
            "BSD-3-Clause (babel), Unicode-3.0 (CLDR)",
            lambda options: translations.dates(),
        ),
        "messages-fr": messages("fr", "French"),
        "messages-de": messages("de", "German"),
        "messages-es": messages("es", "Spanish"),
    },
    reader=Reader(
        parallel.read,
        "parallel files such as train.en and train.de, SGML too; settings of OpenNMT-tf, joeynmt; TMX; tables",
        dataset="translated",
        datasets=("tfds:ted_hrlr_translate/pt_to_en", "tfds:opus/medical"),
    ),
    columns=Columns(("source", "src", "input"), ("target", "tgt", "trg", "translation", "output")),
    input=Configured(SourceText),
    output=Configured(TargetText),
    family=ENCODER_DECODER,
    metrics=metrics.translation,
    signature=metrics.translation_signature,
    # Cased BLEU says nothing of a model that writes in lower case.
    monitor="bleu_lowercase",
    options={
        "attention": "luong",
        "unit": "subword",
        "lowercase": False,
        "vocabulary": 6000,
        "max_length": 1000,
        "label_smoothing": 0.1,
        "beam": 1,
        "units": 256,
        "embedding_size": 256,
        "batch_size": 64,
        "epochs": 12,
    },
    best={
        "tie_embeddings": True,
        "subword_sampling": 0.5,
        "dropout": 0.4,
        "ema_decay": 0.998,
        "steps": 4000,
        "beam": 5,
    },
)
