"""Worker: runs the adapters of one process, and drains them when it is stopped."""

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

    A direction of an adapter that ends with an error is started again; the other direction and
    other agencies are not affected. Its unfinished messages are not acknowledged and come again.
    """

    def __init__(self, runner: ServiceRunner) -> None:
        self._runner = runner
        self._running: dict[MailboxName, Adapter] = {}
        self._tasks: dict[MailboxName, asyncio.Task[None]] = {}

    @property
    def serves(self) -> frozenset[MailboxName]:
        """The mailboxes whose adapters run and were not told to stop."""
        return frozenset(self._running)

    @property
    def endpoints(self) -> Mapping[MailboxName, Endpoint]:
        """The endpoints of these mailboxes."""
        return {mailbox: adapter.endpoint for mailbox, adapter in self._running.items()}

    def start(self, adapters: Iterable[Adapter]) -> None:
        """Start adapters that do not run yet.

        An adapter waits until its predecessor has finished, because two adapters of one mailbox
        would choose the same file names.
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
        """Let adapters finish their messages and end; they may be started again."""
        for mailbox in mailboxes:
            adapter = self._running.pop(mailbox, None)
            if adapter is not None:
                adapter.stop.set()

    async def ended(self, mailboxes: Iterable[MailboxName]) -> None:
        """Wait until those adapters of these mailboxes have ended that were told to stop."""
        tasks = [
            task
            for mailbox in mailboxes
            if mailbox not in self._running and (task := self._tasks.get(mailbox)) is not None
        ]
        if tasks:
            await asyncio.wait(tasks)

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
        except Exception as error:  # noqa: BLE001 (the endpoint may be of another package)
            service = ServiceName.WORKERS
            problem = problem_of(error, stage=service)
            self._runner.observe(
                ItemSkipped(service=service, item=adapter.mailbox, problem=problem)
            )
