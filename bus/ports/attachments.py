"""Attachments: files by their digest, in the store that agencies share and on this machine."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from adapters.contract import AttachmentSink, AttachmentSource


class AttachmentStore(AttachmentSink, AttachmentSource, Protocol):
    """Content-addressed files. Blocking: called in threads.

    A file is visible only when complete, digest known and synced to disk.
    """

    def has(self, sha256: str) -> bool:
        """Whether the store holds these bytes."""

    def link(self, sha256: str, place: Path) -> bool:
        """Give a kept file a second name on this machine; False: it can only be copied.

        Raises:
            TransportError: E_ATTACHMENT_AWAY, from a store that could link to it.
        """


class FetchedFiles(AttachmentSource, Protocol):
    """The files of one delivery, which stay on this machine until they are released. Blocking."""

    def release(self) -> None:
        """Say that they are no longer needed. Does nothing when it is called twice."""


class AttachmentFetcher(Protocol):
    """Brings files from the attachment store to this machine. Blocking: called in threads."""

    def fetch(self, digests: Iterable[str]) -> FetchedFiles:
        """Bring these files, all or none.

        Raises:
            TransportError: E_ATTACHMENT_AWAY: the store does not hold one of them yet;
                E_STORE_AWAY, E_STORE_FULL.
            DocumentError: E_ATTACHMENT_DIGEST: a file is not what its digest says.
        """
