"""Predict: answers of a trained run to inputs that nobody has labelled."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import data
from harness.evaluate import answer
from harness.inputs import Input, check_any, parse
from harness.options import AS_TRAINED, Decoding
from harness.runs.stored import Stored, read_run
from harness.runs.trained import load
from pipeline.errors import BadInput


def predict(
    directory: Path,
    texts: Sequence[tuple[str, str]],
    include: tuple[Path, ...] = (),
    decoding: Decoding = AS_TRAINED,
    attention: bool = False,
) -> list[dict[str, Any]]:
    """Return the answers of a run to (origin, text); see `answer_inputs`.

    decoding: options to decode with in place of the run's own.
    """
    stored = read_run(directory, include, decoding)
    return answer_inputs(stored, parse(stored, texts), attention)


def answer_inputs(stored: Stored, inputs: Sequence[Input], attention: bool = False) -> list[dict[str, Any]]:
    """Return for each input its "input" as the task reads it, its "output", and its probability.

    Of one that is empty both are None. attention: return "attention" too, where the model has it: a list for each
    written symbol, the end symbol included, of its weight for each time step of the input.

    All inputs are answered in batches of similar length. BadInput names the origin of an input with nothing in it, and
    is raised if there is none at all.
    """
    check_any(inputs)
    asked = [one for one in inputs if one.value is not None]
    encoded = []
    for one in asked:
        with data.pointing_at(one.origin):
            encoded.append(stored.input_field.encode(one.value))
    run = load(stored)
    if attention and "attention" not in run.decoder.output:
        raise BadInput(
            f"--attention-weights: {stored.directory} has none; train a run with --attention bahdanau or luong"
        )
    origins = [one.origin for one in asked]
    batches = data.make_batches(run.options, run.input_field, run.output_field, origins, encoded)
    found = iter(answer(run.decoder, batches, run.output_field))
    answers: list[dict[str, Any]] = []
    for one in inputs:
        if one.value is None:
            answers.append({"input": None, "output": None})
            continue
        answered = next(found)
        answers.append({"input": data.to_plain(one.value), "output": answered.output, **answered.details})
        if attention and answered.attention is not None:
            answers[-1]["attention"] = answered.attention.round(4).tolist()
    return answers


def format_plainly(predictions: Sequence[dict[str, Any]]) -> str:
    """Return predictions for a reader's eye: token and tag side by side, or the output, its probability, the input.

    An empty line stands for an empty input.
    """
    blocks = []
    for found in predictions:
        if found["input"] is None:
            blocks.append("")
        elif isinstance(found["output"], tuple):
            width = max(map(len, found["input"]))
            pairs = zip(found["input"], found["output"], strict=True)
            blocks.append("\n".join(f"{token:{width}}  {tag}" for token, tag in pairs) + "\n")
        else:
            output = f"{found['output']:.2f}" if isinstance(found["output"], float) else found["output"]
            numbers = "".join(f"  {found[name]:.3f}" for name in found if name not in ("input", "output", "attention"))
            blocks.append(f"{output}{numbers}  {found['input']:.100}")
    return "\n".join(blocks)
