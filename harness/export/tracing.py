"""A run's model as a graph of TensorFlow, in a process of its own: the backend of a process cannot be changed."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import tasks
from harness.export.format import Subject
from harness.process import backend
from harness.process.console import console
from pipeline.worker import Worker

Result = TypeVar("Result")


@dataclass(frozen=True)
class Traced:
    """A graph. function: a tf.function of the inputs in the order of `signature`, to a dictionary of answers.

    signature: a tf.TensorSpec per input, by name. model: the Keras model.
    """

    function: Any
    signature: dict[str, Any]
    model: Any


@contextmanager
def tensorflow_process() -> Iterator[Callable[..., Any]]:
    """Give what calls a function in a process where Keras runs on TensorFlow, and ends that process at the end."""
    worker = Worker()
    try:
        worker.call(start)
        yield worker.call
    finally:
        worker.end()


def start() -> None:
    """Start Keras on TensorFlow, on the CPU, without native kernels, which a graph cannot take along."""
    console.quiet = True
    # Converters write what they do there, from C++.
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)
    backend.start("tensorflow", "cpu", kernels="off")


def open_model(subject: Subject) -> Any:
    """Return the Keras model of a run that is exported. To be called in a process that `start` was called in."""
    from harness.export.model import assemble, open_in_float32
    from harness.options import override
    from harness.runs.restored import read_run

    tasks.forget()
    tasks.include(subject.include)
    return assemble(open_in_float32(override(read_run(subject.directory), subject.decoding)))


def trace(
    model: Any,
    *,
    length: int | None = None,
    batch: int | None = None,
    inside: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Traced:
    """Return the graph of a Keras model on TensorFlow.

    length: time steps of its inputs; batch: their rows; None: any number. inside: what the model is traced within.
    """
    import tensorflow

    signature = {}
    for name, tensor in model.input.items():
        shape = [batch, *tensor.shape[1:]]
        if length and len(shape) > 1 and shape[1] is None:
            shape[1] = length
        signature[name] = tensorflow.TensorSpec(shape, tensor.dtype, name=name)

    def answer(*arrays: Any) -> dict[str, Any]:
        return model(dict(zip(signature, arrays, strict=True)))

    function = tensorflow.function(answer, input_signature=list(signature.values()), autograph=False)
    with inside():
        function.get_concrete_function()
    return Traced(function, signature, model)
