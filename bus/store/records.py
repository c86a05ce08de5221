"""Records: the register of documents in a database, append-only."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, RowMapping, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from bus.core.record import DocumentRecord
from bus.store.batch import GroupCommit, padded
from bus.store.schema import records

_ADD = {
    "sqlite": sqlite.insert(records).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(records).on_conflict_do_nothing(),
}


_RANK = func.row_number().over(
    partition_by=records.c.document_id, order_by=records.c.recorded_at.desc()
)
_RANKED = (
    select(records, _RANK.label("rank"))
    .where(records.c.document_id.in_(bindparam("ids", expanding=True)))
    .subquery()
)
_BY_IDS = (
    select(*(_RANKED.c[column.name] for column in records.c))
    .where(_RANKED.c.rank <= bindparam("limit"))
    .order_by(_RANKED.c.rank)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sought:
    """What somebody looks for: everything given must hold."""

    document_id: str | None
    full_number: str | None
    year: int | None
    limit: int

    @property
    def by_id_alone(self) -> bool:
        return self.document_id is not None and self.full_number is None and self.year is None


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
        sought = _Sought(document_id=document_id, full_number=full_number, year=year, limit=limit)
        return await self._reads.submit(_find, sought)


def _add(connection: Connection, added: Sequence[DocumentRecord]) -> list[None]:
    # In one order, so that two processes never wait for each other in a circle.
    rows = sorted(map(asdict, added), key=lambda row: str(row["envelope_id"]))
    connection.execute(_ADD[connection.dialect.name], rows)
    return [None] * len(added)


def _find(connection: Connection, asked: Sequence[_Sought]) -> list[tuple[DocumentRecord, ...]]:
    """Answer all that ask by document id, nearly everybody, with one query."""
    by_id = _find_by_ids(connection, [sought for sought in asked if sought.by_id_alone])
    return [
        tuple(by_id[sought.document_id or ""][: sought.limit])
        if sought.by_id_alone
        else _find_one(connection, sought)
        for sought in asked
    ]


def _find_by_ids(
    connection: Connection, asked: Sequence[_Sought]
) -> defaultdict[str, list[DocumentRecord]]:
    found: defaultdict[str, list[DocumentRecord]] = defaultdict(list)
    if asked:
        ids = padded([sought.document_id for sought in asked])
        limit = max(sought.limit for sought in asked)
        for row in connection.execute(_BY_IDS, {"ids": ids, "limit": limit}).mappings():
            found[row["document_id"]].append(_record(row))
    return found


def _find_one(connection: Connection, sought: _Sought) -> tuple[DocumentRecord, ...]:
    query = select(records).order_by(records.c.recorded_at.desc()).limit(sought.limit)
    for name in ("document_id", "full_number", "year"):
        wanted = getattr(sought, name)
        if wanted is not None:
            query = query.where(records.c[name] == wanted)
    return tuple(map(_record, connection.execute(query).mappings()))


def _record(row: RowMapping) -> DocumentRecord:
    return DocumentRecord(**{**row, "recipients": tuple(row["recipients"])})
