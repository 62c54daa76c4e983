"""The formats of --format, by name. None of them imports its packages before it writes."""

from importlib.util import find_spec

from harness.export import keras_file, litert, onnx, openvino, saved_model
from harness.export.format import Format
from pipeline.errors import BadInput, unknown

FORMATS: dict[str, Format] = {one.FORMAT.name: one.FORMAT for one in (onnx, litert, saved_model, keras_file, openvino)}


def get(name: str) -> Format:
    """Return a format; BadInput for an unknown one, and where the packages that it needs are not installed."""
    if name not in FORMATS:
        raise unknown("--format", name, FORMATS)
    missing = [package for package in FORMATS[name].packages if find_spec(package) is None]
    if missing:
        raise BadInput(
            f"--format {name}: {', '.join(missing)} is not installed; run: pip install -r requirements-export.txt"
        )
    return FORMATS[name]
