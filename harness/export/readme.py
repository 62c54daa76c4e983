"""README.md of an exported model: what goes in, what comes out, how it is run, and how exact it is."""

from typing import TYPE_CHECKING

from harness.experiment import Experiment
from harness.export.format import Format
from harness.export.program import Program
from pipeline.fields import Array

if TYPE_CHECKING:
    from harness.export.export import Summary

ANSWERS = {
    "output": "the answer, in numbers: what they stand for is in vocabulary.json",
    "probability": "how likely the model holds the whole answer",
    "attention": "for each written symbol, the weight of each position of the input",
    "logits": "what the answer is computed from; softmax of the last axis gives probabilities",
}
# Where there may be several labels.
LABELS = {
    **ANSWERS,
    "output": "how likely each label is",
    "logits": "what the answer is computed from; sigmoid gives the probability of each label",
}
OPENING = {
    "onnx": 'onnxruntime.InferenceSession("model.onnx").run(None, inputs)',
    "openvino": 'openvino.compile_model("model.xml", "CPU")(inputs)',
    "litert": 'ai_edge_litert.interpreter.Interpreter("model.tflite").get_signature_runner()(**inputs)',
    "saved_model": 'tensorflow.saved_model.load("saved_model").signatures["serving_default"](**inputs)',
    "keras": 'import models.custom_objects; keras.models.load_model("model.keras").predict_on_batch(inputs)',
}


def write(experiment: Experiment, form: Format, program: Program | None, summary: "Summary", *, card: bool) -> str:
    """Return the text, in Markdown. card: whether there is a model card beside it."""
    arrays = dict(experiment.input_field.arrays)
    timed = any(array.timed for array in arrays.values())
    options = experiment.options
    lines = [
        f"# {experiment.task.name}: {form.title}",
        "",
        f"{experiment.task.summary.rstrip('.?')}: the model `{form.file}` is the run `{summary['run']}` "
        f"({options.cell}, {options.units} units, trained on {options.data or 'its default data'}), exported with "
        "Unrolled.",
        "",
        "## What goes in",
        "",
        "| array | shape | type | what it is |",
        "| --- | --- | --- | --- |",
        *(describe(name, array) for name, array in arrays.items() if name != "seed"),
    ]
    if timed:
        lines.append(
            "| `mask` | (batch, time) | bool | true where there is input, false on padding, which is on the right |"
        )
    lines += ["", *describe_limits(form, summary, timed), "", "## What comes out", ""]
    names = ["output", "probability", "attention", "logits"] if form.answers else ["logits"]
    told = LABELS if experiment.output_field.arrays["output"].independent else ANSWERS
    lines += [f"- `{name}`: {told[name]}." for name in names if name in summary["answers"]]
    lines += ["", "## How to run it", "", "```python", OPENING[form.name], "```", ""]
    if program:
        lines += [
            f"`python predict.py TEXT` does it from what a user types; it needs Python, numpy, "
            f"{', '.join(program.packages)}, and nothing else.",
            "",
        ]
    lines += [
        "`vocabulary.json` has what the fields learned; the place of a word or label in its list is its number.",
        "",
    ]
    lines += ["## How exact it is", "", *describe_check(summary)]
    if card:
        lines += [
            "",
            "What it was trained on, how good it is, and where it should not be used: [MODEL_CARD.md](MODEL_CARD.md).",
        ]
    return "\n".join(lines) + "\n"


def describe(name: str, array: Array) -> str:
    """Return the row of an input."""
    shape = ", ".join(["batch", *("time" if size is None else str(size) for size in array.shape)])
    about = "measurements" if array.size is None else f"numbers from 0 to {array.size - 1}"
    if array.size is not None and array.timed:
        about += "; 0 is padding" + (f", {array.unknown} what is unknown" if array.unknown is not None else "")
    return f"| `{name}` | ({shape}) | {array.dtype} | {about} |"


def describe_limits(form: Format, summary: "Summary", timed: bool) -> list[str]:
    """Return how many inputs it takes at a time, and how long they may be."""
    if form.name != "litert":
        return ["Batch and length are variable." if timed else "The batch is variable."]
    lines = ["One input at a time: the loops of LiteRT hold tensors of known sizes."]
    if summary["length"]:
        lines.append(f"Its length is {summary['length']}: pad shorter inputs with 0, and their mask with false.")
    elif timed:
        lines.append("The length is variable.")
    return lines


def describe_check(summary: "Summary") -> list[str]:
    """Return what was compared with the run, and what 8 bits cost."""
    lengths = ", ".join(map(str, summary["checked_lengths"]))
    lines = [
        f"Its answers to {summary['checked_inputs']} validation inputs{lengths and f' of {lengths} steps'}, alone and "
        f"in a batch, were those of the run; the largest difference of a number was "
        f"{summary['largest_difference']:.1e}."
    ]
    if quantized := summary["quantized"]:
        lines += [
            "",
            f"That was before its weights were made 8 bits: {summary['megabytes']:.2f} MB in place of "
            f"{quantized['megabytes_before']:.2f}. "
            "On the validation split:",
            "",
            "| score | float32 | int8 |",
            "| --- | --- | --- |",
            *(
                f"| {name} | {quantized['before'][name]:.4f} | {value:.4f} |"
                for name, value in quantized["scores"].items()
            ),
        ]
    return lines
