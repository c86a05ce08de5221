"""Porter: hands parcels over for many agencies at a time.

A hand-over waits for the disk twice. A thread for each would wait for the interpreter between any
two steps; one thread takes all of them through each step together, and the disk answers many syncs
like one.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from weakref import WeakKeyDictionary

from adapters.durable_files import sync_folder
from adapters.endpoints.inbox import HandOver

MOST_AT_ONCE = 64
SYNCS_AT_ONCE = 4
LARGE_BYTES = 1024 * 1024
"""Who is larger goes on alone: the others of its batch shall not wait for it."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A hand-over that waits for its turn."""

    hand_over: HandOver
    answer: asyncio.Future[None]


class Porter:
    """Shared by the agencies of one process. What one agency's disk refuses concerns it alone.

    A disk that hangs holds up only those on the same file system.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[_Asked]] = {}
        self._at_work: set[asyncio.Task[None]] = set()
        self._syncing = ThreadPoolExecutor(SYNCS_AT_ONCE - 1, thread_name_prefix="syncing")

    async def hand_over(self, hand_over: HandOver, *, device: int) -> None:
        """Let a parcel appear in its inbox, durably. Raises as `HandOver` does."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asked = _Asked(hand_over, answer)
        waiting = self._waiting.get(device)
        if waiting is None:
            self._waiting[device] = [asked]
            self._begin(self._work(device))
        else:
            waiting.append(asked)
        await answer

    async def _work(self, device: int) -> None:
        """Carry what waits on one file system, until nothing does."""
        while batch := self._take(device):
            told = await self._carried(batch, most=LARGE_BYTES)
            for asked, outcome in zip(batch, told, strict=True):
                if outcome is False:
                    self._begin(self._alone(asked))
                else:
                    _settle(asked.answer, outcome)

    async def _alone(self, asked: _Asked) -> None:
        (outcome,) = await self._carried([asked])
        _settle(asked.answer, outcome)

    async def _carried(
        self, batch: Sequence[_Asked], *, most: int | None = None
    ) -> Sequence[Exception | bool]:
        """Carry them in a thread; when there is none they fail, and those behind are served."""
        hand_overs = [asked.hand_over for asked in batch]
        try:
            return await asyncio.to_thread(carry, hand_overs, syncing=self._syncing, most=most)
        except Exception as error:  # noqa: BLE001 (told to each of them)
            return [error] * len(batch)

    def _take(self, device: int) -> list[_Asked]:
        waiting = self._waiting[device]
        batch, self._waiting[device] = waiting[:MOST_AT_ONCE], waiting[MOST_AT_ONCE:]
        if not batch:
            del self._waiting[device]
        return batch

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)


_PORTERS: WeakKeyDictionary[asyncio.AbstractEventLoop, Porter] = WeakKeyDictionary()


def porter_of_process() -> Porter:
    """The porter that all agencies of the running event loop share."""
    return _PORTERS.setdefault(asyncio.get_running_loop(), Porter())


def carry(
    batch: Sequence[HandOver], *, syncing: Executor, most: int | None = None
) -> list[Exception | bool]:
    """Hand all of them over; blocking.

    Args:
        syncing: Who waits for the disk: it answers many who ask at once like one.
        most: How much of each is written.

    Returns:
        For each: True when it has appeared; False when there is more to write, nothing else was
        done, and it may be carried on; or why it failed.
    """
    told: list[Exception | bool] = [True] * len(batch)

    def each(step: Callable[[HandOver], bool | None], *, threads: int = 1) -> None:
        def attempt(indices: Sequence[int]) -> None:
            for index in indices:
                try:
                    told[index] = step(batch[index]) is not False
                except Exception as error:  # noqa: BLE001 (each of them fails alone)
                    told[index] = error

        going_on = [index for index, outcome in enumerate(told) if outcome is True]
        others = [syncing.submit(attempt, going_on[n::threads]) for n in range(1, threads)]
        attempt(going_on[::threads])
        wait(others)

    syncs_at_once = min(SYNCS_AT_ONCE, len(batch))
    each(lambda hand_over: hand_over.write(most=most))
    each(HandOver.start_sync)
    each(HandOver.sync, threads=syncs_at_once)
    each(HandOver.appear)
    synced = cache(sync_folder)
    each(lambda hand_over: synced(hand_over.folder), threads=syncs_at_once)
    return told


def _settle(answer: asyncio.Future[None], outcome: Exception | bool) -> None:
    if answer.cancelled():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(None)
