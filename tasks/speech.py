"""Speech recognition: what is being said? The words of a recording, without being told when each was spoken."""

from models.families import TRANSCRIBER
from pipeline import metrics
from pipeline.corpora import digits
from pipeline.fields import Sound, Transcript
from pipeline.option import Configured
from pipeline.readers import recordings
from pipeline.readers.tabular.columns import Columns
from tasks.task import Reader, Source, Task

TASK = Task(
    name="speech",
    summary="What is being said?",
    shape="many-to-many-unequal",
    sources={
        "digits": Source(
            "synthesised strings of digits; test voices are never heard in training: 3,000, 300 and 300",
            "Apache-2.0 (Unrolled); voices of eSpeak NG: GPL-3.0",
            lambda options: digits.spoken_digits(),
        ),
    },
    reader=Reader(
        recordings.read,
        "a table with the paths of sound files; LJ Speech, Common Voice, audiofolder; folders of LibriSpeech and VCTK",
        dataset="spoken",
        datasets=("tfds:spoken_digit", "tfds:librispeech"),
    ),
    columns=Columns(
        ("audio", "path", "file", "speech", "file_name", "filename", "audio_path", "wav"),
        ("text", "transcript", "sentence", "label", "transcription", "normalized_text", "raw_transcription"),
    ),
    input=Configured(Sound),
    output=Configured(Transcript),
    family=TRANSCRIBER,
    metrics=metrics.error_rates,
    monitor="wer",
    lower_is_better=True,
    options={
        "cell": "gru",
        "downsample": 2,
        "spec_augment": 0.2,
        "vocal_tract_perturbation": 0.1,
        "beam": 1,
        "unit": "character",
        "max_length": 2000,
        "steps": 3000,
        "ema_decay": 0.99,
    },
    best={
        "feature_mean": "shrunk",
        "speed_perturbation": 0.1,
        "language_model_order": 4,
        "language_model_weight": 0.5,
        "beam": 8,
    },
)
