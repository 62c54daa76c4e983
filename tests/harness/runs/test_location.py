from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.runs.location import LONGEST, locate, name_directory
from pipeline.errors import BadInput
from pipeline.option import Options, declared, make_options, option


@dataclass
class Part:
    cell: str = option("simple", "RNN type.")
    seed: int = option(0, "Seed.")
    units: int = option(128, "Units.")
    data: str = option("imdb", "Data.")
    train_file: str | None = option(None, "File.")
    rate: float = option(1e-3, "Rate.")


USUAL: Options = make_options("task", tuple(declared(Part, "data").values()))()


def test_the_defaults_have_the_name_of_cell_and_seed() -> None:
    assert name_directory(USUAL, USUAL) == "simple-s0"
    assert name_directory(USUAL.replace(cell="gru", seed=3), USUAL) == "gru-s3"


def test_what_differs_stands_in_the_name_in_one_order() -> None:
    assert name_directory(USUAL.replace(units=64), USUAL) == "simple-s0-units=64"
    assert name_directory(USUAL.replace(units=64, rate=3e-4), USUAL) == "simple-s0-rate=0.0003,units=64"


def test_two_paths_with_one_name_have_two_directories() -> None:
    names = [name_directory(USUAL.replace(data=path), USUAL) for path in ("/a/reviews.csv", "/b/reviews.csv")]
    assert names[0] != names[1]
    assert all(name.startswith("simple-s0-data=reviews.csv-") for name in names)
    # The same for ever: a stopped run is found again.
    assert names[0] == "simple-s0-data=reviews.csv-43c9a0ee"


def test_a_long_name_is_cut_and_hashed_and_no_path() -> None:
    changed = USUAL.replace(data="/" + "x" * 200, train_file="../../etc/passwd", units=64)
    name = name_directory(changed, USUAL)
    assert len(name) <= LONGEST and "/" not in name and ".." not in name
    assert name != name_directory(changed.replace(units=65), USUAL)


def test_a_name_of_the_users_own_is_taken_and_a_path_is_not(tmp_path: Path) -> None:
    assert locate(tmp_path, USUAL, USUAL) == tmp_path / "task" / "simple-s0"
    assert locate(tmp_path, USUAL, USUAL, name="mine") == tmp_path / "task" / "mine"
    for name in ("", ".", "..", "a/b", "/a", "../a"):
        with pytest.raises(BadInput, match="--name .*: expected the name of a folder"):
            locate(tmp_path, USUAL, USUAL, name=name)
