"""The register of documents in memory."""

from collections.abc import Collection, Sequence
from datetime import datetime

from bus.core.record import DocumentRecord
from bus.core.reference import id_key, number_key
from bus.ports import Confirmed
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId


class MemoryRecords:
    """Every promise of the register but durability."""

    def __init__(self) -> None:
        self._records: dict[EnvelopeId, DocumentRecord] = {}
        self._confirmed: dict[EnvelopeId, Confirmed] = {}
        self._arrived: dict[DeliveryId, datetime] = {}

    async def record(self, record: DocumentRecord) -> None:
        """Add a document; the same envelope twice is recorded once."""
        self._records.setdefault(record.envelope_id, record)

    async def find(
        self,
        *,
        document_id: str | None = None,
        full_number: str | None = None,
        year: int | None = None,
        sender: AgencyCode | None = None,
        limit: int = 100,
    ) -> Sequence[DocumentRecord]:
        """Documents for which everything given holds; newest first."""
        by_id = None if document_id is None else id_key(document_id)
        by_number = None if full_number is None else number_key(full_number)
        found = [
            record
            for record in self._records.values()
            if by_id in {None, record.id_key}
            and by_number in {None, record.number_key}
            and year in {None, record.year}
            and sender in {None, record.sender}
        ]
        found.sort(key=lambda record: record.recorded_at, reverse=True)
        return tuple(found[:limit])

    async def confirm(self, confirmed: Confirmed) -> None:
        """Keep that a document is in its mailboxes; of one envelope the first time counts."""
        self._confirmed.setdefault(confirmed.envelope_id, confirmed)

    async def confirmed(
        self, *, since: datetime | None, behind: EnvelopeId | None, limit: int
    ) -> Sequence[Confirmed]:
        """One page of confirmations, by their moment and envelope."""
        every = sorted(self._confirmed.values(), key=lambda c: (c.confirmed_at, c.envelope_id))
        return [
            each
            for each in every
            if since is None or (each.confirmed_at, each.envelope_id) > (since, behind or "")
        ][:limit]

    async def arrive(self, delivery: DeliveryId, *, now: datetime) -> None:
        """Keep that a delivery was handed over by another worker."""
        self._arrived.setdefault(delivery, now)

    async def arrived(self, deliveries: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these are known to be handed over."""
        return self._arrived.keys() & deliveries
