"""Files of models: whole ones are loaded; damaged ones, and those that ask for more than they hold, are refused."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from harness.runs import model_file, seal
from harness.runs.model_file import CONFIG, WEIGHTS
from models.layers.decoder import Decoder
from models.recurrent import stack_layers
from pipeline.errors import BadInput
from tests.harness import start_keras


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a small model of each kind of layer that asks for a size."""
    start_keras()
    words, mask = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="bool")
    vectors = keras.layers.Embedding(11, 3)(words)
    states = stack_layers(vectors, mask, cell="gru", units=4, bidirectional=True)
    decoder = Decoder(7, "lstm", units=4, depth=1, features=5, dropout=0.0, attention="luong")
    keras.Model([words, mask], [states, decoder(words, vectors[:, 0], vectors)]).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def rewrite(path: Path, change: Callable[[str, bytes], bytes | None], **options: Any) -> None:
    """Write an archive anew, each member changed by its name and content, or left out."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items():
            if (changed := change(name, content)) is not None:
                archive.writestr(name, changed)


def set_everywhere(content: Any, name: str, value: Any) -> Any:
    """Return JSON with a value in the place of all of that name."""
    if isinstance(content, dict):
        return {key: value if key == name else set_everywhere(one, name, value) for key, one in content.items()}
    return [set_everywhere(one, name, value) for one in content] if isinstance(content, list) else content


def test_a_whole_file_is_loaded(path: Path) -> None:
    found, wanted = model_file.load(path), keras.models.load_model(path)
    given = np.array([[1, 2, 3]], "int32"), np.ones((1, 3), bool)
    for one, other in zip(found.predict(given, verbose=0), wanted.predict(given, verbose=0), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not found.compiled


@pytest.mark.parametrize(
    ("name", "value", "most"),
    [
        ("units", 10**9, "its layers ask for .* weights, .* of them for .*kernel, and the file holds"),
        ("input_dim", 10**12, "3,000,000,000,000 of them for .*embeddings, and the file holds"),
        ("size", 10**9, "5,000,000,000 of them for decoder.*/embeddings, and the file holds"),
        ("features", 10**9, "16,000,000,000 of them for decoder.*/kernel, and the file holds"),
    ],
)
def test_layers_that_ask_for_more_than_the_file_holds_are_refused_before_anything_is_allocated(
    name: str, value: int, most: str, path: Path
) -> None:
    def grow(member: str, content: bytes) -> bytes:
        return json.dumps(set_everywhere(json.loads(content), name, value)).encode() if member == CONFIG else content

    rewrite(path, grow)
    with pytest.raises(BadInput, match=most):
        model_file.load(path)
    # Nor later, when Keras makes what has been declared.
    assert keras.layers.LSTM(3)(keras.Input((None, 2))).shape == (None, 3)


def test_arrays_that_are_said_to_be_larger_than_the_file_are_refused(path: Path) -> None:
    bomb = io.BytesIO()
    with h5py.File(bomb, "w") as file:
        file.create_dataset("layers/embedding/vars/0", (10**9,), "float32", chunks=(10**6,), compression="gzip")
    rewrite(path, lambda name, content: bomb.getvalue() if name == WEIGHTS else content)
    with pytest.raises(BadInput, match="its weights are said to take 4,000,000,000 bytes, and the file has"):
        model_file.load(path)


def test_an_archive_that_unpacks_to_much_more_than_itself_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(path, lambda name, content: content, compression=zipfile.ZIP_DEFLATED)
    assert model_file.load(path).weights
    monkeypatch.setattr(seal, "SMALL", 10**6)
    rewrite(
        path,
        lambda name, content: bytes(10**7) if name == WEIGHTS else content,
        compression=zipfile.ZIP_DEFLATED,
    )
    assert path.stat().st_size < 10**5
    with pytest.raises(BadInput, match="its parts are compressed, or said to be larger than the file of"):
        model_file.load(path)


@pytest.mark.parametrize("member", [CONFIG, WEIGHTS])
def test_a_file_without_one_of_its_parts_is_refused(member: str, path: Path) -> None:
    rewrite(path, lambda name, content: None if name == member else content)
    with pytest.raises(BadInput, match=f"there is no {member} in it"):
        model_file.load(path)


def test_a_file_cut_short_or_no_archive_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:-10], whole[1000:]):
        path.write_bytes(content)
        with pytest.raises(BadInput, match="damaged|larger than the file"):
            model_file.load(path)


def test_a_file_with_a_changed_byte_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        place = int(len(whole) * share)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(BadInput, match="damaged"):
            model_file.load(path)


@pytest.mark.parametrize(
    "config", [b"", b"[", b"[]", b"{}", b"null", b"\xff", b'{"class_name": "Nothing", "config": {}}', b"[" * 10**5]
)
def test_a_config_that_is_none_is_refused(config: bytes, path: Path) -> None:
    rewrite(path, lambda name, content: config if name == CONFIG else content)
    with pytest.raises(BadInput) as refused:
        model_file.load(path)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 1000


def test_weights_that_are_none_are_refused(path: Path) -> None:
    rewrite(path, lambda name, content: b"not HDF5" * 10**4 if name == WEIGHTS else content)
    with pytest.raises(BadInput):
        model_file.load(path)


def test_python_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    start_keras()
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs))
    model.save(tmp_path / "model.keras")
    with pytest.raises(BadInput, match="[Ll]ambda"):
        model_file.load(tmp_path / "model.keras")


def test_layers_that_are_unknown_are_named(path: Path) -> None:
    rewrite(path, lambda name, content: content.replace(b"unrolled>Decoder", b"else>Decoder"))
    with pytest.raises(BadInput, match="Could not locate class 'Decoder'"):
        model_file.load(path)
