"""What is used of Keras that it does not promise to keep: each name here is to be looked at when Keras moves on."""

import ast
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parents[1]
WINGS = ("tasks", "models", "pipeline", "harness")
PRIVATES = {
    # Adam in one pass, and lazy Adam: where the moments of a variable are.
    "_get_variable_index",
    "_momentums",
    "_velocities",
    "_trainable_variables",
    # A training step of one's own on JAX: all layers of a model, and its metrics.
    "_flatten_layers",
    "_update_metrics_variables",
    # The running average of the weights.
    "_model_variables_moving_average",
    # Without TensorFlow, where another backend is asked for: it takes seconds to import.
    "keras.src.utils.module_utils",
}


def know_privates() -> set[str]:
    """Return the names with an underscore that a model, its layers, losses and optimizer have."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(use_ema=True), "mse")
    model.optimizer.build(model.trainable_variables)
    things = [model, model.layers[0], model.loss, model.optimizer, keras.layers.RNN(keras.layers.GRUCell(2))]
    things += [keras.losses.Loss(), keras.initializers.Zeros(), keras.Variable(0.0)]
    return {name for one in things for name in dir(one) if name.startswith("_") and not name.startswith("__")}


def find_privates(source: str, known: set[str]) -> set[str]:
    """Return those of the known names that a source uses, and modules below keras.src; not what it defines itself."""
    tree = ast.parse(source)
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # As getattr has it.
            found.add(node.value)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keras.src"):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("keras.src")}
    return {name for name in found - own if name in known or name.startswith("keras.src")}


@pytest.mark.skipif(keras.config.backend() != "jax", reason="some are of Keras on JAX")
def test_the_privates_of_keras_in_use_are_those_listed_here() -> None:
    known = know_privates()
    paths = [ROOT / "run.py", *(path for wing in WINGS for path in sorted((ROOT / wing).rglob("*.py")))]
    assert set().union(*(find_privates(path.read_text(encoding="utf-8"), known) for path in paths)) == PRIVATES


def test_a_private_is_found_however_it_is_reached() -> None:
    source = "from keras.src import x\ndef f(m):\n    m._one()\n    return getattr(m, '_two'), m._mine\n"
    assert find_privates(source, {"_one", "_two"}) == {"keras.src", "_one", "_two"}
