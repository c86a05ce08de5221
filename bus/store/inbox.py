"""Inbox: which deliveries were handed over, durable, for many workers at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, text, update

from bus.core.duplicates import Rival, Standing, judge
from bus.core.message import SignedEnvelope
from bus.ports import Claim, Claimed
from bus.store.batch import GroupCommit, padded
from bus.store.schema import deliveries, receipts
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName


@dataclass(frozen=True, slots=True)
class _Claiming:
    claim: Claim
    now: datetime


@dataclass(frozen=True, slots=True)
class _Finishing:
    delivery_id: DeliveryId
    receipts: Sequence[SignedEnvelope]
    now: datetime


@dataclass(kw_only=True, slots=True)
class _Row:
    """A claimed delivery; a released one stands `FRESH`."""

    delivery_id: str
    envelope_id: EnvelopeId
    mailbox: str
    document: str
    standing: Standing
    lease: datetime | None
    done_at: datetime | None = None

    def columns(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in _COLUMNS}


_MOST_IDS = 512
_COLUMNS = tuple(field.name for field in fields(_Row))
_ID = deliveries.c.delivery_id
_ADD = insert(deliveries)
_ADD_RECEIPTS = insert(receipts)
_LOAD = (
    select(*(deliveries.c[name] for name in _COLUMNS))
    .where(deliveries.c.document.in_(bindparam("documents", expanding=True)))
    .order_by(_ID)
    .with_for_update()
)
_RENEW = update(deliveries).where(_ID == bindparam("id"))  # noqa: SIM300 (SQL, column first)
_RECLAIM = (
    update(deliveries)
    .where(deliveries.c.mailbox.in_(bindparam("mailboxes", expanding=True)))
    .where(deliveries.c.standing == Standing.IN_PROGRESS)
    .values(standing=Standing.FRESH, lease=None)
)
_STANDINGS = (
    select(_ID, deliveries.c.standing)
    .where(_ID.in_(bindparam("ids", expanding=True)))
    .order_by(_ID)
    .with_for_update()
)
_DONE = select(_ID).where(
    _ID.in_(bindparam("ids", expanding=True)), deliveries.c.standing == Standing.DONE
)
_RECEIPTS = (
    select(receipts.c.delivery_id, receipts.c.body, receipts.c.signature)
    .where(receipts.c.delivery_id.in_(bindparam("ids", expanding=True)))
    .order_by(receipts.c.position)
)
_LOCK_MAILBOXES = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(name, 0))"
    " FROM unnest(CAST(:names AS text[])) AS name"
)


class SqlInbox:
    """The inbox in a database."""

    def __init__(self, writes: GroupCommit, reads: GroupCommit) -> None:
        self._writes = writes
        self._reads = reads

    async def claim(self, claim: Claim, *, now: datetime) -> Claimed:
        """Begin work on a delivery."""
        return await self._writes.submit(_claim, _Claiming(claim, now))

    async def finish(
        self, delivery_id: DeliveryId, receipts: Sequence[SignedEnvelope], *, now: datetime
    ) -> None:
        """Record that the delivery is done; of two finishes the first counts."""
        await self._writes.submit(_finish, _Finishing(delivery_id, receipts, now))

    async def done(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these are done."""
        parts = [
            delivery_ids[start : start + _MOST_IDS]
            for start in range(0, len(delivery_ids), _MOST_IDS)
        ]
        found = [await self._reads.submit(_done, part) for part in parts]
        return {each for part in found for each in part}

    async def release(self, delivery_id: DeliveryId) -> None:
        """Give the lease back; what is done or in conflict stays so."""
        await self._writes.submit(_release, delivery_id)

    async def reclaim(self, mailboxes: Sequence[MailboxName]) -> None:
        """Give back every lease of these mailboxes."""
        await self._writes.submit(_reclaim, tuple(mailboxes))


