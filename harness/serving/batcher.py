"""Batcher: the questions of many requests put together, and their answers given back to each."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from harness.serving.limits import Limits
from harness.serving.metrics import Metrics
from harness.serving.refusal import Refusal
from harness.serving.served_run import Question

if TYPE_CHECKING:
    from harness.evaluate import Answer

# The share of what was known of the seconds per question that each batch leaves.
KEPT = 0.9
# Seconds after which to ask again, at most.
LONGEST_PAUSE = 60


class Ticket:
    """One request that waits. taken: how many of its questions are in a batch, or answered."""

    def __init__(self, questions: Sequence[Question]):
        self.questions, self.taken = questions, 0
        self.answers: dict[int, Answer] = {}
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, place: int, answer: "Answer") -> None:
        """Note the answer to one of its questions."""
        self.answers[place] = answer
        if len(self.answers) == len(self.questions) and not self.answered.done():
            self.answered.set_result(None)

    def fail(self, error: BaseException) -> None:
        """End the request with an error."""
        if not self.answered.done():
            self.answered.set_exception(error)


class Batcher:
    """The queue of one run, and the task that empties it.

    compute: has at most `max_batch` questions answered, by another thread. waiting: the questions that are in no batch
    yet. The requests take turns, a question each, so that a large one does not hold up the small ones behind it.
    """

    def __init__(
        self,
        name: str,
        compute: Callable[[list[Question]], "Future[list[Answer]]"],
        limits: Limits,
        *,
        metrics: Metrics,
    ):
        self.name, self.compute, self.limits, self.metrics = name, compute, limits, metrics
        self.turns: deque[Ticket] = deque()
        self.waiting, self.seconds = 0, 0.0
        self.asked = asyncio.Event()
        metrics.watch_queue(name, lambda: self.waiting)

    async def ask(self, questions: Sequence[Question]) -> "list[Answer]":
        """Return the answers to the questions of a request; Refusal with 429 where too many wait already."""
        if not questions:
            return []
        if self.waiting + len(questions) > self.limits.max_queue:
            raise Refusal(
                429,
                f"{self.waiting:,} inputs wait already, and at most {self.limits.max_queue:,} may; ask again later",
                retry_after=min(LONGEST_PAUSE, max(1, math.ceil(self.waiting * self.seconds))),
            )
        ticket = Ticket(questions)
        self.turns.append(ticket)
        self.waiting += len(questions)
        self.asked.set()
        await ticket.answered
        return [ticket.answers[place] for place in range(len(questions))]

    def draw(self) -> list[tuple[Ticket, int]]:
        """Return the next batch, as requests and the places of their questions."""
        batch: list[tuple[Ticket, int]] = []
        while self.turns and len(batch) < self.limits.max_batch:
            ticket = self.turns.popleft()
            if ticket.answered.done():
                # Another of its questions has failed.
                self.waiting -= len(ticket.questions) - ticket.taken
                continue
            batch.append((ticket, ticket.taken))
            ticket.taken += 1
            self.waiting -= 1
            if ticket.taken < len(ticket.questions):
                self.turns.append(ticket)
        return batch

    async def run(self) -> None:
        """Answer what is asked, for ever: batch by batch, while the next ones wait."""
        clock = asyncio.get_running_loop().time
        while True:
            if not self.turns:
                self.asked.clear()
                await self.asked.wait()
            if self.waiting < self.limits.max_batch:
                await asyncio.sleep(self.limits.max_wait / 1000)
            batch = self.draw()
            if not batch:
                continue
            started = clock()
            try:
                questions = [ticket.questions[place] for ticket, place in batch]
                answers = await asyncio.wrap_future(self.compute(questions))
            except Exception as error:
                for ticket, _ in batch:
                    ticket.fail(error)
                continue
            for (ticket, place), answer in zip(batch, answers, strict=True):
                ticket.take(place, answer)
            seconds = (clock() - started) / len(batch)
            self.seconds = KEPT * self.seconds + (1 - KEPT) * seconds if self.seconds else seconds
            self.metrics.note_batch(self.name, len(batch))
