"""Worker: runs adapters side by side, and drains them when it is told to stop."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from bus.core.events import ServiceName
from bus.services.inbound import Inbound
from bus.services.lasting import Lasting
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

    A direction that dies is started again by itself; the other direction and the other agencies
    do not notice. What it had under way is not acknowledged, and comes again.
    """

    def __init__(self, lasting: Lasting) -> None:
        self._lasting = lasting
        self._running: dict[MailboxName, asyncio.Task[None]] = {}

    def start(self, adapters: Iterable[Adapter]) -> None:
        """Start adapters; those that run already go on."""
        for adapter in adapters:
            if adapter.mailbox not in self._running:
                task = asyncio.create_task(self._run(adapter), name=f"adapter {adapter.mailbox}")
                self._running[adapter.mailbox] = task

    async def until_stopped(self) -> None:
        """Wait for `stop`, then until every adapter has finished or returned what it held."""
        await self._lasting.stop.wait()
        await asyncio.gather(*self._running.values())

    async def _run(self, adapter: Adapter) -> None:
        keep = self._lasting.keep
        async with asyncio.TaskGroup() as directions:
            directions.create_task(
                keep(ServiceName.INBOUND, adapter.inbound.run, of=adapter.mailbox)
            )
            directions.create_task(
                keep(ServiceName.OUTBOUND, adapter.outbound.run, of=adapter.mailbox)
            )
