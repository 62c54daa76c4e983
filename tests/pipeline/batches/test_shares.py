"""The devices that share a batch: each draws its rows."""

from pathlib import Path

import numpy as np
import pytest

from harness.training.begin import prepare
from harness.training.request import settle
from pipeline.batches.shares import FILLED, Share
from tests.harness import small, small_options


@pytest.mark.parametrize("devices", [1, 2, 3, 5])
def test_the_shares_of_all_devices_are_the_batch_and_what_fills_them_has_no_weight(devices: int) -> None:
    with small("translation") as task:
        asked = settle(task, small_options(task, batch_size=5), Path("none"))
        batches = prepare(asked, None).batches["train"]
    for entry in batches.plan(0):
        inputs, outputs, weights = batches.draw(*entry)
        parts = [Share(devices, number, 1).draw(batches, entry) for number in range(devices)]
        assert len({len(part[1]) for part in parts}) == 1
        joined = np.concatenate([part[2] for part in parts])
        filled = (joined == FILLED).reshape(len(joined), -1).any(axis=1)
        assert filled.sum() == -len(weights) % devices and not filled[: len(weights)].any()
        np.testing.assert_array_equal(joined[: len(weights)], weights)
        np.testing.assert_array_equal(np.concatenate([part[1] for part in parts])[: len(weights)], outputs)
        for name, array in inputs.items():
            np.testing.assert_array_equal(np.concatenate([part[0][name] for part in parts])[: len(weights)], array)
        # Two devices of one process draw what two processes with one each do.
        together = Share(devices, 0, devices).draw(batches, entry)
        np.testing.assert_array_equal(together[2], joined)
