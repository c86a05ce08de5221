"""Inbox: the deliveries of all mailboxes in a database, for many workers at the same time."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from bus.core.duplicates import Rival, Standing, judge
from bus.core.message import SignedEnvelope
from bus.core.offered import OfferedDelivery
from bus.ports import Claim, Claimed, Offered, Unanswered
from bus.store.batch import GroupCommit, padded
from bus.store.schema import deliveries, offered, receipts
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
    """A row of a claimed delivery; a released one has the standing `FRESH`."""

    delivery_id: str
    envelope_id: EnvelopeId
    mailbox: str
    document: str
    standing: Standing
    lease: datetime | None
    done_at: datetime | None = None
    owner: str = ""

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
    select(_ID, deliveries.c.standing, deliveries.c.owner)
    .where(_ID.in_(bindparam("ids", expanding=True)))
    .order_by(_ID)
    .with_for_update()
)
_OF_STANDING = select(_ID).where(
    _ID.in_(bindparam("ids", expanding=True)),
    deliveries.c.standing.in_(bindparam("standings", expanding=True)),
)
_RECEIPTS = (
    select(receipts.c.delivery_id, receipts.c.body, receipts.c.signature)
    .where(receipts.c.delivery_id.in_(bindparam("ids", expanding=True)))
    .order_by(receipts.c.position)
)
_OFFER = insert(offered)
_OFFERED_ID = offered.c.delivery_id
_ALREADY_OFFERED = select(_OFFERED_ID).where(_OFFERED_ID.in_(bindparam("ids", expanding=True)))
_WITHDRAW = delete(offered).where(_OFFERED_ID.in_(bindparam("ids", expanding=True)))
_OFFERED = (
    select(offered.c.content, deliveries.c.standing)
    .join(deliveries, _ID == _OFFERED_ID)
    .where(_OFFERED_ID.in_(bindparam("ids", expanding=True)))
    .order_by(offered.c.offered_at)
)
_ANSWERED = (
    select(_OFFERED_ID)
    .join(deliveries, _ID == _OFFERED_ID)
    .where(offered.c.mailbox == bindparam("mailbox"))
    .where(deliveries.c.standing.in_((Standing.DONE, Standing.REFUSED)))
)
_UNANSWERED = (
    select(offered.c.mailbox, func.count(), func.min(offered.c.offered_at))
    .join(deliveries, _ID == _OFFERED_ID)
    .where(deliveries.c.standing == Standing.OFFERED)
    .group_by(offered.c.mailbox)
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
        return await self._standing_so(delivery_ids, (Standing.DONE,))

    async def pending(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these were offered and are not done."""
        return await self._standing_so(delivery_ids, (Standing.OFFERED, Standing.REFUSED))

    async def _standing_so(
        self, delivery_ids: Sequence[DeliveryId], standings: tuple[Standing, ...]
    ) -> Collection[DeliveryId]:
        found: set[DeliveryId] = set()
        for start in range(0, len(delivery_ids), _MOST_IDS):
            part = delivery_ids[start : start + _MOST_IDS]
            found |= await self._reads.submit(_of_standing, (part, standings))
        return found

    async def release(self, delivery_id: DeliveryId, *, owner: str = "") -> None:
        """Release the lease. A delivery that is done, offered or in conflict does not change."""
        await self._writes.submit(_release, (delivery_id, owner))

    async def offer(self, offered: OfferedDelivery) -> None:
        """Record that a delivery was offered; of two records the first counts."""
        await self._writes.submit(_offer, offered)

    async def offered(self, delivery_ids: Sequence[DeliveryId]) -> Sequence[Offered]:
        """Those that were offered and are not closed, the oldest first."""
        found: list[Offered] = []
        for start in range(0, len(delivery_ids), _MOST_IDS):
            part = delivery_ids[start : start + _MOST_IDS]
            found += await self._reads.submit(_find_offered, part)
        return found

    async def answered(self, mailbox: MailboxName) -> Collection[DeliveryId]:
        """The offered deliveries of a mailbox that are done or refused, but not closed."""
        return await self._reads.submit(_find_answered, mailbox)

    async def unanswered(self) -> Mapping[MailboxName, Unanswered]:
        """The deliveries of each mailbox that wait for an answer."""
        return await self._reads.submit(_find_unanswered, None)

    async def refuse(self, delivery_id: DeliveryId) -> None:
        """Record that an offered delivery was refused."""
        await self._writes.submit(_refuse, delivery_id)

    async def close(self, delivery_id: DeliveryId) -> None:
        """Remove an answered offer; a refused delivery is `FRESH` again."""
        await self._writes.submit(_close, delivery_id)

    async def reclaim(self, mailboxes: Sequence[MailboxName]) -> None:
        """Release every lease of these mailboxes."""
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
            before.standing, before.lease, before.owner = taken, claim.lease, claim.owner
            renewed.append(before)
    if added:
        connection.execute(_ADD, [row.columns() for row in added])
    if renewed:
        connection.execute(
            _RENEW,
            [
                {"id": r.delivery_id, "standing": r.standing, "lease": r.lease, "owner": r.owner}
                for r in renewed
            ],
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
        owner=claim.owner,
    )


def _finish(connection: Connection, asked: Sequence[_Finishing]) -> list[Exception | None]:
    standings = _standings(connection, [each.delivery_id for each in asked])
    first: dict[str, _Finishing] = {}
    for each in asked:
        if each.delivery_id in standings and standings[each.delivery_id][0] != Standing.DONE:
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
        None if each.delivery_id in standings else _never_claimed(each.delivery_id)
        for each in asked
    ]


