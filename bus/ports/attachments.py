"""Attachments: files by their digest."""

from typing import Protocol

from adapters.contract import AttachmentSink, AttachmentSource


class AttachmentStore(AttachmentSink, AttachmentSource, Protocol):
    """Content-addressed files. Blocking: called in threads.

    A file is visible only when complete, digest known and synced to disk.
    """

    def has(self, sha256: str) -> bool:
        """Whether the store holds these bytes."""
