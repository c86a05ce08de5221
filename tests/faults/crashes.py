"""Crashes: parts of an axis that kill their own process, -9, at an exact point."""

import os
import signal
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NoReturn

from adapters.contract import AttachmentSource, EndpointContext, Message, Offer, Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from adapters.formats.edxml import EdxmlFormat
from bus.core.message import SignedEnvelope, WireMessage
from bus.core.offered import OfferedDelivery
from bus.core.topology import FAILURES
from bus.ports import Claim, Claimed, Inbox, Offered, PublishOutcome, Unanswered
from bus.rabbit.broker import RabbitBroker
from schemas.document import Document
from schemas.identifiers import DeliveryId, MailboxName
from tests.support.folders import number_in
from tests.support.late_system import LateEndpoint

POISON = "13"
"""Number of the document that nobody survives."""


class CrashPoint(StrEnum):
    """Where a worker dies."""

    NEVER = "never"
    HANDED_OVER = "handed_over"
    """The document is in the inbox of its agency, and nobody has recorded it."""
    RECORDED = "recorded"
    """It is recorded as done; neither receipt nor acknowledgement is sent."""
    OFFER_RECORDED = "offer_recorded"
    """It is recorded as offered; its message is not acknowledged."""
    FAILURE_TOLD = "failure_told"
    """`failures` has confirmed it; it is not acknowledged in its mailbox."""
    FORMAT = "format"
    """Whenever the poison is written in the recipient's format."""
    ENDPOINT = "endpoint"
    """Whenever the poison is handed over: no format is at work, so no guard helps."""


def die() -> NoReturn:
    """End this process now; nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives this")


@dataclass
class Fuse:
    """Burns down with each use, then kills."""

    uses: int

    def burn(self) -> None:
        """Use it once."""
        self.uses -= 1
        if not self.uses:
            die()


class DyingEndpoint(FolderEndpoint):
    """Dies right after documents were handed over."""

    def __init__(self, context: EndpointContext, *, fuse: Fuse) -> None:
        super().__init__(context)
        self._fuse = fuse

    async def offer(self, parcel: Parcel) -> Offer:
        """Hand over; perhaps for the last time."""
        offered = await super().offer(parcel)
        if parcel.kind is ParcelKind.DOCUMENT:
            self._fuse.burn()
        return offered


class DyingLateEndpoint(LateEndpoint):
    """Dies right after a document was offered to a system that answers later."""

    def __init__(self, context: EndpointContext, *, fuse: Fuse) -> None:
        super().__init__(context)
        self._fuse = fuse

    async def offer(self, parcel: Parcel) -> Offer:
        """Offer; perhaps for the last time."""
        offered = await super().offer(parcel)
        if offered is Offer.PENDING:
            self._fuse.burn()
        return offered


class PoisonedEndpoint(FolderEndpoint):
    """A bug in the way to an agency's system."""

    async def offer(self, parcel: Parcel) -> Offer:
        """Hand over, unless it is the poison."""
        if parcel.kind is ParcelKind.DOCUMENT and number_in(parcel.name) == POISON:
            die()
        return await super().offer(parcel)


@dataclass(frozen=True)
class DyingInbox:
    """Dies right after deliveries were recorded, on disk: as done, or as offered.

    Attributes:
        at_offer: As offered.
    """

    inbox: Inbox
    fuse: Fuse
    at_offer: bool = False

    async def claim(self, claim: Claim, *, now: datetime) -> Claimed:
        """As the inbox."""
        return await self.inbox.claim(claim, now=now)

    async def finish(
        self, delivery_id: DeliveryId, receipts: Sequence[SignedEnvelope], *, now: datetime
    ) -> None:
        """Record; perhaps for the last time. Receipts have no receipts, and burn no fuse."""
        await self.inbox.finish(delivery_id, receipts, now=now)
        if receipts and not self.at_offer:
            self.fuse.burn()

    async def done(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """As the inbox."""
        return await self.inbox.done(delivery_ids)

    async def release(self, delivery_id: DeliveryId, *, owner: str = "") -> None:
        """As the inbox."""
        await self.inbox.release(delivery_id, owner=owner)

    async def offer(self, offered: OfferedDelivery) -> None:
        """Record; perhaps for the last time."""
        await self.inbox.offer(offered)
        if self.at_offer:
            self.fuse.burn()

    async def offered(self, delivery_ids: Sequence[DeliveryId]) -> Sequence[Offered]:
        """As the inbox."""
        return await self.inbox.offered(delivery_ids)

    async def pending(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """As the inbox."""
        return await self.inbox.pending(delivery_ids)

    async def answered(self, mailbox: MailboxName) -> Collection[DeliveryId]:
        """As the inbox."""
        return await self.inbox.answered(mailbox)

    async def unanswered(self) -> Mapping[MailboxName, Unanswered]:
        """As the inbox."""
        return await self.inbox.unanswered()

    async def refuse(self, delivery_id: DeliveryId) -> None:
        """As the inbox."""
        await self.inbox.refuse(delivery_id)

    async def close(self, delivery_id: DeliveryId) -> None:
        """As the inbox."""
        await self.inbox.close(delivery_id)

    async def reclaim(self, mailboxes: Sequence[MailboxName]) -> None:
        """As the inbox."""
        await self.inbox.reclaim(mailboxes)


class DyingBroker(RabbitBroker):
    """Dies right after the broker confirmed a failure."""

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        """Publish; perhaps for the last time."""
        outcome = await super().publish(message, deadline=deadline)
        if message.exchange == FAILURES and outcome is PublishOutcome.CONFIRMED:
            die()
        return outcome


class PoisonedFormat(EdxmlFormat):
    """A bug that takes the whole process with it, as one in a C library does."""

    def write(
        self, message: Message, *, attachments: AttachmentSource, written_at: datetime
    ) -> Iterator[bytes]:
        """Write, unless it is the poison."""
        if isinstance(message, Document) and message.number == POISON:
            die()
        yield from super().write(message, attachments=attachments, written_at=written_at)
