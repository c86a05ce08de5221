"""Worker: runs adapters side by side, and drains them when it is told to stop."""

import asyncio
from collections.abc import Iterable, Mapping

from adapters.contract import Endpoint
from bus.core.crash import problem_of
from bus.core.events import ItemSkipped, ServiceName
from bus.services.adapter import Adapter
from bus.services.service_runner import ServiceRunner
from schemas.identifiers import MailboxName


class Worker:
    """The adapters of one process.

    A direction that dies is started again by itself; the other direction and the other agencies
    do not notice. What it had under way is not acknowledged, and comes again.
    """

    def __init__(self, runner: ServiceRunner) -> None:
        self._runner = runner
        self._running: dict[MailboxName, Adapter] = {}
        self._tasks: dict[MailboxName, asyncio.Task[None]] = {}

    @property
    def serves(self) -> frozenset[MailboxName]:
        """The mailboxes whose adapters run, and are not to stop."""
        return frozenset(self._running)

    @property
    def endpoints(self) -> Mapping[MailboxName, Endpoint]:
        """The endpoints of these mailboxes."""
        return {mailbox: adapter.endpoint for mailbox, adapter in self._running.items()}

    def start(self, adapters: Iterable[Adapter]) -> None:
        """Start adapters; those that run already go on.

        One whose predecessor still finishes what it held waits for it: two at work on one mailbox
        would give the same names.
        """
        for adapter in adapters:
            if adapter.mailbox not in self._running:
                before = self._tasks.get(adapter.mailbox)
                task = asyncio.create_task(
                    self._run(adapter, before), name=f"adapter {adapter.mailbox}"
                )
                self._running[adapter.mailbox] = adapter
                self._tasks[adapter.mailbox] = task

    def stop(self, mailboxes: Iterable[MailboxName]) -> None:
        """Let adapters finish what they hold, and end; they may be started anew."""
        for mailbox in mailboxes:
            adapter = self._running.pop(mailbox, None)
            if adapter is not None:
                adapter.stop.set()

    async def ended(self, mailboxes: Iterable[MailboxName]) -> None:
        """Wait until the adapters of these mailboxes have ended, those that were told to stop."""
        tasks = [
            task
            for mailbox in mailboxes
            if mailbox not in self._running and (task := self._tasks.get(mailbox)) is not None
        ]
        if tasks:
            await asyncio.wait(tasks)

    async def until_stopped(self) -> None:
        """Wait for `stop`, then until every adapter has finished or returned what it held."""
        await self._runner.stop.wait()
        self.stop(self.serves)
        await asyncio.gather(*self._tasks.values())

    async def _run(self, adapter: Adapter, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        keep = self._runner.keep
        async with asyncio.TaskGroup() as directions:
            for service, run in (
                (ServiceName.INBOUND, adapter.inbound.run),
                (ServiceName.OUTBOUND, adapter.outbound.run),
                (ServiceName.COMPLETION, adapter.completion.run),
            ):
                directions.create_task(keep(service, run, of=adapter.mailbox, stop=adapter.stop))
        try:
            await adapter.endpoint.close()
        except Exception as error:  # noqa: BLE001 (an endpoint may be a stranger's)
            problem = problem_of(error, stage=ServiceName.WORKERS)
            service = ServiceName.WORKERS
            self._runner.observe(
                ItemSkipped(service=service, item=adapter.mailbox, problem=problem)
            )
