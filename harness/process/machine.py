"""Machine: the options of where and with what a command computes."""

from dataclasses import dataclass
from typing import Literal

from pipeline.option import option


@dataclass(frozen=True)
class Machine:
    """Options of every command that computes."""

    device: Literal["cpu", "gpu"] | None = option(None, "Where to compute; a GPU is used if there is one.")
    backend: Literal["jax", "tensorflow", "torch"] | None = option(
        None, "What Keras computes with; else KERAS_BACKEND, else JAX if installed."
    )
    kernels: Literal["auto", "off"] = option("auto", "The recurrent loops as native code, compiled at first use.")
