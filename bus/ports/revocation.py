"""Fetching revocations, and storing them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bus.core.revocation.source import Chain
from bus.core.revocation.source_record import SourceRecords


class RevocationFetcher(Protocol):
    """Sends requests to CRL addresses and OCSP responders."""

    async def get(self, url: str) -> bytes:
        """Fetch a list. Raises `TransportError` E_REVOCATION_SOURCE."""

    async def ask(self, url: str, question: bytes) -> bytes:
        """Send a request to a responder, and return the response. Raises as `get`."""


class RevocationStore(Protocol):
    """Stores revocations and certificates. Every method may block."""

    def chains(self) -> Sequence[Chain]:
        """The chain of every agency's certificate."""

    def filed_lists(self) -> Mapping[str, bytes]:
        """The lists that an operator stored: file name → content."""

    def stamp(self) -> int:
        """A number that changes whenever a stored list or a certificate changes."""

    def load(self) -> SourceRecords:
        """Load the records; empty when there are none."""

    def save(self, records: SourceRecords) -> None:
        """Replace all records, atomically."""
