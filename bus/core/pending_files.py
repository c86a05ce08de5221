"""The files of a packet while it is being read, before the packet is accepted.

No file of a refused packet may be in the attachment store, especially of a packet with a mark of
State secrecy, whichever part of it is read first.
"""

from collections.abc import Callable, Iterable
from typing import BinaryIO

from adapters.contract import MIB, AttachmentSink, BlobWriter, Kept
from schemas.document import Attachment
from schemas.problem import AxisError

_IN_MEMORY_BYTES = 4 * MIB
"""The files of one packet up to this size wait in memory, further files on disk."""


class PendingFiles:
    """An `AttachmentSink` that passes its files to another one when `keep_all` is called."""

    def __init__(self, sink: AttachmentSink) -> None:
        self._sink = sink
        self._held: dict[str, BlobWriter] = {}
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self._begun: list[BlobWriter] = []

    def begin(self) -> BlobWriter:
        """Start a new file."""
        writer = self._sink.begin()
        self._begun.append(writer)
        return _Held(writer, self._hold)

    def require(self, attachments: Iterable[Attachment]) -> None:
        """Raise `DocumentError` E_ATTACHMENT_MISSING if the packet does not contain a file."""
        for attachment in attachments:
            if self._sizes.get(attachment.sha256) != attachment.size:
                raise AxisError.of("E_ATTACHMENT_MISSING", content_id=attachment.name)

    def keep_all(self) -> None:
        """The packet is accepted: store its files."""
        for writer in self._held.values():
            writer.keep()

    def discard_all(self) -> None:
        """Delete the files that were not stored; does nothing after `keep_all`."""
        for writer in self._begun:
            writer.discard()

    def _hold(self, writer: BlobWriter) -> Kept:
        kept = writer.finish(aside=self._bytes > _IN_MEMORY_BYTES)
        self._bytes += kept.size
        self._sizes[kept.sha256] = kept.size
        if self._held.setdefault(kept.sha256, writer) is not writer:
            writer.discard()
        return kept


class _Held:
    """A file that waits until the packet is accepted."""

    def __init__(self, writer: BlobWriter, hold: Callable[[BlobWriter], Kept]) -> None:
        self._writer = writer
        self._hold = hold
        self._is_held = False

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def reopen(self) -> BinaryIO:
        return self._writer.reopen()

    def finish(self, *, aside: bool) -> Kept:
        return self._writer.finish(aside=aside)

    def keep(self) -> Kept:
        self._is_held = True
        return self._hold(self._writer)

    def discard(self) -> None:
        if not self._is_held:
            self._writer.discard()
