"""Records: the register of documents in a database, append-only."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, RowMapping, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from bus.core.record import DocumentRecord
from bus.store.batch import GroupCommit
from bus.store.schema import records

_ADD = {
    "sqlite": sqlite.insert(records).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(records).on_conflict_do_nothing(),
}


_BY_ID = (
    select(records)
    .where(records.c.document_id.in_(bindparam("ids", expanding=True)))
    .order_by(records.c.recorded_at.desc())
)
_BY_NUMBER = (
    select(records)
    .where(records.c.full_number == bindparam("number"))
    .order_by(records.c.recorded_at.desc())
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sought:
    """What somebody looks for."""

    document_id: str | None
    full_number: str | None
    year: int | None

    def fits(self, record: DocumentRecord) -> bool:
        number, year = self.full_number, self.year
        return number in {None, record.full_number} and year in {None, record.year}


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
        sought = _Sought(document_id=document_id, full_number=full_number, year=year)
        return (await self._reads.submit(_find, sought))[:limit]


def _add(connection: Connection, added: Sequence[DocumentRecord]) -> list[None]:
    # In one order, so that two processes never wait for each other in a circle.
    rows = sorted(map(asdict, added), key=lambda row: str(row["envelope_id"]))
    connection.execute(_ADD[connection.dialect.name], rows)
    return [None] * len(added)


def _find(connection: Connection, asked: Sequence[_Sought]) -> list[tuple[DocumentRecord, ...]]:
    """Answer all that ask by document id, nearly everybody, with one query."""
    ids = sorted({sought.document_id for sought in asked if sought.document_id is not None})
    by_id: defaultdict[str, list[DocumentRecord]] = defaultdict(list)
    if ids:
        for row in connection.execute(_BY_ID, {"ids": ids}).mappings():
            by_id[row["document_id"]].append(_record(row))
    return [
        tuple(filter(sought.fits, by_id[sought.document_id]))
        if sought.document_id is not None
        else _by_number(connection, sought)
        for sought in asked
    ]


def _by_number(connection: Connection, sought: _Sought) -> tuple[DocumentRecord, ...]:
    found = connection.execute(_BY_NUMBER, {"number": sought.full_number}).mappings()
    return tuple(filter(sought.fits, map(_record, found)))


def _record(row: RowMapping) -> DocumentRecord:
    return DocumentRecord(**{**row, "recipients": tuple(row["recipients"])})
