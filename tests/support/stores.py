"""Stores for tests of rules: SQLite files, copied from one that was migrated once."""

import asyncio
import tempfile
from pathlib import Path
from typing import TypeVar

from bus.store.batch import GroupCommit
from bus.store.database import Database, connect
from bus.store.dead_letters.letters import SqlDeadLetters
from bus.store.inbox import SqlInbox
from bus.store.migration import migrate
from bus.store.records import SqlRecords

Inbox = TypeVar("Inbox", bound=SqlInbox)
Letters = TypeVar("Letters", bound=SqlDeadLetters)


async def _template() -> bytes:
    """An empty database with all tables."""
    with tempfile.TemporaryDirectory(prefix="lienthong-template-") as folder:
        file = Path(folder) / "store.db"
        database = connect(f"sqlite:///{file}")
        await database.write(migrate)
        await database.aclose()
        return file.read_bytes()


_TEMPLATE = asyncio.run(_template())
"""Made at import: a test that runs as another user can neither import nor read much."""


def database_in(folder: Path, name: str) -> Database:
    """A database of its own, in a file of the folder; one that is there already is opened."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.db"
    if not file.exists():
        file.write_bytes(_TEMPLATE)
    return connect(f"sqlite:///{file}")


def inbox_in(folder: Path, kind: type[Inbox]) -> Inbox:
    """An inbox, of a class that may behave badly."""
    database = database_in(folder, "inbox")
    return kind(GroupCommit(database.write), GroupCommit(database.read))


def records_in(folder: Path) -> SqlRecords:
    """A register of documents."""
    database = database_in(folder, "records")
    return SqlRecords(GroupCommit(database.write), GroupCommit(database.read))


def letters_in(folder: Path, kind: type[Letters]) -> Letters:
    """Dead letters, in a store of a class that may behave badly."""
    return kind(database_in(folder, "letters"))
