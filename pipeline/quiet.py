"""TensorFlow, imported without its log lines."""

import os


def import_tensorflow() -> None:
    """Import TensorFlow without its log lines, and without its taking a GPU's whole memory."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # Lines written before its logging is set up, which the level does not hide, go to file descriptor 2.
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 2)
        import tensorflow  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
