"""The right answer to an input, where it is known: whether it can be one. It needs no Keras."""

from harness.experiment import Experiment
from pipeline.batches.padding import measure
from pipeline.errors import BadInput
from pipeline.example import Value


def check_answer(experiment: Experiment, value: Value, answer: Value) -> None:
    """Raise BadInput for a right answer that the model does not know, or that does not fit the length of the input."""
    given, output = experiment.input_field, experiment.output_field
    if unseen := output.find_unseen(answer):
        raise BadInput(
            f"{', '.join(map(repr, sorted(unseen)))}: not in the training data, and so no answer of the model"
        )
    inputs, encoded = given.encode(value), output.encode(answer)
    output.check_pair(inputs, encoded)
    array = output.arrays["output"]
    steps, found = measure(inputs, given.arrays), measure(encoded, output.arrays)
    if array.timed and array.per_step and not output.autoregressive and found != steps:
        raise BadInput(f"it has {found} steps, and the input {steps}; give one for each, with blanks between them")


def check_inspected(experiment: Experiment) -> None:
    """Raise BadInput for a run whose answers are tables of numbers: what leads to each of them is not looked into."""
    array = experiment.output_field.arrays["output"]
    if len(array.shape) > 1 and not array.timed:
        raise BadInput(
            f"inspect: it looks into one answer, or one per step, and the task {experiment.task.name!r} "
            "answers with several "
            f"numbers for each of {array.shape[0]} steps; `run.py predict {experiment.directory} --plot "
            "FILE.png` draws them"
        )
