"""Two agencies on the in-memory bus, with real folders, keys and formats."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from adapters.contract import Limits
from adapters.endpoints.folder import FolderEndpoint
from adapters.formats.edxml import EdxmlFormat
from bus.core.events import Event
from bus.core.failure import FAILURE_HEADER, Failure
from bus.core.message import WireMessage
from bus.core.retry import RetryPolicy
from bus.core.routing import Routing
from bus.core.topology import FAILURES, desired, mailboxes_by_word
from bus.memory.attachments import MemoryAttachments
from bus.memory.broker import MemoryBroker
from bus.memory.inbox import MemoryInbox
from bus.memory.records import MemoryRecords
from bus.ports import DeadLetters, Inbox, PublishOutcome, ReceivedMessage, Settlement
from bus.services.courier import Courier
from bus.services.dead_letters import DeadLetterHandler
from bus.services.dispatch import Dispatch
from bus.services.endpoint_watch import EndpointWatch
from bus.services.inbound import Inbound
from bus.services.outbound import Outbound
from bus.services.worker import Adapter, Worker
from schemas.directory import Agency, Directory
from schemas.envelope import Envelope
from schemas.identifiers import AgencyCode, MailboxName
from tests.envelopes import RECIPIENT, SENDER, Signers

SETTLE = timedelta(0)
Happened = TypeVar("Happened")
_DEADLINE = 10.0
_PAUSE = 0.005


def routing_of_two() -> Routing:
    """A directory of the two."""
    return Routing(
        Directory(
            agencies=tuple(
                Agency(code=AgencyCode(code), name_vi=name, connected=True)
                for code, name in ((SENDER, "Tỉnh Ví Dụ"), (RECIPIENT, "Bộ Thí Dụ"))
            )
        )
    )


class TwoAgencies:
    """H98 and G98, each with a folder, on one memory broker."""

    def __init__(
        self,
        root: Path,
        *,
        inbox: Inbox | None = None,
        endpoint: type[FolderEndpoint] = FolderEndpoint,
    ) -> None:
        self.root = root
        self._endpoint = endpoint
        self.routing = routing_of_two()
        self.signers = Signers()
        self.broker = MemoryBroker(desired(self.routing.mailboxes, ledger=False))
        self.attachments = MemoryAttachments()
        self.inbox = inbox or MemoryInbox()
        self.records = MemoryRecords()
        self.events: list[Event] = []
        self.failures: list[WireMessage] = []
        self._ids = 0

    def folder(self, code: str) -> Path:
        """What an agency's system sees."""
        return self.root / code

    def drop(self, code: str, name: str, content: bytes) -> None:
        """Put a whole file into an outbox."""
        (self.folder(code) / f".{name}").write_bytes(content)
        (self.folder(code) / f".{name}").rename(self.folder(code) / "outbox" / name)

    def documents(self, code: str) -> list[str]:
        """Names of the documents in an inbox."""
        return sorted(p.name for p in (self.folder(code) / "inbox" / "documents").iterdir())

    def statuses(self, code: str) -> list[str]:
        """Names of the statuses in an inbox."""
        return sorted(p.name for p in (self.folder(code) / "inbox" / "statuses").iterdir())

    def failed(self) -> list[Failure]:
        """What lies in `failures`."""
        return [Failure.model_validate_json(f.headers[FAILURE_HEADER]) for f in self.failures]

    def of_type(self, kind: type[Happened]) -> list[Happened]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def handler(self, letters: DeadLetters, **changes: object) -> DeadLetterHandler:
        """A dead-letter handler for this bus."""
        parts: dict[str, object] = {
            "letters": letters,
            "subscriber": self.broker,
            "publisher": self.broker,
            "mailboxes": lambda: mailboxes_by_word(self.routing.mailboxes),
            "policy": RetryPolicy(),
            "clock": _now,
            "new_id": self._new_id,
            "jitter": lambda: 0.0,
            "observe": self.events.append,
            "deadline": timedelta(seconds=1),
            "poll": timedelta(milliseconds=10),
        }
        return DeadLetterHandler(**(parts | changes))  # type: ignore[arg-type]

    @asynccontextmanager
    async def running(self, handler: DeadLetterHandler | None = None) -> AsyncIterator[None]:
        """Both adapters at work, and a handler or a plain list for failures; drained at the end."""
        stop = asyncio.Event()
        worker = Worker(stop)
        worker.start([self._adapter(code, stop) for code in (SENDER, RECIPIENT)])
        running = asyncio.create_task(worker.until_stopped())
        try:
            async with self._failures_kept() if handler is None else _running(handler):
                yield
        finally:
            stop.set()
            await running

    def _failures_kept(self) -> AbstractAsyncContextManager[None]:
        return self.broker.subscribe(FAILURES, self._keep, prefetch=10)

    async def _keep(self, received: ReceivedMessage) -> Settlement:
        self.failures.append(received.message)
        return Settlement.ACK

    def _new_id(self) -> str:
        self._ids += 1
        return f"m{self._ids}"

    def _adapter(self, code: AgencyCode, stop: asyncio.Event) -> Adapter:
        mailbox = MailboxName(code)
        endpoint = self._endpoint(self.folder(code), settle=SETTLE)
        watch = EndpointWatch(
            mailbox=mailbox,
            endpoint=endpoint,
            clock=_now,
            jitter=lambda: 0.0,
            observe=self.events.append,
            stop=stop,
        )
        dispatch = Dispatch(
            mailbox=mailbox,
            key=self.signers.key(code),
            publisher=self.broker,
            clock=_now,
            new_id=self._new_id,
            deadline=timedelta(seconds=1),
        )
        return Adapter(
            mailbox=mailbox,
            outbound=Outbound(
                endpoint=endpoint,
                watch=watch,
                formats=(EdxmlFormat(),),
                limits=Limits(),
                routing=lambda: self.routing,
                attachments=self.attachments,
                records=self.records,
                dispatch=dispatch,
                clock=_now,
                jitter=lambda: 0.0,
                observe=self.events.append,
                slots=asyncio.Semaphore(2),
                poll=timedelta(milliseconds=10),
                stop=stop,
            ),
            inbound=Inbound(
                mailbox=mailbox,
                courier=Courier(
                    endpoint=endpoint,
                    watch=watch,
                    format=EdxmlFormat(),
                    keys=lambda: self.signers.ring,
                    routing=lambda: self.routing,
                    attachments=self.attachments,
                    inbox=self.inbox,
                    records=self.records,
                    dispatch=dispatch,
                    clock=_now,
                    new_id=self._new_id,
                    jitter=lambda: 0.0,
                    observe=self.events.append,
                ),
                watch=watch,
                subscriber=self.broker,
                prefetch=4,
                stop=stop,
            ),
        )


@asynccontextmanager
async def _running(handler: DeadLetterHandler) -> AsyncIterator[None]:
    task = asyncio.create_task(handler.run())
    try:
        yield
    finally:
        handler.stop.set()
        await task


async def publish(axis: TwoAgencies, envelope: Envelope, **changes: object) -> None:
    """Publish an envelope past its sender's adapter, signed, with something changed."""
    message: WireMessage = replace(
        axis.signers.message(envelope),
        message_id=axis._new_id(),
        **changes,  # type: ignore[arg-type]
    )
    outcome = await axis.broker.publish(message, deadline=timedelta(seconds=1))
    assert outcome is PublishOutcome.CONFIRMED


async def eventually(look: Callable[[], object]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(_DEADLINE):
        while not look():  # noqa: ASYNC110 (files announce nothing)
            await asyncio.sleep(_PAUSE)


def _now() -> datetime:
    return datetime.now(UTC)
