"""Two agencies on the in-memory bus, with real folders, keys and formats."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from inspect import isawaitable
from pathlib import Path

from adapters.contract import EndpointFactory
from adapters.endpoints.folder import FolderEndpoint
from bus.core.failure import FAILURE_HEADER, Failure
from bus.core.message import WireMessage
from bus.core.routing import Routing
from bus.core.topology import FAILURES, Topology, desired
from bus.memory.attachments import MemoryAttachments
from bus.memory.broker import MemoryBroker
from bus.ports import Inbox, PublishOutcome, ReceivedMessage, Settlement
from bus.services.dead_letters import DeadLetterHandler
from bus.store.inbox import SqlInbox
from schemas.envelope import Envelope
from tests.support.agencies import Agencies, Parts, routing_of
from tests.support.envelopes import RECIPIENT, SENDER, Signers
from tests.support.stores import inbox_in, records_in

_DEADLINE = 10.0
_PAUSE = 0.005


def routing_of_two() -> Routing:
    """A directory of the two."""
    return routing_of((SENDER, RECIPIENT))


class _Broker(MemoryBroker):
    """Remembers what was published, in its order."""

    def __init__(self, topology: Topology) -> None:
        super().__init__(topology)
        self.published: list[WireMessage] = []

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        self.published.append(message)
        return await super().publish(message, deadline=deadline)


class TwoAgencies(Agencies):
    """H98 and G98, each with a folder, on one memory broker."""

    def __init__(
        self,
        root: Path,
        *,
        inbox: Inbox | None = None,
        endpoint: EndpointFactory | type[FolderEndpoint] = FolderEndpoint,
    ) -> None:
        routing = routing_of_two()
        self.signers = Signers()
        self.broker = _Broker(desired(routing.mailboxes, ledger=False))
        self.failures: list[WireMessage] = []
        parts = Parts(
            routing=routing,
            ring=self.signers.ring,
            key_of=self.signers.key,
            broker=self.broker,
            attachments=MemoryAttachments(),
            inbox=inbox or inbox_in(root / ".stores", SqlInbox),
            records=records_in(root / ".stores"),
            endpoint=endpoint,
        )
        super().__init__(root, parts)

    def published_numbers(self) -> list[str]:
        """Numbers of the documents that were published, in their order."""
        envelopes = (Envelope.model_validate_json(m.body) for m in self.broker.published if m.body)
        return [each.document.number or "" for each in envelopes if each.document is not None]

    def failed(self) -> list[Failure]:
        """What lies in `failures`."""
        return [Failure.model_validate_json(f.headers[FAILURE_HEADER]) for f in self.failures]

    @asynccontextmanager
    async def running(self, handler: DeadLetterHandler | None = None) -> AsyncIterator[None]:
        """Both adapters at work, and a handler or a plain list for failures; drained at the end."""
        async with (
            self.at_work(),
            self._failures_kept() if handler is None else _running(handler),
        ):
            yield

    def _failures_kept(self) -> AbstractAsyncContextManager[None]:
        return self.broker.subscribe(FAILURES, self._keep, prefetch=10)

    async def _keep(self, received: ReceivedMessage) -> Settlement:
        self.failures.append(received.message)
        return Settlement.ACK


@asynccontextmanager
async def _running(handler: DeadLetterHandler) -> AsyncIterator[None]:
    task = asyncio.create_task(handler.run())
    try:
        yield
    finally:
        handler.stop.set()
        await task


async def publish(
    axis: TwoAgencies, envelope: Envelope, *, to: str = RECIPIENT, **changes: object
) -> None:
    """Publish an envelope past its sender's adapter, signed, with something changed."""
    message: WireMessage = replace(
        axis.signers.message(envelope, to=to),
        message_id=axis.new_id(),
        **changes,  # type: ignore[arg-type]
    )
    outcome = await axis.broker.publish(message, deadline=timedelta(seconds=1))
    assert outcome is PublishOutcome.CONFIRMED


async def eventually(look: Callable[[], object]) -> None:
    """Wait until something is true; the look may answer with a coroutine."""
    async with asyncio.timeout(_DEADLINE):
        while True:
            seen = look()
            if await seen if isawaitable(seen) else seen:
                return
            await asyncio.sleep(_PAUSE)
