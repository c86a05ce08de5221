"""Records: the register of documents in a database, append-only."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, Select, select
from sqlalchemy.dialects import postgresql, sqlite

from bus.ports import DocumentRecord
from bus.store.batch import GroupCommit
from bus.store.schema import records

_ADD = {
    "sqlite": sqlite.insert(records).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(records).on_conflict_do_nothing(),
}


class SqlRecords:
    """The register in a database."""

    def __init__(self, writes: GroupCommit, reads: GroupCommit) -> None:
        self._writes = writes
        self._reads = reads

    async def record(self, record: DocumentRecord) -> None:
        """Add a document; the same envelope twice is recorded once."""
        await self._writes.submit(_add, record)

    async def find(
        self,
        *,
        document_id: str | None = None,
        full_number: str | None = None,
        year: int | None = None,
        limit: int = 100,
    ) -> Sequence[DocumentRecord]:
        """Documents for which everything given holds; newest first."""
        wanted = {"document_id": document_id, "full_number": full_number, "year": year}
        query = select(records).order_by(records.c.recorded_at.desc()).limit(limit)
        for name, value in wanted.items():
            if value is not None:
                query = query.where(records.c[name] == value)
        return await self._reads.submit(_find, query)


def _add(connection: Connection, added: Sequence[DocumentRecord]) -> list[None]:
    # In one order, so that two processes never wait for each other in a circle.
    rows = sorted(map(asdict, added), key=lambda row: str(row["envelope_id"]))
    connection.execute(_ADD[connection.dialect.name], rows)
    return [None] * len(added)


def _find(
    connection: Connection, queries: Sequence[Select[DocumentRecord]]
) -> list[tuple[DocumentRecord, ...]]:
    return [
        tuple(
            DocumentRecord(**{**row, "recipients": tuple(row["recipients"])})
            for row in connection.execute(query).mappings()
        )
        for query in queries
    ]
