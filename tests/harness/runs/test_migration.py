"""Migration: what earlier versions wrote, as this one has it."""

import json
from pathlib import Path

import pytest

from harness import runs
from harness.runs.migration import STEPS, migrate
from harness.runs.schema import FORMAT, Config
from pipeline import record
from pipeline.errors import BadInput

STOPPED = sorted(Path(__file__).parents[2].glob("format_*/stopped/*"))


@pytest.mark.parametrize("directory", STOPPED, ids=lambda path: f"{path.parents[1].name}-{path.name}")
def test_the_config_of_every_format_is_read_and_its_file_stays_as_it_is(directory: Path) -> None:
    before = (directory / "config.json").read_bytes()
    found = runs.read_config(directory)
    assert found == record.convert(migrate(json.loads(before)), Config)
    assert found.get("format", 1) == int(directory.parents[1].name.removeprefix("format_"))
    assert (directory / "config.json").read_bytes() == before


def test_the_files_that_format_1_lists_have_no_known_content() -> None:
    assert migrate({"include": ["a.py", "b.py"]})["include"] == {"a.py": None, "b.py": None}
    assert migrate({"format": 2, "include": {"a.py": "0"}})["include"] == {"a.py": "0"}


@pytest.mark.parametrize("config", [{}, {"include": {}}, {"include": [1]}, {"include": None}])
def test_a_damaged_config_of_format_1_is_told(config: dict) -> None:
    with pytest.raises(BadInput):
        migrate(config)


@pytest.mark.parametrize("number", [0, -1, "1", True, 10**18, None])
def test_a_number_that_is_no_format_is_left_to_the_check(number: object) -> None:
    config = {"format": number, "include": {}} if number != 10**18 else {"format": number}
    assert migrate(config) == config


def test_there_is_no_step_beyond_the_last_format() -> None:
    assert all(0 < number < FORMAT for number in STEPS)
