"""Runs before any test file: Keras reads its backend when it is first imported."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

if os.environ["KERAS_BACKEND"] == "jax":
    from models.loops import use_kernels

    # As the command line has it.
    use_kernels(True, print)
