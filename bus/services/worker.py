"""Worker: runs adapters side by side, and drains them when it is told to stop."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from bus.services.inbound import Inbound
from bus.services.outbound import Outbound
from schemas.identifiers import MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """One agency's two directions."""

    mailbox: MailboxName
    outbound: Outbound
    inbound: Inbound


class Worker:
    """The adapters of one process. They share one `stop`.

    A crash of one adapter that is no fault of its own messages is a bug of ours: it ends the
    worker, loudly, and nothing that was under way is acknowledged.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._running: dict[MailboxName, asyncio.Task[None]] = {}

    def start(self, adapters: Iterable[Adapter]) -> None:
        """Start adapters; those that run already go on."""
        for adapter in adapters:
            if adapter.mailbox not in self._running:
                task = asyncio.create_task(_run(adapter), name=f"adapter {adapter.mailbox}")
                self._running[adapter.mailbox] = task

    async def until_stopped(self) -> None:
        """Wait for `stop`, then until every adapter has finished or returned what it held.

        Raises whatever crashed an adapter, after stopping the others.
        """
        stopped = asyncio.create_task(self._stop.wait())
        while not stopped.done():
            # Looked at again every second, because adapters may be started meanwhile.
            running = {stopped, *self._running.values()}
            done, _ = await asyncio.wait(running, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            if done:
                self._stop.set()
                await stopped
        await asyncio.gather(*self._running.values())


async def _run(adapter: Adapter) -> None:
    async with asyncio.TaskGroup() as directions:
        directions.create_task(adapter.inbound.run())
        directions.create_task(adapter.outbound.run())
