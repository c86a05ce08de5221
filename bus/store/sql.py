"""Store: what one database keeps, ready for use; the dead letters are in one of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from bus.core.dead_letters.order import NO_LIMITS, BulkLimits
from bus.store.batch import GroupCommit
from bus.store.database import BULK, Database, connect, prove_writable
from bus.store.dead_letters.letters import SqlDeadLetters
from bus.store.inbox import SqlInbox
from bus.store.journal import SqlJournal
from bus.store.leases import SqlLeases
from bus.store.migration import migrate
from bus.store.records import SqlRecords
from bus.store.register import SqlRegister


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """What one database keeps.

    Attributes:
        prove_writable: Raises `TransportError` while it cannot be written.
    """

    inbox: SqlInbox
    records: SqlRecords
    leases: SqlLeases
    register: SqlRegister
    database: Database
    prove_writable: Callable[[], Awaitable[None]]


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Open a database, migrated; at the exit what is under way is finished.

    Args:
        url: `sqlite:///file` or `postgresql://user:password@host/name`.

    Raises:
        ConfigurationError: E_SETTING, the URL is wrong, or the tables are of a newer version.
        TransportError: E_STORE_AWAY or E_STORE_FULL; try again.
    """
    async with aclosing(connect(url)) as database:
        await database.write(migrate)
        async with (
            aclosing(GroupCommit(database.write)) as writes,
            aclosing(GroupCommit(database.read)) as reads,
        ):
            yield Store(
                inbox=SqlInbox(writes, reads),
                records=SqlRecords(writes, reads),
                leases=SqlLeases(database),
                register=SqlRegister(database),
                database=database,
                prove_writable=partial(prove_writable, database),
            )


@asynccontextmanager
async def open_dead_letters(
    url: str, *, limits: BulkLimits = NO_LIMITS
) -> AsyncIterator[SqlDeadLetters]:
    """Open a database of dead letters, migrated; at the exit what is under way is finished.

    Embedded it is a file of its own, so that a bulk action of an operator never stalls the inbox;
    for the same reason it waits longer for other processes. One server may keep both.

    Args:
        url: As for `open_store`.
        limits: How many letters one order may take.

    Raises:
        ConfigurationError: E_SETTING, the URL is wrong, or the tables are of a newer version.
        TransportError: E_STORE_AWAY or E_STORE_FULL; try again.
    """
    async with aclosing(connect(url, load=BULK)) as database:
        await database.write(migrate)
        async with aclosing(SqlDeadLetters(database, limits=limits)) as letters:
            yield letters


@asynccontextmanager
async def open_journal(url: str) -> AsyncIterator[SqlJournal]:
    """Open the journal, which lies in the database of the dead letters. Raises as that does."""
    async with aclosing(connect(url)) as database:
        await database.write(migrate)
        yield SqlJournal(database)
