"""Inbox: which deliveries were handed over; what the duplicate rule needs, kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bus.core.duplicates import Rival, Standing
from bus.core.message import SignedEnvelope
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A delivery that asks to be worked on.

    Attributes:
        identity: The document identity (handbook section 6), digested.
        lease: Until when nobody else works on it.
    """

    delivery_id: DeliveryId
    envelope_id: EnvelopeId
    mailbox: MailboxName
    identity: str
    lease: datetime


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

    async def release(self, delivery_id: DeliveryId) -> None:
        """Give the lease back without success: the next claim is fresh."""

    async def reclaim(self, mailboxes: Sequence[MailboxName]) -> None:
        """Give back every lease of these mailboxes: their only worker is just starting.

        What a crash left in work is then free at once, and need not wait for the lease to end.
        """
