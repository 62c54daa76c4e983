"""A question: an input for an open run, and what its model computes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from harness.experiment import Experiment
from harness.runs.trained import Trained
from models.decoding.sampling import Sample
from pipeline.example import Value
from pipeline.fields.array import Arrays

# Points at most at which the answer is followed through an input.
POINTS = 64
# How many texts are written at a time.
SAMPLES = 8
# The places of the random numbers that a sampled text may have: see models/decoding/sampling.py.
PLACES = 512 * 512

Computed = dict[str, np.ndarray]


@dataclass(frozen=True)
class Question:
    """An input for an open run.

    value: as the input field takes it; None where nobody has asked: see `make_blanks`. arrays: it, encoded.
    temperature: of a run that samples; else None.
    """

    trained: Trained
    value: Value
    arrays: Arrays
    temperature: float | None = None

    @property
    def steps(self) -> int | None:
        """Return how many time steps the input has; None of one without a time axis."""
        return next((len(self.arrays[name]) for name in _list_timed(self.trained.experiment)), None)


def make_question(trained: Trained, value: Value, temperature: float | None = None) -> Question:
    """Return the question that an input is; BadInput if it cannot be encoded."""
    return Question(trained, value, trained.experiment.input_field.encode(value), temperature)


def decode(question: Question) -> Computed:
    """Return what the decoder says, as the family's `decode` has it; of tags, those of the padding are cut off."""
    found = _compute(question.trained.decoder, question.trained.experiment, [question.arrays])[0]
    written = question.trained.experiment.output_field.arrays["output"]
    if written.timed and written.per_step and not question.trained.experiment.output_field.autoregressive:
        found |= {name: one[: question.steps] for name, one in found.items() if one.ndim}
    return found


def compute_logits(question: Question) -> np.ndarray:
    """Return the logits of a model that is not told what it has written, without the batch axis."""
    return _compute(question.trained.model, question.trained.experiment, [question.arrays])[0]["output"]


def follow(question: Question, *, logits: bool) -> tuple[list[int], list[np.ndarray]]:
    """Return after how many time steps the model was asked, POINTS times at most, and what it answered to so much.

    logits: those, rather than the decoder's output. Both are empty for an input without a time axis.
    """
    experiment, steps = question.trained.experiment, question.steps
    if not steps:
        return [], []
    timed = _list_timed(experiment)
    places = sorted({round(place) for place in np.linspace(1, steps, min(POINTS, steps))})
    begun = [
        {name: array[:place] if name in timed else array for name, array in question.arrays.items()} for place in places
    ]
    # Full batches: however many words there are, the compiled programs are the same few.
    begun += [question.arrays] * (-len(begun) % experiment.options.batch_size)
    model = question.trained.model if logits else question.trained.decoder
    return places, [found["output"] for found in _compute(model, experiment, begun)[: len(places)]]


def sample(question: Question, random: np.random.Generator) -> list[np.ndarray]:
    """Return the ids of SAMPLES texts that a run draws at the question's temperature; another call draws others."""
    decoder = question.trained.decoder
    for layer in decoder.layers:
        if isinstance(layer, Sample):
            layer.temperature.assign(question.temperature)
    position = random.integers(PLACES, size=SAMPLES).astype("int32")
    encoded = [question.arrays] * SAMPLES
    return [one["output"] for one in _compute(decoder, question.trained.experiment, encoded, position=position)]


def make_blanks(trained: Trained, temperature: float | None) -> list[Question]:
    """Return a question that says nothing for each length that a run pads inputs to.

    Whoever answers them compiles what the usual inputs need: otherwise the first visitor would wait for it.
    """
    experiment, arrays = trained.experiment, trained.experiment.input_field.arrays
    lengths = experiment.lengths.inputs if experiment.lengths and _list_timed(experiment) else (1,)
    return [
        Question(
            trained,
            None,
            {
                name: np.full([side or length for side in array.shape], array.padding, array.dtype)
                for name, array in arrays.items()
            },
            temperature,
        )
        for length in lengths
    ]


def _list_timed(experiment: Experiment) -> list[str]:
    return [name for name, array in experiment.input_field.arrays.items() if array.timed]


def _compute(
    model: keras.Model, experiment: Experiment, encoded: Sequence[Arrays], **more: np.ndarray
) -> list[Computed]:
    """Return what a model gives for each of some encoded inputs, in their order; logits by the name "output".

    more: further arrays that it takes, such as the "position" of one that samples, (inputs, ...).
    """
    batches = experiment.batch(["the input"] * len(encoded), encoded)
    rows: list[Computed] = [{} for _ in encoded]
    for length, members, real in batches.plan():
        drawn = batches.draw(length, members, real)[0] | {name: array[members] for name, array in more.items()}
        found = model.predict_on_batch({name: drawn[name] for name in model.input})
        by_name = found if isinstance(found, dict) else {"output": found}
        whole = {name: np.asarray(array) for name, array in by_name.items()}
        for row, member in enumerate(members[:real]):
            rows[member] = {name: array[row] for name, array in whole.items()}
    return rows
