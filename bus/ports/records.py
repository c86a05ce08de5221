"""Records: who sent what to whom."""

from collections.abc import Sequence
from typing import Protocol

from bus.core.record import DocumentRecord


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
        limit: int = 100,
    ) -> Sequence[DocumentRecord]:
        """Documents by id, or by number and year; newest first."""
