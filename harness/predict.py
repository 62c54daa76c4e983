"""Predict: answers of a trained run to inputs that nobody has labelled."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import data
from harness.evaluate import answer
from harness.options import AS_TRAINED, Decoding
from harness.trained import open_run
from pipeline import files
from pipeline.errors import BadInput


def read_lines(source: str) -> list[tuple[str, str]]:
    """Return (origin, text) of each line of a file, or of standard input for "-"; BadInput for an empty line."""
    name, data = source, None
    if source == "-":
        if sys.stdin is None:
            raise BadInput("--input -: standard input is closed; give a file, or TEXT after the run")
        # By a name of its own, such as /dev/stdin, a socket could not be opened, nor another user's pipe.
        name, data = "standard input", sys.stdin.buffer.read()
    elif not Path(name).exists():
        raise BadInput(f"--input {source}: there is no such file under {Path.cwd()}")
    lines = files.read_lines(Path(name), data)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise BadInput(f"{name}:{number}: the line is empty; expected one input a line")
    return [(f"{name}:{number}", line) for number, line in enumerate(lines, 1)]


def read_words(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return (origin, text) of each text of a command line; BadInput for one that is not UTF-8."""
    texts = []
    for number, word in enumerate(words, 1):
        try:
            # Python decodes a command line as the locale says, which may know ASCII alone.
            texts.append((f"text {number}", os.fsencode(word).decode()))
        except UnicodeDecodeError as error:
            raise BadInput(f"text {number}: not UTF-8: byte 0x{error.object[error.start]:02x}") from None
    return texts


def predict(
    directory: Path,
    texts: Sequence[tuple[str, str]],
    include: tuple[Path, ...] = (),
    decoding: Decoding = AS_TRAINED,
    attention: bool = False,
) -> list[dict[str, Any]]:
    """Return for each (origin, text) its "input" as the task reads it, its "output", and its probability.

    decoding: options to decode with in place of the run's own. attention: return "attention" too, where the model has
    it: a list for each written symbol, the end symbol included, of its weight for each time step of the input.

    All inputs are answered in batches of similar length. BadInput names the origin of an input with nothing in it.
    """
    if not texts:
        raise BadInput("nothing to predict: give TEXT after the run, or --input FILE (- for standard input)")
    run = open_run(directory, include, decoding)
    if attention and "attention" not in run.decoder.output:
        raise BadInput(f"--attention-weights: {directory} has none; train a run with --attention bahdanau or luong")
    inputs = []
    for origin, text in texts:
        with data.pointing_at(origin):
            inputs.append(run.input_field.parse(text))
    encoded = []
    for (origin, _), parsed in zip(texts, inputs, strict=True):
        with data.pointing_at(origin):
            encoded.append(run.input_field.encode(parsed))
    origins = [origin for origin, _ in texts]
    batches = data.make_batches(run.options, run.input_field, run.output_field, origins, encoded)
    answers = answer(run.decoder, batches, run.output_field)
    return [
        {"input": data.to_plain(parsed), "output": found.output, **found.details}
        | ({"attention": found.attention.round(4).tolist()} if attention and found.attention is not None else {})
        for parsed, found in zip(inputs, answers, strict=True)
    ]


def format_plainly(predictions: Sequence[dict[str, Any]]) -> str:
    """Return predictions for a reader's eye: token and tag side by side, or the output, its probability, the input."""
    blocks = []
    for found in predictions:
        if isinstance(found["output"], tuple):
            width = max(map(len, found["input"]))
            pairs = zip(found["input"], found["output"], strict=True)
            blocks.append("\n".join(f"{token:{width}}  {tag}" for token, tag in pairs) + "\n")
        else:
            output = f"{found['output']:.2f}" if isinstance(found["output"], float) else found["output"]
            numbers = "".join(f"  {found[name]:.3f}" for name in found if name not in ("input", "output", "attention"))
            blocks.append(f"{output}{numbers}  {found['input']:.100}")
    return "\n".join(blocks)
