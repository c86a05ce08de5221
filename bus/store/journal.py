"""Journal in a database: a row for each act of an operator.

The rows lie in the database of the dead letters, so that an order about them and its row are
written in one transaction.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from bus.core.journal import JournalEntry, JournalFilter
from bus.store.database import Database
from bus.store.schema import journal


class SqlJournal:
    """The journal in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, entry: JournalEntry) -> None:
        """See `ports.Journal.write`."""

        def work(connection: Connection) -> None:
            connection.execute(delete(journal).where(journal.c.id == entry.id))
            write_entry(connection, entry)

        await self._database.write(work)

    async def find(self, wanted: JournalFilter, *, limit: int) -> Sequence[JournalEntry]:
        """See `ports.Journal.find`."""
        query = select(journal).order_by(journal.c.at.desc(), journal.c.id).limit(limit)
        if wanted.since is not None:
            query = query.where(journal.c.at >= wanted.since)
        if wanted.until is not None:
            query = query.where(journal.c.at < wanted.until)
        if wanted.operator:
            query = query.where(journal.c.operator == wanted.operator)
        if wanted.what:
            query = query.where(journal.c.what.startswith(wanted.what, autoescape=True))
        if wanted.about:
            query = query.where(journal.c.about.contains(wanted.about, autoescape=True))

        def work(connection: Connection) -> list[JournalEntry]:
            rows = connection.execute(query).mappings()
            return [JournalEntry.model_validate(dict(row)) for row in rows]

        return (await self._database.read(work))[::-1]


def write_entry(connection: Connection, entry: JournalEntry) -> None:
    """Write a new entry in the transaction of the act itself."""
    connection.execute(insert(journal).values(**dict(entry)))
