from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import BadInput
from tests.harness import open_run, small, small_options, train

SIZE = 6


def write_vectors(path: Path, words: list[str]) -> dict[str, np.ndarray]:
    rows = np.random.default_rng(1).normal(size=(len(words), SIZE)).round(3)
    path.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, rows, strict=True)))
    return dict(zip(words, rows, strict=True))


def train_with(folder: Path, words: list[str], **changed: Any) -> Any:
    with small("sentiment") as task:
        given = {"vectors": str(folder / "v.txt"), "embedding_size": SIZE, "epochs": 1} | changed
        write_vectors(folder / "v.txt", words)
        return open_run(Path(train(task, small_options(task, **given), folder)["run"]))


@pytest.fixture
def known(tmp_path: Path) -> list[str]:
    """Ten words of the small vocabulary."""
    with small("sentiment") as task:
        run = open_run(Path(train(task, small_options(task, epochs=1, seed=3), tmp_path)["run"]))
    return list(run.experiment.input_field.id_names["words"][2:12])


def test_frozen_vectors_are_those_of_the_file_after_training(
    tmp_path: Path, known: list[str], capsys: pytest.CaptureFixture
) -> None:
    run = train_with(tmp_path, [*known, "qqqq"], freeze_vectors=True)
    table = np.asarray(run.model.get_layer("embedding").embeddings)
    words = run.experiment.input_field.id_names["words"]
    for word, row in write_vectors(tmp_path / "v.txt", [*known, "qqqq"]).items():
        if word != "qqqq":
            assert table[words.index(word)] == pytest.approx(row, abs=1e-6)
    assert f"vectors for 10 of {len(words):,} words of the vocabulary" in capsys.readouterr().err


def test_vectors_that_are_not_frozen_are_where_training_begins(tmp_path: Path, known: list[str]) -> None:
    run = train_with(tmp_path, known, learning_rate=1e-9)
    table = np.asarray(run.model.get_layer("embedding").embeddings)
    words = run.experiment.input_field.id_names["words"]
    for word, row in write_vectors(tmp_path / "v.txt", known).items():
        assert table[words.index(word)] == pytest.approx(row, abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"embedding_size": 7}, "give --embedding-size 6"),
        ({"embedding": "onehot"}, "--embedding onehot has no vectors"),
        ({"freeze_vectors": True, "lazy_embeddings": True}, "no word vector is updated"),
        ({"freeze_vectors": True, "vectors": None}, "give --vectors FILE"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path: Path, changed: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        train_with(tmp_path, ["the", "a", "film", "good", "of", "and"], **changed)
