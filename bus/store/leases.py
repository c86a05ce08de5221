"""Leases of mailboxes in a database: one transaction decides, so no mailbox has two workers."""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from bus.core.placement import Renewal, WorkerName, renewal
from bus.ports.leases import LEASE
from bus.store.database import Database
from bus.store.schema import mailbox_leases, workers
from schemas.identifiers import MailboxName

_LOCK = text("SELECT pg_advisory_xact_lock(7238913312)")
"""The lock of all decisions: otherwise two workers could take one mailbox at the same time."""
_DROP = delete(mailbox_leases).where(mailbox_leases.c.mailbox == bindparam("name"))
_FORGET_AFTER = timedelta(days=1)
_NOW_POSTGRESQL = text("SELECT clock_timestamp()")


class SqlLeases:
    """The leases in a database; a lease lasts as long as its worker is live."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def renew(
        self,
        worker: WorkerName,
        *,
        serves: Collection[MailboxName],
        holding: Collection[MailboxName],
        siblings: Collection[WorkerName] = (),
        serving: int = 0,
    ) -> Renewal:
        """See `ports.Leases.renew`."""

        def work(connection: Connection) -> Renewal:
            now = _begin(connection)
            _announce(connection, worker, serves, serving, now)
            live = {
                WorkerName(row.name): frozenset(json.loads(row.serves))
                for row in connection.execute(select(workers).where(workers.c.live_until > now))
            }
            leases = {
                MailboxName(row.mailbox): WorkerName(row.worker)
                for row in connection.execute(select(mailbox_leases))
                if row.worker in live
            }
            decided = renewal(
                worker, workers=live, siblings=siblings, leases=leases, holding=holding
            )
            wanted = (frozenset(holding) - decided.lost) | decided.taken
            mine = {mailbox for mailbox, owner in leases.items() if owner == worker}
            _drop(connection, mine - wanted)
            _give(connection, worker, wanted - mine)
            return decided

        return await self._database.write(work)

    async def leave(self, worker: WorkerName) -> None:
        """See `ports.Leases.leave`."""

        def work(connection: Connection) -> None:
            connection.execute(delete(mailbox_leases).where(mailbox_leases.c.worker == worker))
            connection.execute(delete(workers).where(workers.c.name == worker))

        await self._database.write(work)

    async def serving(self) -> Mapping[WorkerName, int]:
        """See `ports.Leases.serving`."""

        def work(connection: Connection) -> Mapping[WorkerName, int]:
            now = _now(connection)
            rows = connection.execute(select(workers).where(workers.c.live_until > now))
            return {WorkerName(row.name): row.serving for row in rows}

        return await self._database.read(work)


def _begin(connection: Connection) -> datetime:
    """Lock out decisions of other workers until the commit; returns the time of the database."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
    return _now(connection)


def _now(connection: Connection) -> datetime:
    if connection.dialect.name != "postgresql":
        # All users of a SQLite file are on this machine, so its clock counts.
        return datetime.now(UTC)
    moment: datetime = connection.execute(_NOW_POSTGRESQL).scalar_one()
    return moment


def _announce(
    connection: Connection,
    worker: WorkerName,
    serves: Collection[MailboxName],
    serving: int,
    now: datetime,
) -> None:
    live = {
        "serves": json.dumps(sorted(serves)),
        "serving": serving,
        "live_until": now + LEASE,
    }
    known = update(workers).where(workers.c.name == worker).values(live)
    if not connection.execute(known).rowcount:
        connection.execute(delete(workers).where(workers.c.live_until < now - _FORGET_AFTER))
        connection.execute(insert(workers).values(name=worker, **live))


def _give(connection: Connection, worker: WorkerName, mailboxes: Collection[MailboxName]) -> None:
    if mailboxes:
        _drop(connection, mailboxes)
        leases = [{"mailbox": mailbox, "worker": worker} for mailbox in sorted(mailboxes)]
        connection.execute(insert(mailbox_leases), leases)


def _drop(connection: Connection, mailboxes: Collection[MailboxName]) -> None:
    leases = [{"name": mailbox} for mailbox in sorted(mailboxes)]
    if leases:
        connection.execute(_DROP, leases)
