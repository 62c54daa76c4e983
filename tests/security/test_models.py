"""Model files of strangers: nothing in them is run, no other file is opened, and none takes more than it has."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from harness.runs import model_file
from harness.runs.model_file import CONFIG, WEIGHTS
from pipeline.errors import BadInput
from tests.harness import start_keras

Json = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small model."""
    start_keras()
    inputs = keras.Input((3,))
    path = tmp_path_factory.mktemp("model") / "whole.keras"
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(path)
    return path


def rewrite(whole: Path, path: Path, name: str, content: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
    """Write a model file with other content in one of its members."""
    with zipfile.ZipFile(whole) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for one, before in {**members, name: b""}.items():
            archive.writestr(one, content if one == name else before)
    return path


def change_layer(whole: Path, path: Path, change: Callable[[Json], object]) -> Path:
    """Write a model file with another config of its layer."""
    with zipfile.ZipFile(whole) as archive:
        config = json.loads(archive.read(CONFIG))
    change(config["config"]["layers"][1])
    return rewrite(whole, path, CONFIG, json.dumps(config).encode())


def layer(module: str, kind: str, /, **config: Any) -> Callable[[Json], object]:
    return lambda before: before.update(module=module, class_name=kind, config=config, registered_name=None)


def setting(name: str, module: str, value: str) -> Callable[[Json], object]:
    named = {"module": module, "class_name": "function", "config": value, "registered_name": value}
    return lambda before: before["config"].update({name: named})


MARK = "touch marker"


@pytest.mark.parametrize(
    "change",
    [
        layer("os", "system", command=MARK),
        layer("subprocess", "Popen", args=MARK.split()),
        layer("builtins", "exec", source="open('marker', 'w')"),
        layer("keras.layers", "Lambda", function={"class_name": "__lambda__", "config": {"code": "4wE="}}),
        layer("keras.layers", "TFSMLayer", filepath="saved_model", name="x"),
        layer("keras.layers", "TorchModuleWrapper", module="gASV", name="x"),
        layer("keras.layers", "JaxLayer", call_fn={"class_name": "__lambda__", "config": {"value": "gASV"}}, name="x"),
        layer("keras.layers", "StringLookup", vocabulary="/etc/passwd", name="x"),
        layer("keras.models", "load_model", filepath="other.keras"),
        layer("keras.utils", "get_file", fname="x", origin="http://127.0.0.1:9/x"),
        setting("activation", "os", "system"),
        setting("activation", "keras.config", "enable_unsafe_deserialization"),
        setting("kernel_initializer", "keras.src.saving.serialization_lib", "enable_unsafe_deserialization"),
    ],
    ids="os.system Popen exec Lambda TFSMLayer TorchModuleWrapper JaxLayer StringLookup load_model get_file "
    "an-activation unsafe-mode unsafe-mode-of-an-initializer".split(),
)  # fmt: skip
def test_what_a_model_names_is_not_run(
    change: Callable[[Json], object], whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = change_layer(whole, tmp_path / "model.keras", change)
    with pytest.raises(BadInput) as refused:
        model_file.load(path)
    assert "\n" not in str(refused.value) and os.listdir(tmp_path) == ["model.keras"]
    assert keras.src.saving.serialization_lib.in_safe_mode() is not False


def write_weights(write: Callable[[h5py.File], object]) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        write(file)
    return content.getvalue()


def link_outside(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = h5py.ExternalLink("secret.h5", "/secret")


def keep_outside(file: h5py.File) -> None:
    file.create_dataset("layers/dense/vars/0", (3, 2), "float32", external=[("/etc/hostname", 0, 24)])


def gather_outside(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3, 2), "float32")
    layout[:] = h5py.VirtualSource("secret.h5", "secret", (3, 2))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def link_inside(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = h5py.SoftLink("/layers")


def claim_much(file: h5py.File) -> None:
    file.create_dataset("layers/dense/vars/0", (10**9,), "float32", chunks=(10**6,), compression="gzip")


@pytest.mark.parametrize("write", [link_outside, keep_outside, gather_outside, link_inside, claim_much])
def test_weights_are_in_the_file_itself(write: Callable[[h5py.File], object], whole: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = np.ones((3, 2), "float32")
    path = rewrite(whole, tmp_path / "model.keras", WEIGHTS, write_weights(write))
    with pytest.raises(BadInput, match="its weights are (not in it|said to take 4,000,000,000 bytes)"):
        model_file.load(path)
    with pytest.raises(BadInput):
        model_file.load_weights(keras.models.load_model(whole), path)


def test_a_file_of_a_megabyte_that_unpacks_to_a_gigabyte_takes_no_memory(whole: Path, tmp_path: Path) -> None:
    zeros = tmp_path / "model.keras"
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        new.writestr(CONFIG, archive.read(CONFIG))
        with new.open(WEIGHTS, "w", force_zip64=True) as member:
            for _ in range(16):
                member.write(bytes(2**23))
    # What it says of its sizes is all that is looked at.
    content = zeros.read_bytes().replace((2**27).to_bytes(4, "little"), (2**30).to_bytes(4, "little"))
    zeros.write_bytes(content)
    assert len(content) < 2**20
    before = peak()
    with pytest.raises(BadInput, match="its parts are compressed, or said to be larger than the file"):
        model_file.load(zeros)
    assert peak() - before < 2**20


def peak() -> int:
    """Return the most bytes of memory that the process had."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize(
    ("module", "name", "config"),
    [
        ("keras.layers", "Dense", {"units": 10**12}),
        ("keras.layers", "Embedding", {"input_dim": 10**15, "output_dim": 8}),
    ],
)
def test_a_layer_that_asks_for_all_memory(module: str, name: str, config: Json, whole: Path, tmp_path: Path) -> None:
    path = change_layer(whole, tmp_path / "model.keras", lambda before: before["config"].update(config))
    if name != "Dense":
        path = change_layer(whole, path, layer(module, name, **config))
    with pytest.raises(BadInput, match="its layers ask for|build_config|shape"):
        model_file.load(path)


def test_a_pipe_in_place_of_a_model_is_not_waited_for(tmp_path: Path) -> None:
    from harness.experiment import Experiment
    from harness.runs.trained import opening

    os.mkfifo(tmp_path / "best.keras")
    experiment = Experiment.__new__(Experiment)
    object.__setattr__(experiment, "directory", tmp_path)
    with pytest.raises(BadInput, match="best.keras: the model cannot be loaded: it is no file"), opening(experiment):
        pytest.fail("opened")
