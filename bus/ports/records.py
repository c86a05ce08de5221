"""The records of documents: who sent what to whom."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bus.core.record import DocumentRecord
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmed:
    """The broker confirmed the document for these mailboxes."""

    envelope_id: EnvelopeId
    mailboxes: tuple[MailboxName, ...]
    confirmed_at: datetime


class Records(Protocol):
    """The records of all documents that were sent or received here. Append-only."""

    async def record(self, record: DocumentRecord) -> None:
        """Add a document; a second record of the same envelope is ignored."""

    async def find(
        self,
        *,
        document_id: str | None = None,
        full_number: str | None = None,
        year: int | None = None,
        sender: AgencyCode | None = None,
        limit: int = 100,
    ) -> Sequence[DocumentRecord]:
        """Find documents that match every given value, newest first.

        Ids and numbers are compared as `bus.core.reference` defines.
        """

    async def confirm(self, confirmed: Confirmed) -> None:
        """Record that the broker confirmed a document; the first time of an envelope is kept."""

    async def confirmed(
        self, *, since: datetime | None, behind: EnvelopeId | None, limit: int
    ) -> Sequence[Confirmed]:
        """One page of confirmations, sorted by time and then by envelope.

        Args:
            since: The earliest time; None: from the first confirmation on.
            behind: Of the time `since`, only envelopes after this one.
        """

    async def arrive(self, delivery: DeliveryId, *, now: datetime) -> None:
        """Record that another worker handed a delivery over, as its signed receipt proves."""

    async def arrived(self, deliveries: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these deliveries were handed over, according to their receipts."""
