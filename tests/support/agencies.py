"""Agencies: a few of them on one broker, their adapters built as the bootstrap builds them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from adapters.contract import EndpointFactory, Format
from adapters.endpoints.folder import FolderEndpoint
from adapters.formats.edxml import EdxmlFormat
from bus.attachments.spool import Spools
from bus.core.dead_letters.report import Believed
from bus.core.dead_letters.retry import RetryPolicy
from bus.core.events import Event, ServiceEnded
from bus.core.keyring import KeyRing
from bus.core.routing import Routing
from bus.core.sealing.wrapping import KEY_BYTES
from bus.core.signing import SigningKey
from bus.keys.sealing import SealingFolder
from bus.ports import (
    AttachmentStore,
    Broker,
    Clock,
    DeadLetters,
    Inbox,
    Observer,
    Records,
    SealingKeys,
    Tracer,
    Untraced,
)
from bus.services.adapter import Adapter, AdapterParts, AdapterSettings, build_adapter
from bus.services.courier import MOST_DELIVERIES
from bus.services.dead_letters import DeadLetterHandler
from bus.services.service_runner import ServiceRunner
from bus.services.signature_check import SignatureCheck
from bus.services.signing_keys import KeySigner
from bus.services.worker import Worker
from schemas.directory import Agency, Directory
from schemas.identifiers import AgencyCode, MailboxName
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.folders import Folders, context_of

SETTLE = timedelta(0)
Happened = TypeVar("Happened")
_NAMES: dict[str, str] = {SENDER: "Tỉnh Ví Dụ", RECIPIENT: "Bộ Thí Dụ"}


def routing_of(codes: Sequence[str]) -> Routing:
    """A directory of connected agencies."""
    return Routing(
        Directory(
            agencies=tuple(
                Agency(code=AgencyCode(code), name_vi=_NAMES.get(code, code), connected=True)
                for code in codes
            )
        )
    )


def real_now() -> datetime:
    """The moment, UTC."""
    return datetime.now(UTC)


def _nobody(_: Event) -> None:
    """Hears nothing."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the adapters are built from, in memory or real.

    Attributes:
        tell: Hears every event as well.
        seals: The sealing keys that an agency's worker has; None: those of one home for all.
        written_in: The format of what is handed over, where it is another one.
    """

    routing: Routing
    ring: KeyRing
    key_of: Callable[[str], SigningKey]
    broker: Broker
    attachments: AttachmentStore
    inbox: Inbox
    records: Records
    endpoint: EndpointFactory | type[FolderEndpoint] = FolderEndpoint
    format: Format = field(default_factory=EdxmlFormat)
    clock: Clock = real_now
    publish_deadline: timedelta = timedelta(seconds=1)
    most_deliveries: int = MOST_DELIVERIES
    prefetch: int = 4
    tell: Observer = _nobody
    seals: Callable[[str], SealingKeys] | None = None
    signature_check: SignatureCheck = field(default_factory=SignatureCheck)
    written_in: Format | None = None
    tracer: Tracer = field(default_factory=Untraced)


class Agencies(Folders):
    """The agencies of a directory, each with a folder, served by one worker."""

    def __init__(self, root: Path, parts: Parts) -> None:
        super().__init__(root)
        self.parts = parts
        self.events: list[Event] = []
        self.may_die = False
        self._ids, self._word = count(1), uuid4().hex

    def of_type(self, kind: type[Happened]) -> list[Happened]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def observe(self, event: Event) -> None:
        """Remember what the services tell."""
        self.events.append(event)
        self.parts.tell(event)

    def new_id(self) -> str:
        """A fresh message id."""
        return f"{self._word}-{next(self._ids)}"

    def handler(self, letters: DeadLetters, **changes: object) -> DeadLetterHandler:
        """A dead-letter handler for this bus."""
        parts: dict[str, object] = {
            "letters": letters,
            "subscriber": self.parts.broker,
            "publisher": self.parts.broker,
            "believed": lambda: Believed(keys=self.parts.ring, routing=self.parts.routing),
            "policy": RetryPolicy(),
            "clock": self.parts.clock,
            "new_id": self.new_id,
            "jitter": _no_jitter,
            "observe": self.observe,
            "deadline": self.parts.publish_deadline,
            "poll": timedelta(milliseconds=10),
            "tracer": self.parts.tracer,
        }
        return DeadLetterHandler(**(parts | changes))  # type: ignore[arg-type]

    @asynccontextmanager
    async def at_work(self, *, only: Sequence[str] | None = None) -> AsyncIterator[None]:
        """All adapters at work, or those of some agencies; drained on the way out."""
        stop = asyncio.Event()
        worker = Worker(ServiceRunner(observe=self.observe, jitter=lambda: 0.0, stop=stop))
        mailboxes = [m for m in self.parts.routing.mailboxes if only is None or m in only]
        worker.start([self.adapter(mailbox, stop) for mailbox in mailboxes])
        try:
            yield
        finally:
            worker.stop(mailboxes)
            await worker.ended(mailboxes)
            assert self.may_die or self.of_type(ServiceEnded) == []

    def adapter(self, mailbox: MailboxName, stop: asyncio.Event) -> Adapter:
        """One agency's two directions."""
        parts = self.parts
        spools = Spools(self.root / "spools" / mailbox)
        return build_adapter(
            AdapterParts(
                mailbox=mailbox,
                endpoint=parts.endpoint(context_of(self.folder(mailbox), settle=SETTLE)),
                written_in=parts.written_in or parts.format,
                formats=(parts.format,),
                reading=asyncio.Semaphore(2),
                routing=lambda: parts.routing,
                ring=lambda: parts.ring,
                signer=self.signer(mailbox),
                sealing_keys=self.sealing_keys(mailbox),
                begin_spool=lambda: spools.begin(parts.clock()),
                new_key=lambda: secrets.token_bytes(KEY_BYTES),
                broker=parts.broker,
                attachments=parts.attachments,
                inbox=parts.inbox,
                records=parts.records,
                signature_check=parts.signature_check,
                settings=AdapterSettings(
                    publish_deadline=parts.publish_deadline,
                    poll=timedelta(milliseconds=10),
                    prefetch=parts.prefetch,
                    most_deliveries=parts.most_deliveries,
                    most_returns=2,
                ),
                clock=parts.clock,
                new_id=self.new_id,
                jitter=_no_jitter,
                observe=self.observe,
                tracer=parts.tracer,
            ),
            stop=stop,
        )

    def signer(self, mailbox: MailboxName) -> KeySigner:
        """What signs for one agency."""
        return KeySigner(
            mailbox=mailbox,
            key=lambda: self.parts.key_of(mailbox),
            deadline=self.parts.publish_deadline,
        )

    def sealing_keys(self, mailbox: MailboxName) -> SealingKeys:
        """The sealing keys that one agency's worker has."""
        return self.parts.seals(mailbox) if self.parts.seals else SealingFolder(self.root / "keys")


def _no_jitter() -> float:
    return 0.0
