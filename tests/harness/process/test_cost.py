import numpy as np

import harness.process.allocator  # noqa: F401 (with what is freed kept, as in a run)
from harness.process.cost import Throughput, peak_ram_megabytes, reset_peak_ram


def test_the_first_batch_of_a_shape_is_no_part_of_the_throughput() -> None:
    throughput = Throughput()
    assert throughput.tokens_per_second is None
    for shape, tokens, seconds in [(20, 100, 9.0), (40, 100, 9.0), (20, 300, 1.0), (40, 100, 1.0)]:
        throughput.add(shape, tokens=tokens, seconds=seconds)
    assert throughput.tokens_per_second == 200


def test_the_peak_of_memory_is_that_of_the_work_since_it_was_reset() -> None:
    reset_peak_ram()
    before = peak_ram_megabytes()
    block = np.ones(200 * 2**20, "uint8")
    assert before + 190 <= peak_ram_megabytes() <= before + 230
    del block
    reset_peak_ram()
    assert peak_ram_megabytes() <= before + 30
