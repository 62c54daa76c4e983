"""The queue of a run, with a run that only repeats what it is asked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.serving.limits import Limits
from harness.serving.refusal import Refusal
from pipeline.errors import BadInput

pytestmark = pytest.mark.needs("prometheus_client")
LIMITS = Limits(max_batch=4, max_queue=10, max_wait=5.0, max_inputs=10)


def run(
    body: Callable[[Any], Awaitable[Any]], limits: Limits = LIMITS, *, pause: float = 0.0, bad: object = None
) -> tuple[Any, list[list[Any]]]:
    """Return what `body` returns for a batcher that runs, and the batches that were computed.

    pause: seconds that a batch takes. bad: a question that makes its batch fail.
    """
    from harness.serving.batcher import Batcher
    from harness.serving.keras_thread import KerasThread
    from harness.serving.metrics import Metrics

    batches, keras = [], KerasThread()

    def compute(questions: list[Any]) -> list[Any]:
        batches.append(list(questions))
        time.sleep(pause)
        if bad in questions:
            raise ValueError("bad")
        return [f"answer to {one}" for one in questions]

    async def main() -> Any:
        batcher = Batcher("run", lambda questions: keras.call(compute, questions), limits, metrics=Metrics())
        running = asyncio.create_task(batcher.run())
        try:
            return await body(batcher)
        finally:
            running.cancel()

    return asyncio.run(main()), batches


def test_requests_that_come_together_are_computed_together_and_each_has_its_own_answers() -> None:
    async def body(batcher: Any) -> Any:
        return await asyncio.gather(batcher.ask([1]), batcher.ask([2, 3]), batcher.ask([4]), batcher.ask([]))

    found, batches = run(body)
    assert found == [["answer to 1"], ["answer to 2", "answer to 3"], ["answer to 4"], []]
    assert [sorted(batch) for batch in batches] == [[1, 2, 3, 4]]


def test_a_request_of_more_than_a_batch_is_answered_by_several() -> None:
    found, batches = run(lambda batcher: batcher.ask(list(range(9))))
    assert found == [f"answer to {number}" for number in range(9)]
    assert [len(batch) for batch in batches] == [4, 4, 1]


def test_what_would_wait_beyond_the_limit_is_refused_and_the_others_are_answered() -> None:
    async def body(batcher: Any) -> Any:
        first = asyncio.create_task(batcher.ask(list(range(4))))
        # By now they are computed, and wait no more.
        await asyncio.sleep(0.1)
        others = [asyncio.create_task(batcher.ask([number])) for number in range(4, 14)]
        await asyncio.sleep(0.01)
        with pytest.raises(Refusal, match=r"10 inputs wait already, and at most 10 may") as refused:
            await batcher.ask(["more"])
        assert refused.value.status == 429 and refused.value.retry_after >= 1
        return [one for answers in await asyncio.gather(first, *others) for one in answers]

    found, batches = run(body, replace(LIMITS, max_wait=0.0), pause=0.5)
    assert found == [f"answer to {number}" for number in range(14)]
    assert "more" not in [question for batch in batches for question in batch]


def test_a_large_request_does_not_hold_up_a_small_one() -> None:
    async def body(batcher: Any) -> Any:
        large = asyncio.create_task(batcher.ask(list(range(10))))
        await asyncio.sleep(0.1)
        return await batcher.ask(["small"]), await large

    (small, large), batches = run(body, replace(LIMITS, max_wait=0.0), pause=0.3)
    assert small == ["answer to small"] and large == [f"answer to {number}" for number in range(10)]
    assert "small" in batches[1] and len(batches) == 3


def test_a_batch_that_fails_ends_its_requests_and_not_the_queue() -> None:
    async def body(batcher: Any) -> Any:
        first = await asyncio.gather(batcher.ask([1]), batcher.ask(["bad"]), return_exceptions=True)
        return first, await batcher.ask([2])

    (first, after), _ = run(body, bad="bad")
    assert [str(one) for one in first] == ["bad", "bad"] and after == ["answer to 2"]


def test_limits_of_which_one_makes_another_useless_are_refused() -> None:
    with pytest.raises(BadInput, match=r"--max-inputs 50: .* --max-queue 10"):
        Limits(max_inputs=50, max_queue=10).check()
