"""Parcel writer: writes the parcels of many agencies into their inboxes, in batches.

Each parcel waits for the disk twice. A thread for each parcel would wait for the interpreter
between any two steps. One thread takes a whole batch through each step, and the disk answers many
syncs like one.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from weakref import WeakKeyDictionary

from adapters.durable_files import sync_folder
from adapters.endpoints.inbox import InboxParcel

MOST_AT_ONCE = 64
SYNCS_AT_ONCE = 4
LARGE_BYTES = 1024 * 1024
"""A larger parcel goes on alone, so that the others of its batch need not wait for it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A parcel that waits to be written."""

    parcel: InboxParcel
    done: asyncio.Future[None]


class ParcelWriter:
    """Writes the parcels of all agencies of one process.

    An error of one agency's disk affects only this agency. A disk that hangs holds up only the
    parcels for the same file system.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._syncing = ThreadPoolExecutor(SYNCS_AT_ONCE - 1, thread_name_prefix="syncing")

    async def write(self, parcel: InboxParcel, *, device: int) -> None:
        """Let a parcel appear in its inbox, durably. Raises as `InboxParcel` does.

        Args:
            device: The file system of the inbox.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if device not in self._waiting:
            self._waiting[device] = []
            self._begin(self._write_all(device))
        self._waiting[device].append(_Waiting(parcel, done))
        await done

    async def _write_all(self, device: int) -> None:
        """Write what waits for one file system, until nothing does."""
        while batch := self._take(device):
            outcomes = await self._write_batch(batch, most=LARGE_BYTES)
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if outcome is False:
                    self._begin(self._write_alone(waiting))
                else:
                    _settle(waiting.done, outcome)

    async def _write_alone(self, waiting: _Waiting) -> None:
        (outcome,) = await self._write_batch([waiting])
        _settle(waiting.done, outcome)

    async def _write_batch(
        self, batch: Sequence[_Waiting], *, most: int | None = None
    ) -> Sequence[Exception | bool]:
        """Write a batch in a thread; where no thread can be had, the whole batch fails."""
        parcels = [waiting.parcel for waiting in batch]
        try:
            return await asyncio.to_thread(write_batch, parcels, syncing=self._syncing, most=most)
        except Exception as error:  # noqa: BLE001 (each of them is told)
            return [error] * len(batch)

    def _take(self, device: int) -> list[_Waiting]:
        waiting = self._waiting[device]
        batch, self._waiting[device] = waiting[:MOST_AT_ONCE], waiting[MOST_AT_ONCE:]
        if not batch:
            del self._waiting[device]
        return batch

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_WRITERS: WeakKeyDictionary[asyncio.AbstractEventLoop, ParcelWriter] = WeakKeyDictionary()


def parcel_writer_of_process() -> ParcelWriter:
    """The parcel writer of the running event loop."""
    return _WRITERS.setdefault(asyncio.get_running_loop(), ParcelWriter())


def write_batch(
    batch: Sequence[InboxParcel], *, syncing: Executor, most: int | None = None
) -> list[Exception | bool]:
    """Write all of them; blocking.

    Args:
        syncing: Threads that wait for the disk, which answers many syncs at once like one.
        most: How many bytes of each are written.

    Returns:
        For each: True when it has appeared; False when there is more to write, in which case it may
        be written on; or why it failed.
    """
    outcomes: list[Exception | bool] = [True] * len(batch)

    def each(step: Callable[[InboxParcel], bool | None], *, threads: int = 1) -> None:
        def attempt(indices: Sequence[int]) -> None:
            for index in indices:
                try:
                    outcomes[index] = step(batch[index]) is not False
                except Exception as error:  # noqa: BLE001 (each of them fails alone)
                    outcomes[index] = error

        going_on = [index for index, outcome in enumerate(outcomes) if outcome is True]
        others = [syncing.submit(attempt, going_on[n::threads]) for n in range(1, threads)]
        attempt(going_on[::threads])
        wait(others)

    syncs_at_once = min(SYNCS_AT_ONCE, len(batch))
    each(lambda parcel: parcel.write(most=most))
    each(InboxParcel.start_sync)
    each(InboxParcel.sync, threads=syncs_at_once)
    each(InboxParcel.appear)
    synced = cache(sync_folder)
    each(lambda parcel: synced(parcel.folder), threads=syncs_at_once)
    return outcomes


def _settle(done: asyncio.Future[None], outcome: Exception | bool) -> None:
    if done.cancelled():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(None)
