"""Journal: what operators did, kept."""

from collections.abc import Sequence
from typing import Protocol

from bus.core.journal import JournalEntry, JournalFilter


class Journal(Protocol):
    """What operators did. Durable. Raises `TransportError` E_STORE_AWAY, E_STORE_FULL."""

    async def write(self, entry: JournalEntry) -> None:
        """Keep an entry; one with the same id is replaced."""

    async def find(self, wanted: JournalFilter, *, limit: int) -> Sequence[JournalEntry]:
        """The last entries that match, the newest at the end. Only reads."""
