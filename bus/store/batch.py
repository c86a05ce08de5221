"""Group commit: operations that are submitted at the same time share one transaction.

Every commit costs a disk sync, and every transaction costs switches between threads. A batch of
hundreds of operations pays for them once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from schemas.problem import TransportError

Operation = TypeVar("Operation")
Answer = TypeVar("Answer")
Value = TypeVar("Value")

Operate = Callable[[Connection, Sequence[Operation]], Sequence[Answer | Exception]]
"""Carries out operations of one kind in order, and returns a result or an exception for each."""

PACE_SECONDS = 0.02
MOST_AT_ONCE = 500


class Transact(Protocol):
    """Runs work in a transaction and commits it. Raises `TransportError` if that is not certain."""

    def __call__(self, work: Callable[[Connection], Answer], /) -> Awaitable[Answer]:
        """Return the result of the work, after the commit."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """An operation that waits for a batch."""

    operate: Operate[Any, Any]
    operation: object
    answer: asyncio.Future[Any]


class GroupCommit:
    """Queues operations and commits them in batches.

    A single operation begins at once. Under load, batches begin at least `PACE_SECONDS` apart, so
    that they become larger. The order between operations of different callers is not defined.
    """

    def __init__(self, transact: Transact) -> None:
        self._transact = transact
        self._waiting: deque[_Asked] = deque()
        self._running: asyncio.Task[None] | None = None

    async def submit(self, operate: Operate[Operation, Answer], operation: Operation) -> Answer:
        """Carry out an operation, and return its result after the commit.

        If the caller is cancelled before the operation has begun, it is not carried out.

        Raises:
            TransportError: It is not known whether the operation was carried out.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Asked(operate, operation, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answer

    async def aclose(self) -> None:
        """Wait until all submitted operations are done."""
        while self._running is not None:
            await asyncio.wait({self._running})

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next_batch():
                began = loop.time()
                await self._carry_out(batch)
                await asyncio.sleep(began + PACE_SECONDS - loop.time())
        finally:
            self._running = None

    def _next_batch(self) -> list[_Asked]:
        batch: list[_Asked] = []
        while self._waiting and len(batch) < MOST_AT_ONCE:
            asked = self._waiting.popleft()
            if not asked.answer.cancelled():
                batch.append(asked)
        return batch

    async def _carry_out(self, batch: list[_Asked]) -> None:
        try:
            answers = await self._transact(lambda connection: _answers(connection, batch))
        except TransportError as error:
            _settle(batch, [TransportError(error.problem) for _ in batch])
        except Exception as error:  # noqa: BLE001 (a doorway: one bad value must not fail its neighbours)
            if len(batch) == 1:
                _settle(batch, [error])
            else:
                # Halve the batch until the failing one is alone; the others need few transactions.
                middle = len(batch) // 2
                await self._carry_out(batch[:middle])
                await self._carry_out(batch[middle:])
        else:
            _settle(batch, answers)


def _answers(connection: Connection, batch: Sequence[_Asked]) -> list[Any]:
    """Carry out the operations kind by kind; return the results in the order of the batch."""
    kinds: dict[Operate[Any, Any], list[int]] = {}
    for index, asked in enumerate(batch):
        kinds.setdefault(asked.operate, []).append(index)
    answers: list[Any] = [None] * len(batch)
    for operate, indices in kinds.items():
        answered = operate(connection, [batch[index].operation for index in indices])
        for index, answer in zip(indices, answered, strict=True):
            answers[index] = answer
    return answers


def _settle(batch: Sequence[_Asked], answers: Sequence[object]) -> None:
    for asked, answer in zip(batch, answers, strict=True):
        if asked.answer.cancelled():
            continue
        if isinstance(answer, Exception):
            asked.answer.set_exception(answer)
        else:
            asked.answer.set_result(answer)


def padded(values: Sequence[Value]) -> list[Value]:
    """Repeat the last value up to a power of two, for an `IN`.

    Few lengths are few statements, which the database prepares once.
    """
    room = 1 << (len(values) - 1).bit_length()
    return [*values, *[values[-1]] * (room - len(values))]
