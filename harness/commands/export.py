"""run.py export RUN"""

from pathlib import Path
from typing import TYPE_CHECKING

import tasks
from harness.arguments import Parser, path
from harness.commands.command import Arguments, Command, add_machine
from harness.commands.machine import start_again
from harness.commands.printing import emit
from harness.commands.subject import find_run
from harness.export.request import Request, check_request
from harness.options import override
from harness.process.console import print_table
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from harness.export.export import Summary


def export(arguments: Arguments) -> None:
    """Write a trained run as a model for other programs: ONNX, LiteRT, SavedModel, Keras, OpenVINO.

    Batch and length stay variable, and masks and decoding are inside. The folder also has the vocabulary, a README and,
    where the fields allow it, a program that answers typed texts. Nothing is written unless the model answers real
    validation inputs as the run does.
    """
    experiment, parser = find_run(COMMAND, arguments)
    given = parser.read(arguments)
    from harness import selection
    from harness.export import formats

    if given.format is None or given.output is None:
        raise BadInput(f"export: expected --format ({', '.join(formats.FORMATS)}) and --output, a folder to be made")
    request = Request(
        formats.get(given.format),
        given.output,
        int8=given.quantize is not None,
        length=given.length,
        include=tuple(file.path for file in tasks.included()),
    )
    check_request(request)
    decoding = parser.chosen(given)
    experiment = override(experiment, decoding)
    selected = selection.select(experiment, given.data, "validation")
    start_again(given, experiment.replace_options(precision="float32"))
    from harness.export.export import export as write

    summary = write(experiment, selected.examples, request, decoding)
    emit(summary) if given.json else print_export(summary)


def print_export(summary: "Summary") -> None:
    """Print what was written, and how exact it is."""
    files = sorted(one.name for one in Path(summary["output"]).iterdir())
    facts = {
        "written": f"{summary['output']}: {', '.join(files)}",
        "size": f"{summary['megabytes']:.2f} MB",
        "checked on": describe_check(summary),
        "largest difference": f"{summary['largest_difference']:.1e}",
    }
    if quantized := summary["quantized"]:
        before = quantized["megabytes_before"]
        facts["size"] += f", {summary['megabytes'] / before:.2f} of the {before:.2f} MB in float32"
    print_table([{"": name, "value": value} for name, value in facts.items()])
    if quantized:
        print_table(
            [
                {
                    "validation score": name,
                    "float32": f"{before:.4f}",
                    "int8": f"{quantized['scores'][name]:.4f}",
                    "change": f"{quantized['scores'][name] - before:+.4f}",
                }
                for name, before in quantized["before"].items()
            ]
        )
    if "predict.py" in files:
        print(f"ask it:  python {Path(summary['output']) / 'predict.py'} TEXT")


def describe_check(summary: "Summary") -> str:
    """Return on which inputs a model was checked."""
    count, lengths = summary["checked_inputs"], ", ".join(map(str, summary["checked_lengths"]))
    return f"{count} inputs" + (f" of {lengths} steps" if lengths else "")


def add_options(parser: Parser) -> Parser:
    """Add its own options."""
    add = parser.groups["data"].add_argument
    add("--data", default=None, metavar="DATA", help="Other data to check it on: a source, tfds:NAME, or a path.")
    add = parser.run.add_argument
    add("--format", default=None, metavar="FORMAT", help="onnx, litert, saved_model, keras or openvino.")
    add("--output", type=path, default=None, metavar="DIR", help="The folder to write, which is not there yet.")
    add("--quantize", default=None, choices=("int8",), help="Weights of 8 bits; the score that it costs is measured.")
    add("--length", type=int, default=None, metavar="N", help="litert: the time steps of every input; else any.")
    return add_machine(parser)


COMMAND = Command("export", export, {"run": None}, add_options)
