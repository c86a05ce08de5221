"""The inbox: which deliveries were handed over, as the duplicate rule needs it."""

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
    """A delivery that a worker wants to process.

    Attributes:
        identity: The digest of the document identity (`docs/wire-contract.md`).
        lease: Until when no other worker may process it.
        owner: The worker; only the owner of a lease can release it.
    """

    delivery_id: DeliveryId
    envelope_id: EnvelopeId
    mailbox: MailboxName
    identity: str
    lease: datetime
    owner: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """The result of a claim.

    Attributes:
        receipts: The receipts of the first hand-over, if the delivery is done.
        rival: The other delivery, if there is a conflict.
    """

    standing: Standing
    receipts: tuple[SignedEnvelope, ...] = ()
    rival: Rival | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """A delivery that was offered, and its present state.

    Attributes:
        standing: `OFFERED`, `DONE` or `REFUSED`.
        receipts: The receipts of a delivery that is done.
    """

    delivery: OfferedDelivery
    standing: Standing
    receipts: tuple[SignedEnvelope, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """The unanswered offers of a mailbox: how many, and when the `oldest` was made."""

    count: int
    oldest: datetime


class Inbox(Protocol):
    """The deliveries of all mailboxes. Durable: its state survives a crash and a power failure.

    Raises `TransportError` E_STORE_AWAY when it cannot answer; then nothing is acknowledged.
    """

    async def claim(self, claim: Claim, *, now: datetime) -> Claimed:
        """Begin to process a delivery, atomically, as `core.duplicates.judge` decides.

        `FRESH`: the claim has the lease. `DONE`: with the receipts of the first hand-over.
        `CONFLICT`: with the rival.
        """

    async def finish(
        self, delivery_id: DeliveryId, receipts: Sequence[SignedEnvelope], *, now: datetime
    ) -> None:
        """Record that a delivery is done, with its receipts."""

    async def done(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these deliveries are done; any number is allowed. Only reads."""

    async def release(self, delivery_id: DeliveryId, *, owner: str = "") -> None:
        """Release the lease without a result, so that the next claim is fresh.

        Changes nothing when another owner has the lease.
        """

    async def offer(self, offered: OfferedDelivery) -> None:
        """Record that a claimed delivery was offered and will be answered later.

        Changes nothing when the delivery is done, or was offered before.
        """

    async def offered(self, delivery_ids: Sequence[DeliveryId]) -> Sequence[Offered]:
        """The offers among these deliveries that are not closed. Only reads."""

    async def pending(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these were offered and are not done; any number is allowed. Only reads."""

    async def answered(self, mailbox: MailboxName) -> Collection[DeliveryId]:
        """The offers of a mailbox that are done or refused, but not closed."""

    async def unanswered(self) -> Mapping[MailboxName, Unanswered]:
        """The unanswered offers of each mailbox. Only reads."""

    async def refuse(self, delivery_id: DeliveryId) -> None:
        """Record that an offered delivery was refused and its failure published."""

    async def close(self, delivery_id: DeliveryId) -> None:
        """Close an offer that the endpoint has forgotten; a refused one may be claimed again."""

    async def reclaim(self, mailboxes: Sequence[MailboxName]) -> None:
        """Release every lease of these mailboxes, because their only worker is just starting.

        Deliveries that a crashed worker was processing then need not wait for the lease to expire.
        """
