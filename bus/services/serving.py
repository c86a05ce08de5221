"""Serving: a worker takes, renews and releases leases, and serves the mailboxes that it holds.

Workers agree only through the database (`ports.Leases`). When a worker dies, others take its
mailboxes after its leases expire; a worker that joins gets its share from workers that hold more.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from bus.core.placement import WorkerName
from bus.ports import Observer
from bus.ports.leases import LEASE, Leases
from bus.services.retry_wait import RetryWait, Stopping
from bus.services.waiting import first_of
from schemas.identifiers import MailboxName
from schemas.problem import TransportError

RENEW_EVERY = LEASE / 3
"""Two renewals may fail before the leases expire."""

SIBLINGS_MAY_TAKE = timedelta(seconds=10)
"""How long a starting worker leaves the share of its siblings for them."""


class Adapters(Protocol):
    """The adapters of one worker."""

    async def start(self, mailboxes: Collection[MailboxName]) -> None:
        """Start to serve these mailboxes, which no other worker serves.

        An earlier adapter of a mailbox finishes first. Raises `TransportError` when nothing was
        started.
        """

    def stop_serving(self, mailboxes: Collection[MailboxName]) -> None:
        """Let the adapters of these mailboxes finish their messages and end."""

    async def ended(self, mailboxes: Collection[MailboxName]) -> None:
        """Wait until the adapters of these mailboxes have ended."""


@dataclass(kw_only=True)
class Serving:
    """The mailboxes of one worker.

    Attributes:
        serves: The mailboxes that this worker can serve, by the directory as it is now.
        siblings: The other workers of this home, which start at the same time.
        stop: When it is set, the worker finishes its work and releases its leases.
        settled: Set when the first leases were taken and their adapters were started.
    """

    worker: WorkerName
    leases: Leases
    adapters: Adapters
    serves: Callable[[], Collection[MailboxName]]
    siblings: Collection[WorkerName]
    observe: Observer
    jitter: Callable[[], float]
    stop: asyncio.Event
    renew_every: timedelta = RENEW_EVERY
    siblings_may_take: timedelta = SIBLINGS_MAY_TAKE
    holding: set[MailboxName] = field(default_factory=set)
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._releasing: set[MailboxName] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._again = asyncio.Event()
        self._started: set[MailboxName] = set()

    def look_again(self) -> None:
        """Renew the leases now, because the directory has changed or a mailbox became free."""
        self._again.set()

    async def run(self) -> None:
        """Hold leases and serve their mailboxes until `stop` is set; then release everything."""
        loop = asyncio.get_running_loop()
        began, retry_wait = loop.time(), self._retry_wait()
        try:
            while not self.stop.is_set():
                self._raise_what_failed()
                starting = loop.time() - began < self.siblings_may_take.total_seconds()
                try:
                    await self._renew(self.siblings if starting else ())
                except TransportError as error:
                    with suppress(Stopping):
                        await retry_wait.wait(error.problem)
                    continue
                retry_wait = self._retry_wait()
                await self._rest()
        finally:
            await self._release_everything()

    async def _renew(self, siblings: Collection[WorkerName]) -> None:
        serves = frozenset(self.serves())
        told = await self.leases.renew(
            self.worker,
            serves=serves,
            holding=self.holding,
            siblings=siblings,
            serving=len(self._started),
        )
        self.adapters.stop_serving(told.lost)
        self.holding -= told.lost
        self._started -= told.lost
        for mailbox in told.moving - self._releasing:
            self._releasing.add(mailbox)
            self._begin(self._release(mailbox))
        self.holding |= told.taken
        # The start may wait for a token or an earlier adapter; meanwhile the leases are renewed.
        self._begin(self._start(told.taken))

    async def _start(self, mailboxes: Collection[MailboxName]) -> None:
        try:
            if mailboxes:
                await self.adapters.start(sorted(mailboxes))
                self._started |= set(mailboxes) & self.holding
                # The next renewal tells the others.
                self.look_again()
            self.settled.set()
        except TransportError:
            # The next renewal takes them again.
            self.holding -= set(mailboxes)

    async def _release(self, mailbox: MailboxName) -> None:
        """Finish the work of a mailbox; then the next renewal no longer names it."""
        try:
            self.adapters.stop_serving([mailbox])
            await self.adapters.ended([mailbox])
            self.holding.discard(mailbox)
            self._started.discard(mailbox)
        finally:
            self._releasing.discard(mailbox)
        self.look_again()

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    def _raise_what_failed(self) -> None:
        ended = {task for task in self._tasks if task.done()}
        self._tasks -= ended
        for task in ended:
            task.result()

    async def _release_everything(self) -> None:
        """Finish all work while the leases are still renewed; then leave."""
        self.adapters.stop_serving(self.holding)
        draining = asyncio.gather(
            self.adapters.ended(self.holding), *self._tasks, return_exceptions=True
        )
        while not draining.done():
            with suppress(TransportError):
                await self.leases.renew(self.worker, serves=(), holding=self.holding)
            await asyncio.wait([draining], timeout=self.renew_every.total_seconds())
        self.holding.clear()
        self._tasks.clear()
        with suppress(TransportError):
            await self.leases.leave(self.worker)

    async def _rest(self) -> None:
        """Wait until the next renewal is due or asked for, or the stop."""
        pause = asyncio.sleep(self.renew_every.total_seconds())
        await first_of(self.stop.wait(), self._again.wait(), pause)
        self._again.clear()

    def _retry_wait(self) -> RetryWait:
        return RetryWait(
            mailbox=MailboxName(self.worker),
            observe=self.observe,
            stop=self.stop,
            jitter=self.jitter,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """Reports that a process which serves no mailbox is running."""

    name: WorkerName
    leases: Leases

    async def run(self) -> None:
        """Report it until cancelled; while the store does not answer, try again."""
        while True:
            with suppress(TransportError):
                await self.leases.renew(self.name, serves=(), holding=())
            await asyncio.sleep(RENEW_EVERY.total_seconds())
