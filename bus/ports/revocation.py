"""Revocation: the outside of the question which certificates count no more."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bus.core.revocation.source import Chain
from bus.core.revocation.source_record import SourceRecords


class RevocationFetcher(Protocol):
    """Reaches lists and responders."""

    async def get(self, url: str) -> bytes:
        """The list at an address.

        Raises:
            TransportError: E_REVOCATION_SOURCE; it did not come whole, soon and small enough.
        """
        ...

    async def ask(self, url: str, question: bytes) -> bytes:
        """A responder's answer. Raises as `get`."""
        ...


class RevocationStore(Protocol):
    """What is kept of it. Every method may block."""

    def chains(self) -> Sequence[Chain]:
        """The certificates of all agencies, each with those above it."""
        ...

    def filed_lists(self) -> Mapping[str, bytes]:
        """The lists that an operator filed, by file name."""
        ...

    def stamp(self) -> int:
        """Changes whenever a filed list or a certificate does."""
        ...

    def load(self) -> SourceRecords:
        """What is known; empty when nothing is."""
        ...

    def save(self, records: SourceRecords) -> None:
        """Replace what is known, all or nothing."""
        ...
