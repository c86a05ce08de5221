"""Records: who sent what to whom."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bus.core.record import DocumentRecord
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmed:
    """A document that the broker has confirmed in these mailboxes."""

    envelope_id: EnvelopeId
    mailboxes: tuple[MailboxName, ...]
    confirmed_at: datetime


class Records(Protocol):
    """The register of documents seen by this store, sent and received. Append-only."""

    async def record(self, record: DocumentRecord) -> None:
        """Add a document; the same envelope twice is recorded once."""

    async def find(
        self,
        *,
        document_id: str | None = None,
        full_number: str | None = None,
        year: int | None = None,
        sender: AgencyCode | None = None,
        limit: int = 100,
    ) -> Sequence[DocumentRecord]:
        """Documents for which everything given holds; newest first.

        Ids and numbers are compared in one form (`bus.core.reference`).
        """

    async def confirm(self, confirmed: Confirmed) -> None:
        """Keep that a document is in its mailboxes; of one envelope the first time counts."""

    async def confirmed(
        self, *, since: datetime | None, behind: EnvelopeId | None, limit: int
    ) -> Sequence[Confirmed]:
        """One page of confirmations, by their moment and, of one moment, by envelope.

        Args:
            since: From this moment on; None: from the first.
            behind: Of that very moment only those that come after this envelope.
        """

    async def arrive(self, delivery: DeliveryId, *, now: datetime) -> None:
        """Keep that a delivery was handed over by another worker, as its signed receipt proves."""

    async def arrived(self, deliveries: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these are known to be handed over, by their receipts."""
