"""What an export is asked for, checked before Keras starts."""

from dataclasses import dataclass
from pathlib import Path

from harness.export.format import Format
from pipeline import files
from pipeline.errors import BadInput


@dataclass(frozen=True)
class Request:
    """What is asked for. int8: with 8-bit weights. output: the folder, which is not there, or empty."""

    format: Format
    output: Path
    int8: bool = False
    length: int | None = None
    include: tuple[Path, ...] = ()


def check_request(request: Request) -> None:
    """Raise BadInput for options that do not go together, and for a folder that cannot be written."""
    form, output = request.format, request.output
    if request.int8 and form.quantize is None:
        raise BadInput(f"--quantize int8: for --format onnx and litert; {form.title} is written in float32 only")
    if request.length is not None and not form.fixed:
        raise BadInput(f"--length {request.length}: {form.title} takes inputs of any length; leave it out")
    if request.length is not None and request.length < 1:
        raise BadInput(f"--length {request.length}: expected the time steps of every input, at least 1")
    if output.exists() and not output.is_dir():
        raise BadInput(f"--output {output}: there is a file of that name; name a folder that is to be made")
    if output.is_dir() and any(output.iterdir()):
        raise BadInput(f"--output {output}: there is something in that folder; name another, or empty it first")
    files.check_folder(output, "--output")
