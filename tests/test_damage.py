"""Files of a run, damaged by chance: every command does as before, or refuses with one message.

`python -m pytest tests/test_damage.py --mutations 2000` damages each file 2,000 times; see benchmarks/damage.py.
"""

import numpy as np
import pytest

from tests.damage import QUESTIONS, Run, damage
from tests.harness import start_keras


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    start_keras()
    return Run(tmp_path_factory.mktemp("damage"))


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_damaged_file_changes_nothing_or_is_one_message(name: str, run: Run, request: pytest.FixtureRequest) -> None:
    count = request.config.getoption("--mutations")
    found = damage(run, name, count, np.random.default_rng(sum(name.encode())), questions=1)
    assert not found.wrong
    assert found.refused
