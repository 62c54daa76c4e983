"""The file of a model, opened with care: a damaged one is told from a whole one, and a stranger's may ask for anything.

A .keras file is a zip archive of config.json, which says what layers there are, and model.weights.h5, their weights.
Keras makes the layers first: one that asks for 10**12 rows would end the process for want of memory. So the sizes are
compared with each other beforehand, and both with that of the file, the one number that it cannot choose.
"""

import io
import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras

import models.custom_objects  # noqa: F401 (what a file's layers may be)
from harness.process.backend import describe_out_of_memory
from harness.runs.seal import open_archive
from pipeline.errors import BadInput

CONFIG, WEIGHTS = "config.json", "model.weights.h5"


def load(path: Path) -> keras.Model:
    """Return the model in a .keras file, not compiled.

    Raises BadInput, which says why but not of which file, for one that is damaged or cut short, whose layers or weights
    are larger than the file itself, or of which Keras can make no model: its layers are unknown, say, or have Python
    code in them, which is not run.
    """
    with explaining():
        config, weights = read(path)
        check_layers(config, count_numbers(weights))
        return keras.models.load_model(path, compile=False, safe_mode=True)


def load_weights(model: keras.Model, path: Path) -> None:
    """Give a model the weights of a .keras file that it was saved in; BadInput as `load`, and for another model's."""
    with explaining():
        count_numbers(read(path)[1])
        # Its optimizer, whose state the file does not have, is left out.
        keras.Model(model.input, model.output).load_weights(path)


@contextmanager
def explaining() -> Iterator[None]:
    """Raise as BadInput whatever a damaged or strange file makes zipfile, h5py, json, Keras or a user's cell raise."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:
        if describe_out_of_memory(error):
            raise
        raise BadInput(explain(error)) from error


def read(path: Path) -> tuple[str, bytes]:
    """Return the config and the weights of an archive; BadInput as `open_archive`, and where it lacks one of them."""
    with open_archive(path) as archive:
        if missing := {CONFIG, WEIGHTS} - set(archive.namelist()):
            raise BadInput(f"there is no {' and no '.join(sorted(missing))} in it")
        return archive.read(CONFIG).decode(), archive.read(WEIGHTS)


def count_numbers(weights: bytes) -> int:
    """Return how many numbers the arrays of a weights file hold; BadInput where they would be larger than the file.

    And where they are in another file, which HDF5 would open: any of the user's, whatever is in it.
    """
    arrays: list[Any] = []

    def note(name: str, link: Any) -> None:
        if not isinstance(link, h5py.HardLink):
            raise BadInput(f"its weights are not in it: {name} is a link")
        item = file[name]
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise BadInput(f"its weights are not in it: {name} is kept in another file")
            arrays.append((math.prod(item.shape or ()), item.dtype.itemsize))

    with h5py.File(io.BytesIO(weights), "r") as file:
        file.visititems_links(note)
    claimed = sum(count * width for count, width in arrays)
    if claimed > len(weights):
        raise BadInput(f"its weights are said to take {claimed:,} bytes, and the file has {len(weights):,}")
    return sum(count for count, _ in arrays)


def check_layers(config: str, held: int) -> None:
    """Raise BadInput where the layers of a config ask for more numbers than the file holds."""
    # In a thread of its own: Keras keeps a list for each thread of what has no values yet, to make them later.
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(measure_layers, config).result()
    if sum(asked.values()) > held:
        most = max(asked, key=lambda path: asked[path])
        raise BadInput(
            f"its layers ask for {sum(asked.values()):,} weights, {asked[most]:,} of them for {most}, and the file "
            f"holds {held:,}"
        )


def measure_layers(config: str) -> dict[str, int]:
    """Return how many numbers each weight of the layers has, by its path; none of them is made."""
    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(json.loads(config) | {"compile_config": None}, safe_mode=True)
    return {weight.path: math.prod(weight.shape) for weight in model.weights}


def explain(error: BaseException) -> str:
    """Return why Keras could not do something, in one line: the innermost of its messages, without the configs."""
    while inner := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = inner
    # A message within another is printed bold, and what the layer was called with comes after it.
    text = str(error).rpartition("\x1b[1m")[2].partition("\x1b[0m")[0]
    text = " ".join(text.partition("Full object config:")[0].split())
    return text.removesuffix(".") or type(error).__name__
