"""Records: the register of documents in a database, append-only."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from bus.core.record import DocumentRecord
from bus.core.reference import id_key, number_key
from bus.ports import Confirmed
from bus.store.batch import GroupCommit, padded
from bus.store.schema import arrivals, confirmations, records
from schemas.codes import BusinessType
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId

_ADD = {
    "sqlite": sqlite.insert(records).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(records).on_conflict_do_nothing(),
}


_CONFIRM = {
    "sqlite": sqlite.insert(confirmations).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(confirmations).on_conflict_do_nothing(),
}

_ARRIVE = {
    "sqlite": sqlite.insert(arrivals).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(arrivals).on_conflict_do_nothing(),
}
_ARRIVED = select(arrivals.c.delivery_id).where(
    arrivals.c.delivery_id.in_(bindparam("ids", expanding=True))
)
_MOST_IDS = 1 << 10

_COLUMNS = tuple(column.name for column in records.c)


def _newest(*given: str) -> Select[Any]:
    """The newest of every group that agrees in these columns; the first is among `values`."""
    columns = [records.c[name] for name in given]
    rank = func.row_number().over(partition_by=columns, order_by=records.c.recorded_at.desc())
    ranked = (
        select(records, rank.label("rank"))
        .where(columns[0].in_(bindparam("values", expanding=True)))
        .subquery()
    )
    return (
        select(*(ranked.c[name] for name in _COLUMNS))
        .where(ranked.c.rank <= bindparam("limit"))
        .order_by(ranked.c.rank)
    )


_TOGETHER = {
    given: _newest(*given) for given in (("id_key",), ("number_key",), ("number_key", "year"))
}
"""What nearly everybody asks by: one query answers all of a batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sought:
    """What somebody looks for: everything given must hold."""

    id_key: str | None
    number_key: str | None
    year: int | None
    sender: AgencyCode | None
    limit: int

    @property
    def given(self) -> tuple[str, ...]:
        """What is asked by."""
        names = ("id_key", "number_key", "year", "sender")
        return tuple(name for name in names if getattr(self, name) is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Page:
    """Which confirmations are read."""

    since: datetime | None
    behind: EnvelopeId | None
    limit: int


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
        sender: AgencyCode | None = None,
        limit: int = 100,
    ) -> Sequence[DocumentRecord]:
        """Documents for which everything given holds; newest first."""
        sought = _Sought(
            id_key=None if document_id is None else id_key(document_id),
            number_key=None if full_number is None else number_key(full_number),
            year=year,
            sender=sender,
            limit=limit,
        )
        return await self._reads.submit(_find, sought)

    async def confirm(self, confirmed: Confirmed) -> None:
        """Keep that a document is in its mailboxes; of one envelope the first time counts."""
        await self._writes.submit(_confirm, confirmed)

    async def confirmed(
        self, *, since: datetime | None, behind: EnvelopeId | None, limit: int
    ) -> Sequence[Confirmed]:
        """One page of confirmations, by their moment and envelope."""
        return await self._reads.submit(_confirmed, _Page(since=since, behind=behind, limit=limit))

    async def arrive(self, delivery: DeliveryId, *, now: datetime) -> None:
        """Keep that a delivery was handed over by another worker; the first time counts."""
        await self._writes.submit(_arrive, (delivery, now))

    async def arrived(self, deliveries: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these are known to be handed over."""
        parts = [
            deliveries[start : start + _MOST_IDS] for start in range(0, len(deliveries), _MOST_IDS)
        ]
        found = [await self._reads.submit(_arrived, part) for part in parts]
        return {each for part in found for each in part}


def _arrive(connection: Connection, asked: Sequence[tuple[DeliveryId, datetime]]) -> list[None]:
    rows = [{"delivery_id": delivery, "arrived_at": at} for delivery, at in sorted(asked)]
    connection.execute(_ARRIVE[connection.dialect.name], rows)
    return [None] * len(asked)


def _arrived(
    connection: Connection, asked: Sequence[Sequence[DeliveryId]]
) -> list[Collection[DeliveryId]]:
    return [
        {DeliveryId(id_) for id_ in connection.scalars(_ARRIVED, {"ids": padded(part)})}
        for part in asked
    ]


def _confirm(connection: Connection, asked: Sequence[Confirmed]) -> list[None]:
    in_order = sorted(asked, key=lambda each: each.envelope_id)
    rows = [
        {
            "envelope_id": each.envelope_id,
            "mailboxes": list(each.mailboxes),
            "confirmed_at": each.confirmed_at,
        }
        for each in in_order
    ]
    connection.execute(_CONFIRM[connection.dialect.name], rows)
    return [None] * len(asked)


def _confirmed(connection: Connection, asked: Sequence[_Page]) -> list[tuple[Confirmed, ...]]:
    return [_page(connection, page) for page in asked]


def _page(connection: Connection, page: _Page) -> tuple[Confirmed, ...]:
    at, envelope = confirmations.c.confirmed_at, confirmations.c.envelope_id
    query = select(envelope, confirmations.c.mailboxes, at).order_by(at, envelope)
    if page.since is not None:
        query = query.where(
            tuple_(at, envelope) > tuple_(literal(page.since, at.type), literal(page.behind or ""))
        )
    return tuple(
        Confirmed(
            envelope_id=row.envelope_id,
            mailboxes=tuple(row.mailboxes),
            confirmed_at=row.confirmed_at,
        )
        for row in connection.execute(query.limit(page.limit))
    )


def _add(connection: Connection, added: Sequence[DocumentRecord]) -> list[None]:
    # In one order, so that two processes never wait for each other in a circle.
    in_order = sorted(added, key=lambda record: record.envelope_id)
    rows = [{name: getattr(record, name) for name in _COLUMNS} for record in in_order]
    connection.execute(_ADD[connection.dialect.name], rows)
    return [None] * len(added)


def _find(connection: Connection, asked: Sequence[_Sought]) -> list[tuple[DocumentRecord, ...]]:
    answers: dict[_Sought, tuple[DocumentRecord, ...]] = {}
    for given, newest in _TOGETHER.items():
        together = [sought for sought in asked if sought.given == given]
        if together:
            answers |= _find_together(connection, together, given, newest)
    for sought in asked:
        if sought not in answers:
            answers[sought] = _find_one(connection, sought)
    return [answers[sought] for sought in asked]


def _find_together(
    connection: Connection, asked: Sequence[_Sought], given: Sequence[str], newest: Select[Any]
) -> dict[_Sought, tuple[DocumentRecord, ...]]:
    values = padded([getattr(sought, given[0]) for sought in asked])
    limit = max(sought.limit for sought in asked)
    found: defaultdict[tuple[object, ...], list[DocumentRecord]] = defaultdict(list)
    for row in connection.execute(newest, {"values": values, "limit": limit}):
        record = _record(row)
        found[tuple(getattr(record, name) for name in given)].append(record)
    return {
        sought: tuple(found[tuple(getattr(sought, name) for name in given)][: sought.limit])
        for sought in asked
    }


def _find_one(connection: Connection, sought: _Sought) -> tuple[DocumentRecord, ...]:
    query = select(records).order_by(records.c.recorded_at.desc()).limit(sought.limit)
    for name in sought.given:
        query = query.where(records.c[name] == getattr(sought, name))
    return tuple(map(_record, connection.execute(query)))


def _record(row: Row[Any]) -> DocumentRecord:
    said = dict(zip(_COLUMNS, row, strict=True))
    del said["id_key"], said["number_key"]
    kind = None if said["type"] is None else BusinessType(said["type"])
    return DocumentRecord(**{**said, "recipients": tuple(said["recipients"]), "type": kind})
