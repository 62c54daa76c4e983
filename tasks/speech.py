"""Speech recognition: what is being said? The words of a recording, without being told when each was spoken."""

from pipeline import metrics
from pipeline.corpora import digits
from pipeline.fields.sound import Sound
from pipeline.fields.transcript import Transcript
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
        "a table with the paths of sound files; LJ Speech, Common Voice, audiofolder",
        "spoken",
        ("tfds:spoken_digit", "tfds:librispeech"),
    ),
    columns=Columns(
        ("audio", "path", "file", "speech", "file_name", "filename", "audio_path", "wav"),
        ("text", "transcript", "sentence", "label", "transcription", "normalized_text", "raw_transcription"),
    ),
    input=lambda options: Sound(options.max_length),
    output=lambda options: Transcript(options.downsample, options.unit),
    model="models.transcriber",
    metrics=metrics.transcripts,
    monitor="wer",
    lower_is_better=True,
    options={
        "cell": "gru",
        "downsample": 2,
        "masking": 0.2,
        "warping": 0.1,
        "beam": 1,
        "unit": "character",
        "max_length": 2000,
        "steps": 3000,
        "average": 0.99,
    },
)
