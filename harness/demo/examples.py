"""Examples: inputs of the run's test to begin with, as a visitor would give them."""

from functools import singledispatch
from itertools import islice
from pathlib import Path

from harness import data
from harness.experiment import Experiment
from pipeline import record
from pipeline.errors import BadInput
from pipeline.example import Value
from pipeline.fields import Category, Image, InputField, Picture, Pixels, Prompt, Sound, recording

COUNT = 4
# Test examples that are looked at.
LOOKED_AT = 500
# A text that is as easy to read at a glance, in characters.
SHORT, LONG = 20, 100


@singledispatch
def find_examples(field: InputField, experiment: Experiment, folder: Path) -> list[str]:
    """Return a few texts, or paths of files, that a visitor may try; none where the test's are not at hand.

    folder: where files that must be written may be.
    """
    texts = [one if isinstance(one, str) else " ".join(map(str, one)) for one in read_inputs(experiment)]
    texts = list(dict.fromkeys(text for text in texts if text.strip()))
    glance = [text for text in texts if SHORT <= len(text) <= LONG]
    return (glance if len(glance) >= COUNT else sorted(texts, key=len))[:COUNT]


@find_examples.register(Category)
@find_examples.register(Prompt)
def _(field: InputField, experiment: Experiment, folder: Path) -> list[str]:
    # All there are stand in a menu.
    return []


@find_examples.register
def _(field: Sound, experiment: Experiment, folder: Path) -> list[str]:
    import soundfile

    written = []
    for path in [Path(one) for one in read_inputs(experiment) if isinstance(one, str) and Path(one).is_file()][:COUNT]:
        # As WAV: Chromium's player takes no FLAC that is short.
        written.append(str(folder / f"{path.stem}.wav"))
        soundfile.write(written[-1], *recording.read(path))
    return written


@find_examples.register(Image)
@find_examples.register(Pixels)
def _(field: InputField, experiment: Experiment, folder: Path) -> list[str]:
    # The test's answers name pictures, and do not have them.
    try:
        found = data.read(experiment.task, experiment.options.replace(limit=COUNT)).get("test", [])[:COUNT]
    except (BadInput, OSError):
        return []
    paths = []
    for number, example in enumerate(found):
        if isinstance(example.input, Picture):
            suffix = example.input.source.suffix if isinstance(example.input.source, Path) else ".png"
            paths.append(folder / f"{experiment.directory.name}-{number}{suffix}")
            example.input.save(paths[-1])
    return [str(path) for path in paths]


def read_inputs(experiment: Experiment) -> list[Value]:
    """Return the inputs of the first test examples, as the run's predictions have them; none if they are not there."""
    path = experiment.directory / "predictions" / "test.jsonl"
    try:
        with path.open("rb") as file:
            return [record.convert(record.load(line), dict)["input"] for line in islice(file, LOOKED_AT)]
    except (OSError, BadInput, KeyError):
        return []
