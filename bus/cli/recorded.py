"""Acts of an operator, each with its row in the journal."""

import asyncio
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from bus.cli.legible import legible
from bus.core.journal import JournalEntry
from bus.settings import Settings

NAME_AT_MOST = 100
_ABOUT_AT_MOST = 500


def operator_here() -> str:
    """The operator: from `LIENTHONG_OPERATOR`, or the login name."""
    named = os.environ.get("LIENTHONG_OPERATOR", "").strip()
    if not named:
        try:
            named = getpass.getuser()
        except (ImportError, KeyError, OSError):
            named = f"uid {os.getuid()}"  # a container's user without a name
    return legible(named)[:NAME_AT_MOST]


@contextmanager
def recorded(
    settings: Settings, what: str, *about: object, why: str | None = None
) -> Iterator[None]:
    """Do what is inside, with a row in the journal: written before, completed afterwards.

    So an act that was killed also has a row, which says that it was begun. No act takes place
    without a row. While the database is away, the axis delivers nothing either.

    Args:
        what: The command without its options.
        about: The object of the act. It must not be secret, because the row is never deleted.
        why: The reason that the operator gave.

    Raises:
        ConfigurationError: E_PATH: the file of the journal may not be written by who asks.
        TransportError: E_STORE_AWAY, E_STORE_FULL; nothing was done.
    """
    entry = JournalEntry(
        id=uuid4().hex,
        at=datetime.now(UTC),
        operator=operator_here(),
        what=what,
        about=legible(" ".join(map(str, about)))[:_ABOUT_AT_MOST],
        why=why,
    )
    asyncio.run(_write(settings, entry))
    try:
        yield
    except BaseException as error:
        asyncio.run(_write(settings, entry.ended(error)))
        raise
    asyncio.run(_write(settings, entry.ended(None)))


async def _write(settings: Settings, entry: JournalEntry) -> None:
    # Not imported by commands that only read.
    from bus.bootstrap.dead_letter_store import reached_journal  # noqa: PLC0415

    async with reached_journal(settings) as journal:
        await journal.write(entry)