def _of_standing(
    connection: Connection,
    asked: Sequence[tuple[Sequence[DeliveryId], tuple[Standing, ...]]],
) -> list[set[DeliveryId]]:
    return [
        {
            DeliveryId(id_)
            for id_ in connection.scalars(
                _OF_STANDING, {"ids": padded(ids), "standings": standings}
            )
        }
        for ids, standings in asked
    ]


def _release(connection: Connection, asked: Sequence[tuple[DeliveryId, str]]) -> list[None]:
    standings = _standings(connection, [key for key, _ in asked])
    held = [key for key, owner in asked if standings.get(key) == (Standing.IN_PROGRESS, owner)]
    _stand(connection, held, Standing.FRESH)
    return [None] * len(asked)


def _offer(connection: Connection, asked: Sequence[OfferedDelivery]) -> list[Exception | None]:
    ids = [each.delivery_id for each in asked]
    standings = _standings(connection, ids)
    before = set(connection.scalars(_ALREADY_OFFERED, {"ids": padded(ids)}))
    new = {
        each.delivery_id: each
        for each in reversed(asked)
        if each.delivery_id not in before
        and standings.get(each.delivery_id, ("",))[0] in {Standing.IN_PROGRESS, Standing.FRESH}
    }
    if new:
        rows = [
            {
                "delivery_id": key,
                "mailbox": each.mailbox,
                "offered_at": each.offered_at,
                "content": each.to_json(),
            }
            for key, each in new.items()
        ]
        connection.execute(_OFFER, rows)
        _stand(connection, list(new), Standing.OFFERED)
    return [_never_claimed(key) if key not in standings else None for key in ids]


def _find_offered(
    connection: Connection, asked: Sequence[Sequence[DeliveryId]]
) -> list[list[Offered]]:
    answers: list[list[Offered]] = []
    for part in asked:
        rows = connection.execute(_OFFERED, {"ids": padded(part)}).all() if part else ()
        kept = [
            (OfferedDelivery.model_validate_json(row.content), Standing(row.standing))
            for row in rows
        ]
        done = [each.delivery_id for each, standing in kept if standing is Standing.DONE]
        given = _receipts(connection, done)
        answers.append(
            [
                Offered(
                    delivery=each,
                    standing=standing,
                    receipts=tuple(given.get(each.delivery_id, ())),
                )
                for each, standing in kept
            ]
        )
    return answers


def _find_answered(
    connection: Connection, asked: Sequence[MailboxName]
) -> list[Collection[DeliveryId]]:
    return [
        [DeliveryId(id_) for id_ in connection.scalars(_ANSWERED, {"mailbox": mailbox})]
        for mailbox in asked
    ]


def _find_unanswered(
    connection: Connection, asked: Sequence[None]
) -> list[Mapping[MailboxName, Unanswered]]:
    found = {
        MailboxName(mailbox): Unanswered(count=count, oldest=oldest)
        for mailbox, count, oldest in connection.execute(_UNANSWERED)
    }
    return [found] * len(asked)


def _refuse(connection: Connection, asked: Sequence[DeliveryId]) -> list[None]:
    standings = _standings(connection, asked)
    offers = [key for key in asked if standings.get(key, ("",))[0] == Standing.OFFERED]
    _stand(connection, offers, Standing.REFUSED)
    return [None] * len(asked)


def _close(connection: Connection, asked: Sequence[DeliveryId]) -> list[None]:
    standings = _standings(connection, asked)
    answered = [
        key for key in asked if standings.get(key, ("",))[0] in {Standing.DONE, Standing.REFUSED}
    ]
    if answered:
        connection.execute(_WITHDRAW, {"ids": padded(answered)})
    refused = [key for key in answered if standings[key][0] == Standing.REFUSED]
    _stand(connection, refused, Standing.FRESH)
    return [None] * len(asked)


def _stand(connection: Connection, ids: Collection[DeliveryId], standing: Standing) -> None:
    """Set the standing of deliveries, and end their leases."""
    if ids:
        rows = [{"id": key, "standing": standing, "lease": None} for key in dict.fromkeys(ids)]
        connection.execute(_RENEW, rows)


def _never_claimed(delivery_id: str) -> ValueError:
    return ValueError(f"delivery {delivery_id} was never claimed")


def _reclaim(connection: Connection, asked: Sequence[tuple[MailboxName, ...]]) -> list[None]:
    mailboxes = {mailbox for each in asked for mailbox in each}
    connection.execute(_RECLAIM, {"mailboxes": sorted(mailboxes)})
    return [None] * len(asked)


def _lock(connection: Connection, mailboxes: Iterable[str]) -> None:
    """Lock out other claims for these mailboxes until the commit.

    SQLite has one writer anyway. On PostgreSQL two processes could insert different contents of one
    document at the same time, which no row lock prevents. The order avoids deadlocks.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK_MAILBOXES, {"names": sorted(mailboxes)})


def _load(connection: Connection, claims: Sequence[Claim]) -> dict[str, _Row]:
    """All claimed deliveries of these documents, also the delivery itself."""
    documents = padded([_document(claim) for claim in claims])
    loaded = connection.execute(_LOAD, {"documents": documents}).mappings()
    rows = (_Row(**{**row, "standing": Standing(row["standing"])}) for row in loaded)
    return {row.delivery_id: row for row in rows}


def _standings(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The standing of each delivery, and its last owner."""
    loaded = connection.execute(_STANDINGS, {"ids": padded(ids)})
    return {row.delivery_id: (row.standing, row.owner) for row in loaded}


def _receipts(connection: Connection, ids: Sequence[str]) -> dict[str, list[SignedEnvelope]]:
    found: defaultdict[str, list[SignedEnvelope]] = defaultdict(list)
    if ids:
        for row in connection.execute(_RECEIPTS, {"ids": padded(ids)}):
            found[row.delivery_id].append(SignedEnvelope(body=row.body, signature=row.signature))
    return found
