"""Inbox: which deliveries were handed over; what the duplicate rule needs, kept."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bus.core.duplicates import Rival, Standing
from bus.core.message import SignedEnvelope
from bus.core.offered import OfferedDelivery
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A delivery that asks to be worked on.

    Attributes:
        identity: The document identity (handbook section 6), digested.
        lease: Until when nobody else works on it.
        owner: Who claims it; only the owner of a lease can give it back.
    """

    delivery_id: DeliveryId
    envelope_id: EnvelopeId
    mailbox: MailboxName
    identity: str
    lease: datetime
    owner: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """The answer to a claim.

    Attributes:
        receipts: Those of the first hand-over, when it is done.
        rival: What it is in conflict with.
    """

    standing: Standing
    receipts: tuple[SignedEnvelope, ...] = ()
    rival: Rival | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """A delivery that was offered, and where it stands now.

    Attributes:
        standing: `OFFERED`, `DONE` or `REFUSED`.
        receipts: Those of a delivery that is done.
    """

    delivery: OfferedDelivery
    standing: Standing
    receipts: tuple[SignedEnvelope, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """The deliveries of one mailbox that were offered and are not answered.

    Attributes:
        oldest: When the oldest of them was offered.
    """

    count: int
    oldest: datetime


class Inbox(Protocol):
    """Which deliveries were handed over. Durable: what it says survives a crash and a power cut.

    Raises `TransportError` E_STORE_AWAY when it cannot answer; then nothing is acknowledged.
    """

    async def claim(self, claim: Claim, *, now: datetime) -> Claimed:
        """Begin work on a delivery, atomically.

        As `core.duplicates.judge` decides. `FRESH`: the lease is taken. `DONE`: with the receipts
        of the first hand-over. `CONFLICT`: with its rival.
        """

    async def finish(
        self, delivery_id: DeliveryId, receipts: Sequence[SignedEnvelope], *, now: datetime
    ) -> None:
        """Record that the delivery is done, with its receipts."""

    async def done(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these, however many, are done. Only reads."""

    async def release(self, delivery_id: DeliveryId, *, owner: str = "") -> None:
        """Give the lease back without success: the next claim is fresh.

        Changes nothing when another owner has the lease by now.
        """

    async def offer(self, offered: OfferedDelivery) -> None:
        """Record that a claimed delivery was offered, and is answered later.

        Changes nothing when it is done. Recorded twice, the first record stays.
        """

    async def offered(self, delivery_ids: Sequence[DeliveryId]) -> Sequence[Offered]:
        """Those of these deliveries that were offered and are not closed. Only reads."""

    async def pending(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these, however many, were offered and are not done. Only reads."""

    async def answered(self, mailbox: MailboxName) -> Collection[DeliveryId]:
        """The offered deliveries of a mailbox that are done or refused, but not closed."""

    async def unanswered(self) -> Mapping[MailboxName, Unanswered]:
        """The deliveries of each mailbox that wait for an answer. Only reads."""

    async def refuse(self, delivery_id: DeliveryId) -> None:
        """Record that an offered delivery was refused and its failure published."""

    async def close(self, delivery_id: DeliveryId) -> None:
        """The endpoint has forgotten the offer: one that was refused may be claimed again."""

    async def reclaim(self, mailboxes: Sequence[MailboxName]) -> None:
        """Give back every lease of these mailboxes: their only worker is just starting.

        What a crash left in work is then free at once, and need not wait for the lease to end.
        """