def _claim(connection: Connection, asked: Sequence[_Claiming]) -> list[Claimed]:
    _lock(connection, {each.claim.mailbox for each in asked})
    known = _load(connection, [each.claim for each in asked])
    of_document: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in known.values():
        of_document[row.document].append(row)
    added: list[_Row] = []
    renewed: list[_Row] = []
    standings: list[Standing] = []
    rivals: list[Rival | None] = []
    for each in asked:
        claim = each.claim
        versions = of_document[_document(claim)]
        before = known.get(claim.delivery_id)
        standing, rival = judge(claim.envelope_id, before, versions, now=each.now)
        standings.append(standing)
        rivals.append(rival)
        if standing not in {Standing.FRESH, Standing.CONFLICT}:
            continue
        taken = Standing.IN_PROGRESS if standing is Standing.FRESH else standing
        if before is None:
            new = known[claim.delivery_id] = _new_row(claim, taken)
            versions.append(new)
            added.append(new)
        else:
            before.standing, before.lease = taken, claim.lease
            renewed.append(before)
    if added:
        connection.execute(_ADD, [row.columns() for row in added])
    if renewed:
        connection.execute(
            _RENEW,
            [{"id": r.delivery_id, "standing": r.standing, "lease": r.lease} for r in renewed],
        )
    done = _receipts(
        connection,
        [
            each.claim.delivery_id
            for each, standing in zip(asked, standings, strict=True)
            if standing is Standing.DONE
        ],
    )
    return [
        Claimed(
            standing=standing,
            receipts=tuple(done.get(each.claim.delivery_id, ())),
            rival=rival,
        )
        for each, standing, rival in zip(asked, standings, rivals, strict=True)
    ]


def _document(claim: Claim) -> str:
    return f"{claim.mailbox} {claim.identity}"


def _new_row(claim: Claim, standing: Standing) -> _Row:
    return _Row(
        delivery_id=claim.delivery_id,
        envelope_id=claim.envelope_id,
        mailbox=claim.mailbox,
        document=_document(claim),
        standing=standing,
        lease=claim.lease,
    )


def _finish(connection: Connection, asked: Sequence[_Finishing]) -> list[Exception | None]:
    standings = _standings(connection, [each.delivery_id for each in asked])
    first: dict[str, _Finishing] = {}
    for each in asked:
        if standings.get(each.delivery_id, Standing.DONE) != Standing.DONE:
            first.setdefault(each.delivery_id, each)
    if first:
        connection.execute(
            _RENEW,
            [
                {"id": key, "standing": Standing.DONE, "lease": None, "done_at": each.now}
                for key, each in first.items()
            ],
        )
    answers = [
        {"delivery_id": key, "position": n, "body": receipt.body, "signature": receipt.signature}
        for key, each in first.items()
        for n, receipt in enumerate(each.receipts)
    ]
    if answers:
        connection.execute(_ADD_RECEIPTS, answers)
    return [
        None
        if each.delivery_id in standings
        else ValueError(f"delivery {each.delivery_id} was never claimed")
        for each in asked
    ]


def _done(
    connection: Connection, asked: Sequence[Sequence[DeliveryId]]
) -> list[Collection[DeliveryId]]:
    return [
        {DeliveryId(id_) for id_ in connection.scalars(_DONE, {"ids": padded(part)})}
        for part in asked
    ]


def _release(connection: Connection, asked: Sequence[DeliveryId]) -> list[None]:
    held = [
        {"id": key, "standing": Standing.FRESH, "lease": None}
        for key, standing in _standings(connection, asked).items()
        if standing == Standing.IN_PROGRESS
    ]
    if held:
        connection.execute(_RENEW, held)
    return [None] * len(asked)


def _reclaim(connection: Connection, asked: Sequence[tuple[MailboxName, ...]]) -> list[None]:
    mailboxes = {mailbox for each in asked for mailbox in each}
    connection.execute(_RECLAIM, {"mailboxes": sorted(mailboxes)})
    return [None] * len(asked)


def _lock(connection: Connection, mailboxes: Iterable[str]) -> None:
    """Let nobody else claim for these mailboxes until the commit.

    SQLite has one writer anyway. On PostgreSQL two processes could both insert rival contents of
    one document, which no row lock prevents. In one order, so that nobody waits in a circle.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK_MAILBOXES, {"names": sorted(mailboxes)})


def _load(connection: Connection, claims: Sequence[Claim]) -> dict[str, _Row]:
    """All claimed contents of these documents; the delivery itself is one of them."""
    documents = padded([_document(claim) for claim in claims])
    loaded = connection.execute(_LOAD, {"documents": documents}).mappings()
    rows = (_Row(**{**row, "standing": Standing(row["standing"])}) for row in loaded)
    return {row.delivery_id: row for row in rows}


def _standings(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    loaded = connection.execute(_STANDINGS, {"ids": padded(ids)})
    return {row.delivery_id: row.standing for row in loaded}


def _receipts(connection: Connection, ids: Sequence[str]) -> dict[str, list[SignedEnvelope]]:
    found: defaultdict[str, list[SignedEnvelope]] = defaultdict(list)
    if ids:
        for row in connection.execute(_RECEIPTS, {"ids": padded(ids)}):
            found[row.delivery_id].append(SignedEnvelope(body=row.body, signature=row.signature))
    return found
